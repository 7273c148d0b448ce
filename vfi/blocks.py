"""A film's triplets, split by time into blocks to learn from, to choose by and to report on.

No two blocks share a frame. They alternate all along the film, so that each kind sees all of it: of every 30 frames or
so, two thirds to learn from with a fifth to report on between them, and at the end a seventh to choose by.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise, takewhile
from pathlib import Path

import numpy as np

from vfi.cuts import with_cuts
from vfi.held import alike
from vfi.media import Frame, VideoReader
from vfi.media.images import eight_bit
from vfi.media.seeking import frames_from
from vfi.triplets import DataError, Triplet

FEWEST_FRAMES = 20
STRETCH = 30  # frames in which every kind of block comes up
STRETCHES = 10  # spread over the film; frames beyond them are not looked at
SHARES = (("learn", 0.34), ("report", 0.2), ("learn", 0.32), ("choose", 0.14))
SHORTEST = {"learn": 3, "report": 5, "choose": 3}  # frames
WINDOW = (544, 960)  # lines and columns, about the centre: of larger pictures the rest is not looked at
MIDDLE = (Fraction(1, 3), Fraction(2, 3))  # where a frame lies between its neighbours, if it is to be made again


@dataclass(frozen=True)
class Blocks:
    """The triplets of each kind of block, in order of time; images are (h, w, 3) uint8 RGB."""

    size: tuple[int, int]  # width and height of the film, of which the images are the centre
    learn: list[Triplet] = field(default_factory=list)  # each inner frame between its neighbours
    choose: list[Triplet] = field(default_factory=list)  # every other frame between its neighbours
    report: list[Triplet] = field(default_factory=list)


def read_blocks(source: Path) -> Blocks:
    """Read and split a film, or ten stretches spread over it if it has more than 300 frames.

    Pictures are at most 960x544, about the centre, so that whatever the film the blocks take half a gigabyte at most.
    Frames that repeat the one before are passed over, and no triplet reaches across a cut. Raises MediaError if the
    video cannot be read, and DataError if it is too short or hardly moves.
    """
    with VideoReader(source) as reader:
        count = reader.timeline.frames
        if count < FEWEST_FRAMES:
            raise DataError(
                f"{source} has {count} frames, too few to learn from some and check on others: adapting to it needs"
                f" {FEWEST_FRAMES} or more"
            )
        blocks = Blocks(reader.size)
        for frames, length in _stretches(reader, count):
            for kind, triplet in _triplets(frames, _kinds(length), source.stem):
                getattr(blocks, kind).append(triplet)
    if len(blocks.learn) < 4 or len(blocks.report) < 2 or not blocks.choose:
        raise DataError(f"{source} hardly moves: too few of its frames differ from the ones before to learn from them")
    return blocks


def _stretches(reader: VideoReader, count: int) -> Iterator[tuple[Iterable[Frame], int]]:
    """Yield frames that follow each other, and how many they are."""
    if count <= STRETCHES * STRETCH:
        frames, stretches = iter(reader), max(1, count // STRETCH)
        edges = [i * count // stretches for i in range(stretches + 1)]
        yield from ((islice(frames, end - start), end - start) for start, end in pairwise(edges))
        return
    times = reader.timeline
    start, last = times.start - reader.origin, times.duration * (count - STRETCH) / count
    starts = [start + last * i / (STRETCHES - 1) for i in range(STRETCHES)]
    ends = [*starts[1:], start + times.duration]  # where the rate varies, one stretch could run into the next
    for begin, end in zip(starts, ends, strict=True):
        inside = takewhile(lambda frame, end=end: frame.time < end, frames_from(reader, begin))  # type: ignore[misc]
        yield islice(inside, STRETCH), STRETCH


def _kinds(length: int) -> list[str]:
    """Return the kind of block that each frame of a stretch belongs to.

    >>> "".join(kind[0] for kind in _kinds(20))
    'llllllrrrrrllllllccc'
    """
    sizes = [max(SHORTEST[kind], round(share * length)) for kind, share in SHARES]
    rest = length - sizes[1] - sizes[3]
    sizes[0], sizes[2] = rest - rest // 2, rest // 2
    return [kind for (kind, _), size in zip(SHARES, sizes, strict=True) for _ in range(size)]


def _triplets(frames: Iterable[Frame], kinds: list[str], name: str) -> Iterator[tuple[str, Triplet]]:
    """Yield the triplets of a stretch, each with the kind of its block."""
    run: list[tuple[Fraction, np.ndarray]] = []  # of frames in motion within a block
    shown: Frame | None = None
    block = ""
    for kind, (frame, cut) in zip(kinds, with_cuts(frames), strict=False):
        if cut is not None or kind != block:
            run, block = [], kind
        elif shown is not None and alike(shown, frame):
            continue
        shown = frame
        run.append((frame.time, _centre(eight_bit(frame.rgb))))
        if len(run) < 3 or (kind != "learn" and len(run) % 2 == 0):
            continue
        (start, before), (moment, middle), (end, after) = run[-3:]
        time = (moment - start) / (end - start)
        if MIDDLE[0] <= time <= MIDDLE[1]:
            yield kind, Triplet(f"{name}/{float(moment):.3f}", before, middle, after, time)


def _centre(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    lines, columns = min(WINDOW[0], height), min(WINDOW[1], width)
    top, left = (height - lines) // 2, (width - columns) // 2
    return image[top : top + lines, left : left + columns].copy()  # so that the rest is let go
