"""From frames to more frames, and from one file to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vfi.media import Encoding, Frame, VideoReader, VideoWriter
from vfi.media.writer import check_output
from vfi.timing import Timing

Between = Callable[[np.ndarray, np.ndarray, Sequence[Fraction]], Sequence[np.ndarray]]
"""Two RGB images (H, W, 3), uint8 or uint16, and times in (0, 1) -> an image like them for each time."""

Progress = Callable[[int, "int | None"], None]
"""Called with the frames written so far and, if known, the frames to write."""


@dataclass(frozen=True)
class Summary:
    """What `upsample` did."""

    source: Path
    output: Path
    frames_in: int
    frames_out: int
    frames_new: int  # made by the interpolator; the others are the source's, some shown more than once
    duration: Fraction  # seconds
    rate_in: Fraction | None  # frames per second, None if variable
    rate_out: Fraction | None
    size: tuple[int, int]  # width, height
    copied: tuple[str, ...]  # streams carried over untouched
    notes: tuple[str, ...]  # what the user should know, a sentence each


@dataclass
class _Tally:
    """Counts frames as they pass."""

    frames: int = 0

    def __call__(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.frames += 1
            yield frame


def interpolate(frames: Iterable[Frame], between: Between, timing: Timing) -> Iterator[Frame]:
    """Yield a frame at every instant of ``timing``: the source's own where it has one, else a new one.

    After the last frame nothing is known, so that it is held until its end. Two frames are in memory at a time.
    """
    previous: Frame | None = None
    first, index = Fraction(0), 0
    for frame in frames:
        if previous is None:
            first = frame.time
        else:
            instants = [first + t for t in timing.instants(index, previous.time - first, frame.time - first)]
            yield from _gap(previous, frame, instants, between)
            index += 1
        previous = frame
    if previous is not None:
        start = previous.time - first
        for instant in timing.instants(index, start, start + previous.duration):
            yield previous.at(first + instant)


def _gap(before: Frame, after: Frame, instants: list[Fraction], between: Between) -> Iterator[Frame]:
    new = [instant for instant in instants if instant != before.time]
    if len(new) < len(instants):
        yield before
    if not new:
        return
    # Clipped, new frames would be darker in the highlights than the originals on both sides of them.
    studio = before.beyond_range or after.beyond_range
    first, second = (before.studio_rgb, after.studio_rgb) if studio else (before.rgb, after.rgb)
    if np.array_equal(first, second):  # a still scene, or a frame shown twice
        yield from (before.at(instant) for instant in new)
        return
    span = after.time - before.time
    images = between(first, second, [(instant - before.time) / span for instant in new])
    for instant, image in zip(new, images, strict=True):
        if image.shape != first.shape or image.dtype != first.dtype:
            raise ValueError(f"the interpolator returned {image.shape} {image.dtype} for {first.shape} {first.dtype}")
        yield Frame(instant, before.duration, before.color, pixels=image, studio=studio)


def upsample(
    source: Path,
    output: Path,
    between: Between,
    timing: Timing,
    *,
    encoding: Encoding | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Write ``source`` with more frames to ``output``, everything else unchanged.

    The output appears under its name only when it is complete and verified. Raises MediaError, in one sentence,
    if the source, the output or the encoding does not work out; nothing is left behind then.
    """
    check_output(output, source, overwrite)
    with VideoReader(source) as reader:
        times = reader.timeline
        start = times.start - reader.origin
        rate = timing.rate(times.rate)
        total = timing.count(times.frames, times.duration)
        with VideoWriter(
            output,
            reader,
            encoding=encoding or Encoding(),
            rate=rate or total / times.duration,
            tick=timing.tick(times.tick),
            start=start,
        ) as writer:
            arrived, done, new = _Tally(), 0, 0
            for frame in interpolate(arrived(reader.frames(writer.copy)), between, timing):
                writer.write(frame)
                done += 1
                new += frame.picture is None
                if progress is not None:
                    progress(done, None if reader.frame_count is None else total)
            writer.finish(start + times.duration)
        return Summary(
            source=source,
            output=output,
            frames_in=arrived.frames,
            frames_out=done,
            frames_new=new,
            duration=times.duration,
            rate_in=times.rate,
            rate_out=rate,
            size=reader.size,
            copied=writer.copied,
            notes=(*reader.notes, *writer.notes),
        )
