"""Upsampling that can be interrupted at any moment, gone on with, and shared by several processes."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from fractions import Fraction
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path

from vfi.chunks import Made, make_chunk, plan_chunks
from vfi.media import CONTAINERS, Encoding, MediaError, Part, SlowMotion, VideoReader, VideoWriter
from vfi.media.animation import ANIMATIONS
from vfi.media.encoding import choose_encoder
from vfi.media.join import join
from vfi.media.names import kin, temporary_name
from vfi.media.open import is_pictures, is_y4m
from vfi.media.pieces import piece_ending
from vfi.media.writer import check_output
from vfi.pipeline import Between, Progress, Schedule, Summary, Tally, summarize
from vfi.spans import Content
from vfi.timing import Timing
from vfi.workdir import Chunk, Workdir

CHUNK = Fraction(10)  # seconds
_ENDS = 2**20  # bytes of a source's head and tail by which it is known again
_POLL = 0.2  # seconds between looks at what others do


class Stopped(Exception):
    """The work was stopped as wished, and can be gone on with."""

    def __init__(self, partial: Path | None, until: Fraction, problem: str | None = None) -> None:
        """``partial`` holds the film up to ``until`` (seconds), unless that is nothing or a ``problem`` came up."""
        super().__init__(f"stopped at {float(until):.2f} s")
        self.partial, self.until, self.problem = partial, until, problem


def can_resume(source: Path, output: Path) -> bool:
    """Tell whether both are films, which come to be chunk by chunk; pictures, animations and pipes do not."""
    animated = source.suffix.lower() in ANIMATIONS
    return output.suffix.lower() in CONTAINERS and not (is_pictures(source) or is_y4m(source) or animated)


def default_workdir(output: Path) -> Path:
    """Return the folder beside an output in which it comes to be.

    >>> default_workdir(Path("films/walk_2x.mkv")).name
    '.walk_2x.mkv.vfi'
    """
    return kin(output, ".", f"{output.suffix}.vfi")


def partial_output(output: Path) -> Path:
    """Return the name of what is made of an output so far.

    >>> partial_output(Path("walk_2x.mkv")).name
    'walk_2x.partial.mkv'
    """
    return kin(output, "", f".partial{output.suffix}")


def lesson_path(workdir: Path, source: Path, made_by: Mapping[str, str]) -> Path:
    """Return where in the folder weights are kept that were learnt from the source; no other source has them there."""
    known = json.dumps({**_source_identity(source), **made_by})
    return workdir / f"learnt-{hashlib.sha256(known.encode()).hexdigest()[:16]}.safetensors"


def upsample_resumably(
    source: str | Path,
    output: str | Path,
    between: Between,
    timing: Timing,
    *,
    made_by: Mapping[str, str],
    part: Part | None = None,
    slow: SlowMotion | None = None,
    encoding: Encoding | None = None,
    content: Content | None = None,
    overwrite: bool = False,
    workdir: str | Path | None = None,
    chunk: Fraction = CHUNK,
    restart: bool = False,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary | None:
    """Write a video with more frames to a video, as `vfi.pipeline.upsample` does, but chunk by chunk.

    Chunks of so many seconds come to be in the folder ``workdir``, beside the output by default. Whatever ends the
    work, the same call goes on with those that are complete, unless it is to ``restart``; while it works, the same call
    in another process shares the work, and returns None if the other completes it. ``made_by`` tells ``between`` from
    any other in words, for a film must not change on the way. The frames are those of `upsample`, and each chunk starts
    with a key frame.

    ``stop`` is asked before each frame: when it says so, the film so far is written to `partial_output` and Stopped
    raised. Raises MediaError, in one sentence, if the source, the output, the encoding or the folder does not work out.
    """
    source, output = Path(source), Path(output)
    check_output(output, source, overwrite)
    if chunk <= 0:
        raise ValueError(f"a chunk lasts {float(chunk):g} s: it must last longer than 0")
    with VideoReader(source, part) as reader:
        film = _Film(reader, output, between, timing, slow, encoding or Encoding(), content or Content(), stop)
        work = film.open(
            Path(workdir or default_workdir(output)), {**made_by, "part": str(part or Part())}, chunk, restart
        )
        progress = progress or (lambda done, total, scene: None)
        try:
            while True:
                film.make(work, progress)
                with work.lock("film", give_up=stop) as ours:
                    if not ours and stop():
                        raise film.stopped(work)
                    if not ours or not work.exists():
                        if not output.exists():
                            raise MediaError(
                                f"{work.folder} was removed, or the film in it completed under another name"
                            )
                        return None
                    if not work.mend():
                        summary = film.join(work)
                        work.remove()
                        return summary
        except MediaError as error:
            if work.exists() and any(chunk.done for chunk in work.chunks()):
                raise MediaError(
                    f"{error}; what is made so far is kept, and the same command goes on with it, as does one for"
                    f" another container with --workdir {work.folder}"
                ) from error
            raise
        finally:
            work.leave()


class _Film:
    """A film to be made, and how."""

    def __init__(
        self,
        reader: VideoReader,
        output: Path,
        between: Between,
        timing: Timing,
        slow: SlowMotion | None,
        encoding: Encoding,
        content: Content,
        stop: Callable[[], bool],
    ) -> None:
        self.reader, self.output, self.between, self.timing, self.slow = reader, output, between, timing, slow
        self.encoding, self.content, self.stop = encoding, content, stop
        self.encoder = choose_encoder(encoding, reader.info, output)
        self.speed = slow.speed if slow is not None else Fraction(1)
        self.schedule = Schedule.of(reader, timing, self.speed)
        # What the container or the encoder cannot do is better known before hours of work than after.
        with (
            tempfile.TemporaryDirectory(prefix="vfi-") as folder,
            self._writer(output, Path(folder) / f"rehearsal{output.suffix}") as rehearsal,
        ):
            self.headers = rehearsal.headers

    def open(self, folder: Path, made_by: Mapping[str, str], seconds: Fraction, restart: bool) -> Workdir:
        """Open the folder of chunks."""
        options = " ".join(f"{key}={value}" for key, value in sorted(self.encoder.options.items()))
        film = {
            **_source_identity(self.reader.path),
            "vfi": version("vfi"),
            **made_by,
            "timing": str(self.timing),
            "speed": str(self.speed),
            **{name.replace("_", " "): str(value) for name, value in asdict(self.content).items()},
            "codec": f"{self.encoder.codec} {self.encoder.pix_fmt} {options}",
            "encoder's headers": hashlib.sha256(self.headers).hexdigest()[:16],
            "seconds in a chunk": str(seconds),
        }
        chunks = plan_chunks(self.reader, seconds)
        return Workdir(folder, film, chunks, piece_ending(self.encoder), restart=restart)

    def make(self, work: Workdir, progress: Progress) -> None:
        """Make all chunks that nobody else makes, and wait for the others; raises Stopped."""
        while work.exists() and (missing := [chunk for chunk in work.chunks() if not chunk.done]):
            idle = True
            for chunk in missing:
                if self.stop():
                    raise self.stopped(work)
                with work.claim(chunk) as ours:
                    if ours:
                        work.record(chunk, self._made(work, chunk, progress))
                        idle = False
            if idle:
                time.sleep(_POLL)

    def _made(self, work: Workdir, chunk: Chunk, progress: Progress) -> Made:
        chunks, total = work.chunks(), self.schedule.total
        before, scene = sum(other.made for other in chunks), 1
        scene += sum(other.cuts for other in chunks if other.gaps.start < chunk.gaps.start)
        progress(before, total, scene)
        made = make_chunk(
            self.reader,
            chunk.gaps,
            work.path(chunk),
            self.between,
            self.timing,
            encoder=self.encoder,
            content=self.content,
            speed=self.speed,
            stop=self.stop,
            progress=lambda tally: progress(before + tally.made, total, scene + tally.cuts),
        )
        if made.stopped is not None:
            raise self.stopped(work, chunk, made)
        return made

    def join(self, work: Workdir) -> Summary:
        """Join the chunks to the output."""
        chunks, partial, tally = work.chunks(), partial_output(self.output), Tally()
        for chunk in chunks:
            tally += work.tally(chunk)
        with self._writer(self.output, _temporary(self.output, work)) as writer:
            pieces = [work.piece(chunk) for chunk in chunks]
            end = self.reader.time_of(self.reader.timeline.frames) / self.speed
            written = join(pieces, self.reader, writer, end, self.speed)
        for outdated in (partial, _temporary(partial, work)):
            outdated.unlink(missing_ok=True)
        return summarize(self.reader, self.output, self.schedule, tally, self.speed, writer, written, self.between)

    def stopped(self, work: Workdir, chunk: Chunk | None = None, made: Made | None = None) -> Stopped:
        """Write the film so far, with the beginning of a chunk if it comes next, and return what to raise."""
        done = list(takewhile(lambda chunk: chunk.done, work.chunks()))
        pieces = [work.piece(chunk) for chunk in done]
        number = done[-1].gaps.stop if done else 0
        until = self.reader.time_of(number) / self.speed
        if chunk is not None and made is not None and made.stopped is not None and chunk.gaps.start == number:
            pieces.append(made.piece)
            until = made.stopped
        if not any(piece.frames for piece in pieces):
            return Stopped(None, until)
        partial = partial_output(self.output)
        try:
            with work.lock("film"), self._writer(partial, _temporary(partial, work), until) as writer:
                join(pieces, self.reader, writer, until, self.speed)
        except MediaError as error:
            return Stopped(None, until, str(error))
        return Stopped(partial, until)

    def _writer(self, path: Path, temporary: Path, until: Fraction | None = None) -> VideoWriter:
        return VideoWriter(
            path,
            self.reader,
            encoding=self.encoding,
            rate=self.schedule.average_rate,
            tick=self.schedule.tick,
            start=self.schedule.start,
            slow=self.slow,
            until=until,
            temporary=temporary,
        )


def _temporary(path: Path, work: Workdir) -> Path:
    """Return a name to write to which the next run uses again, so that nothing stays behind if this one is killed."""
    token = hashlib.sha256(str(work.folder.resolve()).encode()).hexdigest()[:8]
    return temporary_name(path, token)


def _source_identity(source: Path) -> dict[str, str]:
    """Return what tells a source from another, or from itself before it was changed."""
    stat = source.stat()
    with source.open("rb") as file:
        ends = file.read(_ENDS)
        file.seek(max(0, stat.st_size - _ENDS))
        ends += file.read(_ENDS)
    return {
        "source size": str(stat.st_size),
        "source time": str(stat.st_mtime_ns),
        "source head and tail": hashlib.sha256(ends).hexdigest(),
    }
