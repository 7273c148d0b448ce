"""How a result came out: what was kept of its source, whether it flickers, and which new frames look wrong."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np

from flow.metrics import json_text
from vfi.doubt import doubt
from vfi.evaluate import Report as Score
from vfi.media import Frame, MediaError, VideoReader
from vfi.media.images import eight_bit, upright
from vfi.media.probe import Probe, StreamFacts, VideoFacts, probe
from vfi.worst import CROP, Box, Worst, worst_part

DOUBTFUL, DISTANCE = 6, Fraction(1, 4)  # frames shown, and seconds between any two of them
SAME_TIME = Fraction(1, 1000)  # seconds: Matroska rounds to whole milliseconds
IN_STEP = Fraction(1, 20)  # seconds by which sound may end earlier or later: a packet may begin in the film alone


@dataclass(frozen=True)
class Check:
    """Something of the source, and what became of it."""

    name: str
    source: str
    output: str
    kept: bool | None  # None: it is meant to differ


@dataclass(frozen=True)
class ResultFrame:
    """A frame of the result."""

    time: Fraction  # seconds
    new: bool  # it was made, and is none of the source's
    luma: float  # the mean, 0 to 255
    step: float  # how much brighter it is than the source's frames around it, or than its counterpart, in levels
    doubt: float  # RMS in levels of its worst part, see `vfi.doubt`; 0 of the source's own


@dataclass(frozen=True, eq=False)
class DoubtfulFrame:
    """A new frame that may be wrong; images (H, W, 3) uint8 RGB, as shown."""

    index: int  # in the result, from 0
    time: Fraction
    badness: float  # its doubt
    box: Box  # where
    before: np.ndarray  # the source's frames around it
    new: np.ndarray
    after: np.ndarray


@dataclass(frozen=True, eq=False)
class ResultReport:
    """Everything that the page shows."""

    source: Path
    output: Path
    checks: tuple[Check, ...]
    frames: tuple[ResultFrame, ...]
    doubtful: tuple[DoubtfulFrame, ...]  # the most doubtful first
    model: str | None = None
    score: Score | None = None  # of the model, on the source's own frames

    @property
    def lost(self) -> list[Check]:
        """What was not kept."""
        return [check for check in self.checks if check.kept is False]

    @property
    def flicker(self) -> float:
        """By how many levels new frames are brighter or darker than the source's around them; the median, past cuts."""
        steps = [abs(frame.step) for frame in self.frames if frame.new]
        return median(steps) if steps else 0.0

    def to_json(self) -> str:
        """Return all numbers as a JSON object; times as exact fractions of a second."""
        return json_text(
            {
                "source": self.source.name,
                "output": self.output.name,
                "checks": [asdict(check) for check in self.checks],
                "flicker": self.flicker,
                "doubtful": [frame.index for frame in self.doubtful],
                "frames": [asdict(frame) | {"time": str(frame.time)} for frame in self.frames],
                "model": self.model,
                "score": None if self.score is None else self.score.values(),
            }
        )

    def __str__(self) -> str:
        """Return the gist in a few lines."""
        new = sum(frame.new for frame in self.frames)
        lines = [f"{self.output}: {len(self.frames)} frames, {new} of them new"]
        lines += [f"not kept: {check.name}, {check.source} became {check.output}" for check in self.lost]
        lines += [] if self.lost else ["everything else is as in the source"]
        lines.append(f"new frames are {self.flicker:.3f} levels brighter or darker than those around them (median)")
        if self.doubtful:
            worst = self.doubtful[0]
            lines.append(f"most doubtful: frame {worst.index} at {float(worst.time):.3f} s, {worst.badness:.1f} levels")
        if self.score is not None:
            lines.append(f"{self.model} on every other frame of the source: {self.score}")
        return "\n".join(lines)


def report_result(
    output: Path,
    source: Path,
    *,
    progress: Callable[[int, int | None], None] | None = None,
) -> ResultReport:
    """Compare a result of `vfi.upsample` with its source.

    Both go by once, a few frames of each at a time. Raises MediaError if one cannot be read, or they cannot be of one
    film: they differ in size or in duration.
    """
    made, known = probe(output), probe(source)
    for found in (made, known):
        if (reason := found.fault or found.unfit) is not None:
            raise MediaError(reason)
    assert made.video is not None
    assert known.video is not None
    if (made.video.info.width, made.video.info.height) != (known.video.info.width, known.video.info.height):
        raise MediaError(f"{output} and {source} differ in size: name the video that the result was made of")
    assert made.video.duration is not None
    assert known.video.duration is not None
    if abs(made.video.duration - known.video.duration) > max(Fraction(1), known.video.duration / 20):
        raise MediaError(
            f"{output} lasts {float(made.video.duration):.3f} s and {source} {float(known.video.duration):.3f} s: name"
            " the video that the result was made of, as a whole and at its own speed"
        )
    frames: list[ResultFrame] = []
    worst = Worst[DoubtfulFrame](DOUBTFUL, DISTANCE)
    with VideoReader(output) as reader, VideoReader(source) as original:
        for place in _placed(reader, original):
            frame, candidate = _judge(place, len(frames), reader.info.rotation, worst)
            frames.append(frame)
            if candidate is not None:
                worst.keep(candidate)
            if progress is not None:
                progress(len(frames), made.video.frames)
    return ResultReport(source, output, tuple(_checks(made, known, frames)), tuple(frames), tuple(worst.frames))


