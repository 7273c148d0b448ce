"""From frames to more frames, and from one file to another."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from vfi.media import Encoding, Frame, Part, SlowMotion, VideoReader
from vfi.media.frame import Origin
from vfi.media.numbering import is_pattern
from vfi.media.open import check_sink, is_pictures, open_sink, open_source
from vfi.media.pictures import PICTURE_RATE
from vfi.media.protocols import Source
from vfi.media.verify import Written
from vfi.spans import Content, Span, spans
from vfi.timing import Timing
from vfi.transparency import between_transparent

Between = Callable[[np.ndarray, np.ndarray, Sequence[Fraction]], Sequence[np.ndarray]]
"""Two RGB images (H, W, 3), uint8 or uint16, and times in (0, 1) -> an image like them for each time."""


@runtime_checkable
class Knowing(Protocol):
    """A `Between` that knows how far its images are to be trusted: 0 to 1, or None."""

    def make(
        self, before: np.ndarray, after: np.ndarray, times: Sequence[Fraction]
    ) -> Sequence[tuple[np.ndarray, float | None]]: ...


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
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _checked(self, written: Written) -> str:
        checked = [f"duration {float(written.duration_error):+.3f} s"]
        if written.sound_error is not None:
            checked.append(f"end of sound {float(written.sound_error):+.3f} s")
        kept = [*written.kept, *self.copied]
        return f"checked: {', '.join(checked)}" + (f"; kept {', '.join(kept)}" if kept else "")


def _rate(value: Fraction | None) -> str:
    return "variable rate" if value is None else f"{float(value):.6g} fps"


@dataclass
class _Tally:
    """Counts what passes."""

    end: Fraction | None  # seconds: a frame from here on is only looked at
    frames: int = 0
    cuts: int = 0
    held: int = 0
    until: Fraction = Fraction(0)  # of the latest frame's showing, seconds
    # Twelve bytes a frame: a film of ten hours needs a few megabytes.
    times: array[float] = field(default_factory=lambda: array("d"))
    confidence: array[float] = field(default_factory=lambda: array("f"))
    origins: Counter[Origin] = field(default_factory=Counter)  # of the frames written

    def arriving(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.frames += self.end is None or frame.time < self.end
            self.until = frame.time + frame.duration
            yield frame

    def between(self, found: Iterable[Span]) -> Iterator[Span]:
        for span in found:
            self.cuts += span.kind == "cut"
            self.held += span.held
            yield span

    def leaving(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            yield frame
            self.origins[frame.origin] += 1
            if frame.confidence is not None:
                self.times.append(float(frame.time))
                self.confidence.append(frame.confidence)


def interpolate(
    frames: Iterable[Frame], between: Between, timing: Timing, content: Content | None = None
) -> Iterator[Frame]:
    """Yield a frame at every instant of ``timing``: the source's own where it has one, else a new one.

    After the last frame nothing is known, so that it is held until its end. Ten frames at most are in memory.
    """
    return fill(spans(frames, content or Content()), between, timing, content or Content())


def fill(found: Iterable[Span], between: Between, timing: Timing, content: Content) -> Iterator[Frame]:
    """Yield the frames of `interpolate`, given what lies between those of the source."""
    first: Fraction | None = None
    index = 0
    for span in found:
        before = span.frames[0]
        first = before.time if first is None else first
        ends = [frame.time - first for frame in span.frames]
        if span.kind == "end":
            ends.append(ends[0] + before.duration)
        instants: list[Fraction] = []
        for start, end in pairwise(ends):
            instants += (first + t for t in timing.instants(index, start, end))
            index += 1
        if before.time in instants:
            yield before
        new = [instant for instant in instants if instant != before.time]
        if not new:
            continue
        after = span.frames[-1]
        if span.kind == "motion":
            yield from _made(before, after, new, between, "made")
        elif span.kind == "cut" and content.cuts == "blend":
            yield from _made(before, after, new, _blend, "blended")
        elif span.kind == "cut":
            middle = (before.time + after.time) / 2
            yield from (after.again(instant) if instant > middle else before.again(instant) for instant in new)
        else:
            yield from (before.again(instant) for instant in new)


def _made(before: Frame, after: Frame, instants: list[Fraction], between: Between, origin: Origin) -> Iterator[Frame]:
    span = after.time - before.time
    times = [(instant - before.time) / span for instant in instants]
    made = partial(_asked, between, times=times)
    images: Iterable[tuple[np.ndarray, float | None]]
    studio = False
    if before.opaque and after.opaque:
        # Clipped, new frames would be darker in the highlights than the originals on both sides of them.
        studio = before.beyond_range or after.beyond_range
        images = made(before.studio_rgb, after.studio_rgb) if studio else made(before.rgb, after.rgb)
    else:
        images = between_transparent(before, after, made)
    for instant, (image, confidence) in zip(instants, images, strict=True):
        yield Frame(
            instant,
            before.duration,
            before.color,
            pixels=image,
            confidence=confidence,
            studio=studio,
            origin=origin,
        )


def _asked(
    between: Between, before: np.ndarray, after: np.ndarray, times: Sequence[Fraction]
) -> Iterator[tuple[np.ndarray, float | None]]:
    """Yield the new images, and the confidence in them if ``between`` knows it."""
    made: Iterable[tuple[np.ndarray, float | None]]
    if isinstance(between, Knowing):
        made = between.make(before, after, times)
    else:
        made = ((image, None) for image in between(before, after, times))
    for image, confidence in made:
        if image.shape != before.shape or image.dtype != before.dtype:
            raise ValueError(f"the interpolator returned {image.shape} {image.dtype} for {before.shape} {before.dtype}")
        yield image, confidence


def _blend(before: np.ndarray, after: np.ndarray, times: Sequence[Fraction]) -> list[np.ndarray]:
    """The average of two images, weighted by time and rounded."""
    weighted = ((1 - np.float32(float(t))) * before + np.float32(float(t)) * after for t in times)
    return [np.rint(image).astype(before.dtype) for image in weighted]


def upsample(
    source: Path,
    output: Path,
    between: Between,
    timing: Timing,
    *,
    part: Part | None = None,
    slow: SlowMotion | None = None,
    encoding: Encoding | None = None,
    content: Content | None = None,
    rate_in: Fraction | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Write ``source``, or a ``part`` of it, with more frames to ``output``, everything else unchanged.

    In ``slow`` motion, it is the slower film that ``timing`` gives more frames: with its factor one over the speed, it
    keeps the frame rate. Between a part's last frame and the next one of the film there is motion as everywhere.
    Both are what `vfi.media.open` knows: videos, animations, folders and patterns of pictures, y4m; ``rate_in`` is the
    rate of pictures, which carry none, per second.

    The output appears under its name only when it is complete and verified. Raises MediaError, in one sentence,
    if the source, the output or the encoding does not work out; nothing is left behind then.
    """
    content = content or Content()
    speed = slow.speed if slow is not None else Fraction(1)
    check_sink(output, source, overwrite)
    if is_pictures(source) and is_pattern(output):
        rate_in = rate_in or PICTURE_RATE  # which will not be seen
    with open_source(source, rate=rate_in, part=part) as reader:
        rate = timing.rate(None if reader.rate is None else reader.rate * speed)
        average_rate = timing.rate(reader.average_rate * speed) or reader.average_rate
        start = reader.start / speed
        end = None if reader.duration is None else start + reader.duration / speed
        total = _total(reader, timing, speed)
        with open_sink(
            output,
            reader,
            encoding=encoding or Encoding(),
            rate=rate,
            average_rate=average_rate,
            tick=timing.tick(reader.tick / speed),
            start=start,
            slow=slow,
        ) as writer:
            tally = _Tally(end)
            beyond = {"beyond": True} if isinstance(reader, VideoReader) else {}
            frames = (frame.slowed(speed) for frame in reader.frames(writer.copy, **beyond))
            found = tally.between(spans(tally.arriving(frames), content))
            made = (frame for frame in fill(found, between, timing, content) if end is None or frame.time < end)
            for frame in tally.leaving(made):
                writer.write(frame)
                if progress is not None:
                    done = tally.origins.total() + 1
                    progress(done, total, tally.cuts + 1)
            end = tally.until if end is None else end
            written = writer.finish(end)
        return Summary(
            source=source,
            output=output,
            frames_in=tally.frames,
            frames_out=tally.origins.total(),
            frames_made=tally.origins["made"],
            frames_blended=tally.origins["blended"],
            frames_repeated=tally.origins["repeated"],
            cuts=tally.cuts,
            frames_held=tally.held,
            confidence=tuple(zip(tally.times, tally.confidence, strict=True)),
            duration=end - start,
            rate_in=reader.rate,
            rate_out=rate,
            size=(reader.info.width, reader.info.height),
            speed=speed,
            copied=writer.copied,
            codec=writer.encoder.codec,
            pix_fmt=writer.encoder.pix_fmt,
            options=writer.encoder.options,
            written=written,
            notes=(*reader.notes, *writer.notes),
        )


def _total(source: Source, timing: Timing, speed: Fraction) -> int | None:
    """Return how many frames will be written, None if that is not known."""
    if source.frame_count is None or source.duration is None:
        return None
    return timing.count(source.frame_count, source.duration / speed)
