"""How a result came out: what was kept of its source, whether it flickers, and which new frames look wrong."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np

from flow.metrics import json_text
from vfi.doubt import doubt
from vfi.evaluate import Report as Score
from vfi.media import Frame, MediaError, Part, VideoReader
from vfi.media.images import eight_bit, upright
from vfi.media.probe import StreamFacts, VideoFacts, probe
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
        if new:
            lines.append(f"new frames are {self.flicker:.3f} levels brighter or darker than those around them (median)")
        if self.doubtful:
            worst = self.doubtful[0]
            lines.append(f"most doubtful: frame {worst.index} at {float(worst.time):.3f} s, {worst.badness:.1f} levels")
        if self.score is not None:
            lines.append(f"{self.model} on every other frame of the source: {self.score}")
        return "\n".join(lines)


def report_result(
    output: str | Path,
    source: str | Path,
    *,
    part: Part | None = None,
    speed: Fraction = Fraction(1),
    progress: Callable[[int, int | None], None] | None = None,
) -> ResultReport:
    """Compare a result of `vfi.upsample` with its source, or with the ``part`` of it and at the ``speed`` it is of.

    Both go by once, a few frames of each at a time. Raises MediaError if one cannot be read, or they cannot be of one
    film: they differ in size or in duration; ValueError for a speed of 0 or less.
    """
    if speed <= 0:
        raise ValueError(f"the speed is {speed}: it must be greater than 0")
    output, source = Path(output), Path(source)
    whole = not part and speed == 1
    made, known = probe(output), probe(source)
    new, old = made.fit_video(), known.fit_video()
    if (new.info.width, new.info.height) != (old.info.width, old.info.height):
        raise MediaError(f"{output} and {source} differ in size: name the video that the result was made of")
    frames: list[ResultFrame] = []
    worst = Worst[DoubtfulFrame](DOUBTFUL, DISTANCE)
    with VideoReader(output) as reader, VideoReader(source, part) as original:
        lasts = original.duration / speed
        if abs(reader.duration - lasts) > max(Fraction(1), lasts / 20):
            raise MediaError(
                f"{output} lasts {float(reader.duration):.3f} s and {source} {float(lasts):.3f} s: name the video that"
                " the result was made of, and the part and the speed it is of"
            )
        for place in _placed(reader, (frame.slowed(speed) for frame in original.frames(beyond=True))):
            frame, candidate = _judge(place, len(frames), new.info.rotation, worst)
            frames.append(frame)
            if candidate is not None:
                worst.keep(candidate)
            if progress is not None:
                progress(len(frames), reader.frame_count)
        checks = (
            Check("frames", f"{old.frames}", f"{len(frames)}, {sum(frame.new for frame in frames)} new", None),
            Check("frame rate", _rate(old), _rate(new), None),
            _duration(lasts, reader),
            Check("times", "rise throughout", "rise throughout", True),  # else the reader would have refused it
            *_looks(old, new),
            *([Check("chapters", *_words(len(known.chapters), len(made.chapters)))] if whole else []),
            *_streams(known.streams, made.streams, (old.index, new.index), whole),
        )
    return ResultReport(source, output, checks, tuple(frames), tuple(worst.frames))


@dataclass(frozen=True, eq=False)
class _Place:
    """A frame of the result, and the source's frames around it: the same one twice at the time of one."""

    time: Fraction
    frame: Frame
    before: Frame
    after: Frame
    within: float  # from 0, at the one before, to 1


def _placed(output: VideoReader, originals: Iterator[Frame]) -> Iterator[_Place]:
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


def _rate(video: VideoFacts) -> str:
    rate = "unknown" if video.rate is None else f"{float(video.rate):.6g} fps"
    return f"{rate} on average" if video.variable else rate


def _duration(source: Fraction, output: VideoReader) -> Check:
    longer, frame = output.duration - source, 1 / output.timeline.average_rate
    lasts = f"{float(output.duration):.3f} s ({float(longer):+.3f} s)"
    return Check("duration", f"{float(source):.3f} s", lasts, abs(longer) <= frame)


def _words(source: object, output: object) -> tuple[str, str, bool]:
    return str(source or "none"), str(output or "none"), source == output


def _looks(old: VideoFacts, new: VideoFacts) -> Iterator[Check]:
    """Compare all that is said of the pictures."""
    yield Check("pixel format", *_words(old.info.pix_fmt, new.info.pix_fmt))
    yield Check("colour matrix", *_words(old.matrix, new.matrix))
    yield Check("colour primaries", *_words(old.primaries, new.primaries))
    yield Check("colour transfer", *_words(old.transfer, new.transfer))
    yield Check("colour range", *_words(old.range or "limited", new.range or "limited"))
    yield Check("HDR", *_words(old.hdr, new.hdr))
    yield Check("pixel aspect", *_words(old.info.pixel_aspect or 1, new.info.pixel_aspect or 1))
    yield Check("rotation", *_words(old.info.rotation, new.info.rotation))


def _streams(
    old: Sequence[StreamFacts], new: Sequence[StreamFacts], videos: tuple[int, int], whole: bool
) -> Iterator[Check]:
    """Find each stream of the source but its main video again, by what it is and in order.

    Of a part, or at another speed, sound ends elsewhere and may be encoded anew.
    """
    left = [stream for stream in new if stream.index != videos[1]]
    for stream in old:
        if stream.index == videos[0]:
            continue
        alike = [found for found in left if (found.type, found.cover) == (stream.type, stream.cover)]
        same = [found for found in alike if found.codec == stream.codec] or ([] if whole else alike)
        if not same:
            yield Check(str(stream), "there", "left out", False)
            continue
        match = same[0]
        left.remove(match)
        if whole and stream.type == "audio" and stream.end is not None and match.end is not None:
            later = match.end - stream.end
            yield Check(str(stream), "there", f"there, ends {float(later):+.3f} s later", abs(later) <= IN_STEP)
        else:
            yield Check(str(stream), "there", "there", True)