@dataclass(frozen=True, eq=False)
class _Place:
    """A frame of the result, and the source's frames around it: the same one twice at the time of one."""

    time: Fraction
    frame: Frame
    before: Frame
    after: Frame
    within: float  # from 0, at the one before, to 1


def _placed(output: VideoReader, source: VideoReader) -> Iterator[_Place]:
    originals = iter(source)
    before = next(originals)
    after: Frame | None = next(originals, None)
    first, start = None, before.time
    for frame in output:
        first = frame.time if first is None else first  # containers may start at 0
        time = frame.time - first + start
        while after is not None and after.time <= time + SAME_TIME:
            before, after = after, next(originals, None)
        if abs(before.time - time) <= SAME_TIME or after is None:  # after the last one nothing is known
            yield _Place(frame.time, frame, before, before, 0.0)
        else:
            yield _Place(frame.time, frame, before, after, float((time - before.time) / (after.time - before.time)))


def _judge(
    place: _Place, index: int, rotation: int, worst: Worst[DoubtfulFrame]
) -> tuple[ResultFrame, DoubtfulFrame | None]:
    """Return what is to be said of a frame, and the frame itself if it is among the most doubtful so far."""
    around = (place.before, place.frame, place.after)
    before, luma, after = (upright(frame.luma, rotation) for frame in around)
    step = float(luma.mean() - (before.mean() + place.within * (after.mean() - before.mean())))
    if place.before is place.after:
        return ResultFrame(place.time, False, float(luma.mean()), step, 0.0), None
    errors = doubt(luma, before, after)
    scale = luma.shape[1] / errors.shape[1]
    box, badness = worst_part(errors, round(CROP / scale))
    judged = ResultFrame(place.time, True, float(luma.mean()), step, badness)
    if not worst.wants(place.time, badness):
        return judged, None
    left, top, side, _ = (round(length * scale) for length in box)
    left, top = min(left, luma.shape[1] - side), min(top, luma.shape[0] - side)
    images = (upright(eight_bit(frame.rgb), rotation) for frame in around)
    return judged, DoubtfulFrame(index, place.time, badness, (left, top, side, side), *images)


def _checks(made: Probe, known: Probe, frames: list[ResultFrame]) -> Iterator[Check]:
    assert made.video is not None
    assert known.video is not None
    new, old = made.video, known.video
    assert new.duration is not None
    assert old.duration is not None
    yield Check("frames", f"{old.frames}", f"{new.frames}, {sum(frame.new for frame in frames)} new", None)
    yield Check("frame rate", _rate(old), _rate(new), None)
    tolerance = new.duration / len(frames)
    yield Check(
        "duration",
        f"{float(old.duration):.3f} s",
        f"{float(new.duration):.3f} s ({float(new.duration - old.duration):+.3f} s)",
        abs(new.duration - old.duration) <= tolerance,
    )
    # The reader refuses a film whose times do not.
    yield Check("times", "rise throughout", "rise throughout", True)
    for name, before, after in (
        ("pixel format", old.info.pix_fmt, new.info.pix_fmt),
        ("colour matrix", old.matrix, new.matrix),
        ("colour primaries", old.primaries, new.primaries),
        ("colour transfer", old.transfer, new.transfer),
        ("colour range", old.range or "limited", new.range or "limited"),
        ("HDR", old.hdr, new.hdr),
        ("pixel aspect", old.info.pixel_aspect or 1, new.info.pixel_aspect or 1),
        ("rotation", old.info.rotation, new.info.rotation),
        ("chapters", len(known.chapters), len(made.chapters)),
    ):
        yield Check(name, str(before or "none"), str(after or "none"), before == after)
    left = [stream for stream in made.streams if stream.index != new.index]
    for stream in known.streams:
        if stream.index == old.index:
            continue
        match = next((s for s in left if (s.type, s.codec, s.cover) == (stream.type, stream.codec, stream.cover)), None)
        if match is not None:
            left.remove(match)
        yield Check(str(stream), "there", *_stream_state(stream, match))


def _rate(video: VideoFacts) -> str:
    rate = "unknown" if video.rate is None else f"{float(video.rate):.6g} fps"
    return f"{rate} on average" if video.variable else rate


def _stream_state(stream: StreamFacts, match: StreamFacts | None) -> tuple[str, bool]:
    if match is None:
        return "left out", False
    if stream.type != "audio" or stream.end is None or match.end is None:
        return "there", True
    difference = match.end - stream.end
    return f"there, ends {float(difference):+.3f} s later", abs(difference) <= IN_STEP
