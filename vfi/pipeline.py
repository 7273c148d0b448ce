"""From frames to more frames, and from one file to another."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from flow.memory import peak_gpu, peak_resident
from vfi.blending import blend_images
from vfi.choices import Course
from vfi.media import Encoding, Frame, Part, SlowMotion, VideoReader
from vfi.media.deinterlace import Deinterlace
from vfi.media.frame import Origin
from vfi.media.numbering import is_pattern
from vfi.media.open import check_sink, is_pictures, open_sink, open_source
from vfi.media.pictures import PICTURE_RATE
from vfi.media.protocols import Sink, Source
from vfi.media.verify import Written
from vfi.media.yuv import YuvImage
from vfi.neighbours import ahead, with_neighbours
from vfi.side_by_side import SideBySide
from vfi.spans import Content, Span, looped_spans, spans
from vfi.timing import Timing
from vfi.transparency import between_transparent

Between = Callable[[np.ndarray, np.ndarray, Sequence[Fraction]], Sequence[np.ndarray]]
"""Two RGB images (H, W, 3), uint8 or uint16, and times in (0, 1) -> an image like them for each time."""


@runtime_checkable
class Knowing(Protocol):
    """A `Between` that knows how far its images are to be trusted: 0 to 1, or None."""

    def make(
        self, before: np.ndarray, after: np.ndarray, times: Sequence[Fraction]
    ) -> Iterable[tuple[np.ndarray, float | None]]: ...


@runtime_checkable
class Starting(Protocol):
    """A `Between` that can start on a pair of images before its turn, in another thread."""

    def start(self, before: np.ndarray, after: np.ndarray) -> Any:
        """Return what `make` takes as its ``start``."""
        ...

    def make(
        self, before: np.ndarray, after: np.ndarray, times: Sequence[Fraction], start: Any
    ) -> Iterable[tuple[np.ndarray, float | None]]: ...


@runtime_checkable
class Curving(Starting, Protocol):
    """A `Starting` that follows motion as it changes, where it is told what leads to it and on from it."""

    def curved(self, start: Any, before: tuple[Any, Fraction] | None, after: tuple[Any, Fraction] | None) -> Any:
        """Return a ``start`` that knows the course of what moves.

        before, after: what `start` returned for the two images before, and for those after, and how long it is between
        them as a part of how long it is between these two; None where no motion leads here, or on.
        """
        ...


@runtime_checkable
class Composing(Starting, Protocol):
    """A `Starting` that takes images as video stores them, too, and returns such (`vfi.media.yuv`)."""

    def composes(self, height: int, width: int) -> bool:
        """Tell whether it does, of a size."""
        ...


@runtime_checkable
class Noting(Protocol):
    """A `Between` that has something to tell the user, a sentence each."""

    @property
    def notes(self) -> Sequence[str]: ...


_AHEAD, _CORES = 3, 4  # pairs that are started ahead at most, and cores for each

Progress = Callable[[int, "int | None", int], None]
"""Called with the frames written so far, the frames to write if known, and the number of the scene, from 1."""


@dataclass(frozen=True)
class Summary:
    """What `upsample` did."""

    source: Path
    output: Path
    frames_in: int
    frames_out: int
    frames_made: int  # by the interpolator
    frames_blended: int  # across cuts
    frames_repeated: int  # the source's, shown again; all others are the source's at their own times
    cuts: int  # changes of scene, across which nothing is interpolated
    frames_held: int  # of the source, that repeat the one before
    confidence: tuple[tuple[float, float], ...]  # time in seconds, and confidence, of new frames whose maker knows it
    duration: Fraction  # seconds, of the source and but for ``written.duration_error`` of the output
    rate_in: Fraction | None  # frames per second at the source's own speed, None if variable
    rate_out: Fraction | None
    size: tuple[int, int]  # width, height
    speed: Fraction  # times the source's
    copied: tuple[str, ...]  # streams carried over untouched, but for the times of a film that is played slower
    codec: str  # the encoder's name
    pix_fmt: str
    options: dict[str, str]  # of the encoder
    # Two results are the same whatever they took.
    peak_memory: int | None = field(compare=False)  # bytes held at most so far, None where the system does not tell
    peak_gpu_memory: int | None = field(compare=False)  # bytes of a GPU's, None without one
    written: Written | None  # what reading the output back showed; pictures and pipes are not read back
    notes: tuple[str, ...]  # what the user should know, a sentence each

    @property
    def frames_kept(self) -> int:
        """How many frames of the source are there at their own times."""
        return self.frames_out - self.frames_made - self.frames_blended - self.frames_repeated

    def __str__(self) -> str:
        """Say what was written, in a few lines."""
        lines = [
            f"wrote {self.output}: {self.frames_in} -> {self.frames_out} frames, "
            f"{_rate(self.rate_in)} -> {_rate(self.rate_out)}, {float(self.duration):.3f} s"
            f"{'' if self.speed == 1 else f' at {self.speed} speed'}, "
            f"{self.size[0]}x{self.size[1]}"
        ]
        counts = [
            f"{count} {what}"
            for count, what in (
                (self.frames_kept, "kept"),
                (self.frames_made, "made"),
                (self.frames_blended, "blended"),
                (self.frames_repeated, "repeated"),
            )
            if count
        ]
        found = [
            f"{count} {name}{'' if count == 1 else 's'}"
            for count, name in ((self.cuts, "scene cut"), (self.frames_held, "held frame"))
            if count
        ]
        lines.append(f"frames: {', '.join(counts)}" + (f"; found {' and '.join(found)}" if found else ""))
        if self.confidence:
            mean = sum(trust for _, trust in self.confidence) / len(self.confidence)
            moment, least = min(self.confidence, key=lambda known: known[1])
            lines.append(f"confidence in new frames {mean:.2f} on average, {least:.2f} at least (at {moment:.2f} s)")
        if self.written is not None:
            lines.append(self._checked(self.written))
        held = [
            f"{count / 1e9:.2f} GB{where}"
            for count, where in ((self.peak_memory, ""), (self.peak_gpu_memory, " of the GPU's"))
            if count is not None
        ]
        if held:
            lines.append(f"memory: {', '.join(held)} at most")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _checked(self, written: Written) -> str:
        checked = [f"duration {_offset(written.duration_error)}"]
        if written.sound_error is not None:
            checked.append(f"end of sound {_offset(written.sound_error)}")
        kept = [*written.kept, *self.copied]
        return f"checked: {', '.join(checked)}" + (f"; kept {', '.join(kept)}" if kept else "")


def _offset(seconds: Fraction) -> str:
    return f"{round(seconds * 1000) / 1000:+.3f} s"  # rounded as a whole number, so that none is -0.000


def _rate(value: Fraction | None) -> str:
    return "variable rate" if value is None else f"{float(value):.6g} fps"


@dataclass(frozen=True)
class Schedule:
    """When the frames of the new film come; seconds are those of the source's frames, played at the new speed."""

    start: Fraction
    end: Fraction | None  # None if only reading to the end can tell
    rate: Fraction | None  # frames per second, None if variable
    average_rate: Fraction
    tick: Fraction  # every frame comes at the start plus a whole number of these
    total: int | None  # frames, None if only decoding can tell

    @classmethod
    def of(cls, source: Source, timing: Timing, speed: Fraction) -> Schedule:
        """Plan for a source that is played at ``speed`` times its own."""
        start, length = source.start / speed, None if source.duration is None else source.duration / speed
        counted = source.frame_count is not None and length is not None
        return cls(
            start=start,
            end=None if length is None else start + length,
            rate=timing.rate(None if source.rate is None else source.rate * speed),
            average_rate=timing.rate(source.average_rate * speed) or source.average_rate,
            tick=timing.tick(source.tick / speed),
            total=timing.count(source.frame_count, length) if counted else None,  # type: ignore[arg-type]
        )


