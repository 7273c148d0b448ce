"""Triplets of any video: frames are left out, and are what is to be made."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vfi.media import VideoReader
from vfi.media.images import eight_bit
from vfi.neighbours import with_neighbours
from vfi.triplets.triplet import Beside, DataError, Triplet, Triplets


def open_film(source: Path, factor: int = 2) -> Triplets:
    """Return the frames of a video that ``factor`` leaves out, each between the two nearest that it keeps.

    With 2 every other frame is left out, with 4 three of four. Frames count from 0 and are named by their number;
    their times are the video's own, also where its rate varies; deep colour is rounded to 8 bits. What follows the
    last frame kept is not used. Each triplet knows the next frame kept on either side, if there is one. Raises
    DataError if the factor is below 2 or the video shorter than one gap, and MediaError if it cannot be read.
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
    with VideoReader(source) as reader:
        for earlier, gap, later in with_neighbours(_gaps(reader, factor)):
            first, *left_out, last = gap
            span = last.time - first.time
            sides = (
                Beside(earlier[0].image, (first.time - earlier[0].time) / span) if earlier else None,
                Beside(later[-1].image, (later[-1].time - last.time) / span) if later else None,
            )
            for number, time, middle in left_out:
                place = (time - first.time) / span
                yield Triplet(f"{source.stem}/{number}", first.image, middle, last.image, place, *sides)


class _Numbered(NamedTuple):
    number: int  # from 0
    time: Fraction  # seconds
    image: np.ndarray  # (H, W, 3) uint8 RGB


def _gaps(reader: VideoReader, factor: int) -> Iterator[list[_Numbered]]:
    """Yield each frame that is kept with those left out after it and the next one that is kept."""
    gap: list[_Numbered] = []
    for number, frame in enumerate(reader):
        gap.append(_Numbered(number, frame.time, eight_bit(frame.rgb)))
        if len(gap) > factor:
            yield gap
            gap = gap[-1:]
