"""Triplets of any video: frames are left out, and are what is to be made."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from vfi.media import VideoReader
from vfi.media.images import eight_bit
from vfi.triplets.triplet import DataError, Triplet, Triplets


def open_film(source: Path, factor: int = 2) -> Triplets:
    """Return the frames of a video that ``factor`` leaves out, each between the two nearest that it keeps.

    With 2 every other frame is left out, with 4 three of four. Frames count from 0 and are named by their number;
    their times are the video's own, also where its rate varies; deep colour is rounded to 8 bits. What follows the
    last frame kept is not used. Raises DataError if the factor is below 2 or the video shorter than one gap, and
    MediaError if it cannot be read.
    """
    if factor < 2:
        raise DataError(f"the factor is {factor}: give 2 or more, 2 leaves out every other frame")
    with VideoReader(source) as reader:
        frames = reader.frame_count
    if frames is not None and frames <= factor:
        raise DataError(f"{source} has {frames} frames: a factor of {factor} needs {factor + 1} or more")
    count = None if frames is None else (frames - 1) // factor * (factor - 1)
    return Triplets(f"{source.name}, factor {factor}", count, partial(_read, source, factor))


def _read(source: Path, factor: int) -> Iterator[Triplet]:
    gap = []
    with VideoReader(source) as reader:
        for number, frame in enumerate(reader):
            gap.append((number, frame.time, eight_bit(frame.rgb)))
            if len(gap) <= factor:
                continue
            (_, start, before), *left_out, (_, end, after) = gap
            for name, time, middle in left_out:
                yield Triplet(f"{source.stem}/{name}", before, middle, after, (time - start) / (end - start))
            gap = gap[-1:]