@dataclass
class Tally:
    """Counts what passes."""

    frames: int = 0  # of the source
    cuts: int = 0
    held: int = 0
    until: Fraction = Fraction(0)  # of the latest frame's showing, seconds
    origins: Counter[Origin] = field(default_factory=Counter)  # of the frames that came out
    # Twelve bytes a frame: a film of ten hours needs a few megabytes.
    times: array[float] = field(default_factory=lambda: array("d"))
    confidence: array[float] = field(default_factory=lambda: array("f"))

    @property
    def made(self) -> int:
        """How many frames came out."""
        return self.origins.total()

    def fields(self) -> dict[str, Any]:
        """Return it as JSON values, of which `of` makes it again."""
        return {
            **vars(self),
            "until": str(self.until),
            "origins": dict(self.origins),
            "times": self.times.tolist(),
            "confidence": self.confidence.tolist(),
        }

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Tally:
        """Make it of what `fields` returned."""
        times, confidence = array("d", fields["times"]), array("f", fields["confidence"])
        until, origins = Fraction(fields["until"]), Counter(fields["origins"])
        return cls(**fields | {"until": until, "origins": origins, "times": times, "confidence": confidence})

    def __iadd__(self, other: Tally) -> Tally:
        """Add what comes after."""
        self.frames += other.frames
        self.cuts += other.cuts
        self.held += other.held
        self.until = max(self.until, other.until)
        self.origins += other.origins
        self.times += other.times
        self.confidence += other.confidence
        return self


@dataclass(frozen=True)
class Stretch:
    """What to fill of a film whose frames come from its middle on."""

    gaps: range  # gap n follows frame n
    number: int  # of the first frame that comes, `settled_from` the first gap or earlier
    start: Fraction  # seconds, of the film's first frame


def interpolate(
    frames: Iterable[Frame],
    between: Between,
    timing: Timing,
    content: Content | None = None,
    *,
    end: Fraction | None = None,
    loop: bool = False,
    stretch: Stretch | None = None,
    tally: Tally | None = None,
) -> Iterator[Frame]:
    """Yield a frame at every instant of ``timing``: the source's own where it has one, else a new one.

    After the last frame nothing is known, so that it is held until its end; in a ``loop`` the first follows on it.
    Frames from ``end`` (seconds) on are only looked at. The frames of a ``stretch`` are those that the whole film has
    there. ``tally`` is counted up, by each frame before the next one is made. A dozen frames at most are in memory.
    """
    content, tally = content or Content(), tally or Tally()
    found = looped_spans(frames, content, end) if loop else spans(frames, content, stretch.number if stretch else 0)
    for filling, start in _started(_fillings(found, timing, end, stretch), between, content.course):
        span, gaps = filling.span, filling.gaps
        tally.frames += len(gaps)
        tally.cuts += len(gaps) if span.kind == "cut" else 0
        tally.held += sum(map(span.repeats, gaps))
        if gaps:
            tally.until = span.frames[-1].time + span.frames[-1].duration
        for frame in _fill(filling, between, content, start):
            if end is not None and frame.time >= end:
                continue
            tally.origins[frame.origin] += 1
            if frame.confidence is not None:
                tally.times.append(float(frame.time))
                tally.confidence.append(frame.confidence)
            yield frame


@dataclass(frozen=True)
class _Filling:
    """What is to be filled of a span."""

    span: Span
    gaps: list[int]
    shown: bool  # whether its first frame comes
    new: list[Fraction]  # seconds: the instants that follow it

    @property
    def ends(self) -> tuple[Frame, Frame]:
        return self.span.frames[0], self.span.frames[-1]

    @property
    def duration(self) -> Fraction:
        """Seconds from one end to the other."""
        return self.ends[1].time - self.ends[0].time

    @property
    def moves(self) -> bool:
        """Whether what its ends show moves from one to the other."""
        return self.span.kind == "motion" and all(frame.opaque for frame in self.ends)


def _fillings(
    found: Iterable[Span], timing: Timing, end: Fraction | None, stretch: Stretch | None
) -> Iterator[_Filling]:
    """Yield what is to be filled of a film's spans, or of a ``stretch`` of them, up to ``end`` (seconds).

    Of the spans around that, which are not filled, there is at least one on either side.
    """
    start = stretch.start if stretch else None
    for span in found:
        if start is None:
            start = span.frames[0].time
        gaps = [
            gap
            for gap, frame in zip(span.gaps, span.frames, strict=False)
            if (end is None or frame.time < end) and (stretch is None or gap in stretch.gaps)
        ]
        first, ends = span.frames[0], [frame.time - start for frame in span.frames]
        if span.kind == "end":
            ends.append(ends[0] + first.duration)
        instants = [
            start + t
            for gap, limits in zip(span.gaps, pairwise(ends), strict=True)
            if gap in gaps
            for t in timing.instants(gap, *limits)
        ]
        yield _Filling(span, gaps, first.time in instants, [t for t in instants if t != first.time])
        if stretch is not None and span.number >= stretch.gaps.stop:
            return


def _started(fillings: Iterator[_Filling], between: Between, course: Course) -> Iterator[tuple[_Filling, Any]]:
    """Yield what is to be filled, and what `Starting.start` returned for it, which is called some pairs ahead."""
    if not isinstance(between, Starting):
        yield from ((filling, None) for filling in fillings)
        return
    curving = between if course == "curved" and isinstance(between, Curving) else None
    count = max(1, min(_AHEAD, (os.cpu_count() or 1) // _CORES))
    pool = ThreadPoolExecutor(count)
    try:
        begun = ahead(_begun(fillings, between, pool, curved=curving is not None), count)
        if curving is None:
            yield from ((here.filling, _awaited(here)) for here in begun)
            return
        for before, here, after in with_neighbours(begun):
            start = _awaited(here)
            if start is not None and here.filling.new:
                start = curving.curved(start, _next_to(here, before), _next_to(here, after))
            yield here.filling, start
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Begun:
    """What is to be filled, and what is being found out for it."""

    filling: _Filling
    start: Future[Any] | None  # what `Starting.start` will return, None where it is not asked


def _begun(fillings: Iterator[_Filling], between: Starting, pool: ThreadPoolExecutor, curved: bool) -> Iterator[_Begun]:
    """Begin with what is to be filled, and where motion is to be curved with what is next to that."""
    for before, filling, after in with_neighbours(fillings):
        wanted = filling.new or (curved and any(other is not None and other.new for other in (before, after)))
        yield _Begun(filling, pool.submit(_start, between, filling) if wanted and filling.moves else None)


def _start(between: Starting, filling: _Filling) -> Any:
    images, _ = _images(*filling.ends, between)
    return between.start(*images)


def _awaited(begun: _Begun) -> Any:
    return None if begun.start is None else begun.start.result()


def _next_to(here: _Begun, other: _Begun | None) -> tuple[Any, Fraction] | None:
    """Return what is known of the one beside another, and how long it is beside that; None where nothing moves."""
    if other is None or other.start is None:
        return None
    return _awaited(other), other.filling.duration / here.filling.duration


def _fill(filling: _Filling, between: Between, content: Content, start: Any) -> Iterator[Frame]:
    """Yield the frames; start: what `Starting.start` returned for them, if it was called."""
    (before, after), span, new = filling.ends, filling.span, filling.new
    if filling.shown:
        yield before
    if not new:
        return
    if span.kind == "motion":
        yield from _made(before, after, new, between, "made", start)
    elif span.kind == "cut" and content.cuts == "blend":
        yield from _made(before, after, new, _blend, "blended")
    elif span.kind == "cut":
        middle = (before.time + after.time) / 2
        yield from (after.again(instant) if instant > middle else before.again(instant) for instant in new)
    else:
        yield from (before.again(instant) for instant in new)


def _images(before: Frame, after: Frame, between: Between | Starting) -> tuple[tuple[Any, Any], bool]:
    """Return what is interpolated of two opaque frames, and whether that is RGB with room beyond black and white."""
    picture = before.picture
    if isinstance(between, Composing) and picture is not None and between.composes(picture.height, picture.width):
        one, other = before.yuv, after.yuv
        if one is not None and other is not None and one.is_like(other):
            return (one, other), False
    # Clipped, new frames would be darker in the highlights than the originals on both sides of them.
    if before.beyond_range or after.beyond_range:
        return (before.studio_rgb, after.studio_rgb), True
    return (before.rgb, after.rgb), False


def _made(
    before: Frame, after: Frame, instants: list[Fraction], between: Between, origin: Origin, start: Any = None
) -> Iterator[Frame]:
    span = after.time - before.time
    made = partial(_asked, between, times=[(instant - before.time) / span for instant in instants])
    images: Iterable[tuple[np.ndarray | YuvImage, float | None]]
    studio = False
    if before.opaque and after.opaque:
        pair, studio = _images(before, after, between)
        images = made(*pair, start=start)
    else:
        images = between_transparent(before, after, made)
    for instant, (image, confidence) in zip(instants, images, strict=True):
        yield Frame(
            instant,
            before.duration,
            before.color,
            picture=image.picture if isinstance(image, YuvImage) else None,
            pixels=None if isinstance(image, YuvImage) else image,
            confidence=confidence,
            studio=studio,
            origin=origin,
        )


def _asked(
    between: Between, before: np.ndarray, after: np.ndarray, times: Sequence[Fraction], start: Any = None
) -> Iterator[tuple[np.ndarray, float | None]]:
    """Yield the new images, and the confidence in them if ``between`` knows it."""
    made: Iterable[tuple[np.ndarray, float | None]]
    if isinstance(between, Starting):
        made = between.make(before, after, times, start)
    elif isinstance(between, Knowing):
        made = between.make(before, after, times)
    else:
        made = ((image, None) for image in between(before, after, times))
    for image, confidence in made:
        if image.shape != before.shape or image.dtype != before.dtype:
            raise ValueError(f"the interpolator returned {image.shape} {image.dtype} for {before.shape} {before.dtype}")
        yield image, confidence


def _blend(before: np.ndarray, after: np.ndarray, times: Sequence[Fraction]) -> list[np.ndarray]:
    return [blend_images(before, after, t) for t in times]


def upsample(
    source: str | Path,
    output: str | Path,
    between: Between,
    timing: Timing,
    *,
    part: Part | None = None,
    slow: SlowMotion | None = None,
    encoding: Encoding | None = None,
    content: Content | None = None,
    rate_in: Fraction | None = None,
    deinterlace: Deinterlace = "off",
    loop: bool = False,
    side_by_side: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Write ``source``, or a ``part`` of it, with more frames to ``output``, everything else unchanged.

    In ``slow`` motion, it is the slower film that ``timing`` gives more frames: with its factor one over the speed, it
    keeps the frame rate. Between a part's last frame and the next one of the film there is motion as everywhere; in a
    ``loop`` the first frame follows on the last. Both are what `vfi.media.open` knows: videos, animations, folders and
    patterns of pictures, y4m; ``rate_in`` is the rate of pictures, which carry none, per second. Interlaced video is
    refused, or with ``deinterlace`` made frames of first, one of each picture ("frame") or of each field ("field").
    ``side_by_side`` writes the source, held from frame to frame, with the result on its right.

    The output appears under its name only when it is complete and verified. Raises MediaError, in one sentence,
    if the source, the output or the encoding does not work out; nothing is left behind then.
    """
    source, output = Path(source), Path(output)
    speed = slow.speed if slow is not None else Fraction(1)
    check_sink(output, source, overwrite)
    if is_pictures(source) and is_pattern(output):
        rate_in = rate_in or PICTURE_RATE  # which will not be seen
    with open_source(source, rate=rate_in, part=part, deinterlace=deinterlace) as reader:
        schedule, tally = Schedule.of(reader, timing, speed), Tally()
        pair = SideBySide(reader.info) if side_by_side else None
        info = pair.info if pair else reader.info
        with open_sink(
            output,
            reader,
            encoding=encoding or Encoding(),
            rate=schedule.rate,
            average_rate=schedule.average_rate,
            tick=schedule.tick,
            start=schedule.start,
            info=info,
            slow=slow,
        ) as writer:
            beyond = {"beyond": not loop} if isinstance(reader, VideoReader) else {}
            frames: Iterator[Frame] = (frame.slowed(speed) for frame in reader.frames(writer.copy, **beyond))
            frames = pair.passing(frames) if pair else frames
            made = interpolate(frames, between, timing, content, end=schedule.end, loop=loop, tally=tally)
            for frame in pair.beside(made) if pair else made:
                writer.write(frame)
                if progress is not None:
                    progress(tally.made, schedule.total, tally.cuts + 1)
            written = writer.finish(tally.until if schedule.end is None else schedule.end)
        summary = summarize(reader, output, schedule, tally, speed, writer, written, between)
        return replace(summary, size=(info.width, info.height))


def summarize(
    source: Source,
    output: Path,
    schedule: Schedule,
    tally: Tally,
    speed: Fraction,
    writer: Sink,
    written: Written | None,
    between: Between,
) -> Summary:
    """Return what was done when ``writer`` has written what ``between`` made of a source."""
    return Summary(
        source=source.path,
        output=output,
        frames_in=tally.frames,
        frames_out=tally.made,
        frames_made=tally.origins["made"],
        frames_blended=tally.origins["blended"],
        frames_repeated=tally.origins["repeated"],
        cuts=tally.cuts,
        frames_held=tally.held,
        confidence=tuple(zip(tally.times, tally.confidence, strict=True)),
        duration=(tally.until if schedule.end is None else schedule.end) - schedule.start,
        rate_in=source.rate,
        rate_out=schedule.rate,
        size=(source.info.width, source.info.height),
        speed=speed,
        copied=writer.copied,
        codec=writer.encoder.codec,
        pix_fmt=writer.encoder.pix_fmt,
        options=writer.encoder.options,
        peak_memory=peak_resident(),
        peak_gpu_memory=peak_gpu(),
        written=written,
        notes=(*source.notes, *writer.notes, *(between.notes if isinstance(between, Noting) else ())),
    )
