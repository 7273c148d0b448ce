"""A film's triplets, split by time into blocks to learn from, to choose by and to report on.

No two blocks share a frame. They alternate all along the film, so that each kind sees all of it: of every 30 frames or
so, two thirds to learn from with a fifth to report on between them, and at the end a seventh to choose by.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from vfi.cuts import with_cuts
from vfi.held import alike
from vfi.media import Frame, Part, VideoReader
from vfi.media.images import eight_bit
from vfi.media.open import PIPE, open_source
from vfi.media.protocols import Source
from vfi.media.seeking import frames_from
from vfi.triplets import DataError, Triplet

FEWEST_FRAMES = 20
STRETCH = 30  # frames in which every kind of block comes up
STRETCHES = 10  # spread over the film; frames beyond them are not looked at
MOST_FRAMES = STRETCHES * STRETCH
REPORT, CHOOSE = (0.2, 5), (0.14, 3)  # how much of them is to report on and to choose by, and at least so many
WINDOW = (544, 960)  # lines and columns, about the centre: of larger pictures the rest is not looked at
MIDDLE = (Fraction(1, 3), Fraction(2, 3))  # where a frame lies between its neighbours, if it is to be made again


@dataclass(frozen=True)
class Blocks:
    """The triplets of each kind of block, in order of time; images are (h, w, 3) uint8 RGB."""

    size: tuple[int, int]  # width and height of the film, of which the images are the centre
    learn: list[Triplet] = field(default_factory=list)  # each inner frame between its neighbours
    choose: list[Triplet] = field(default_factory=list)  # every other frame between its neighbours
    report: list[Triplet] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Picture:
    """A frame that differs from the one before."""

    time: Fraction
    scene: int
    image: np.ndarray


def read_blocks(source: Path, part: Part | None = None, rate: Fraction | None = None) -> Blocks:
    """Read and split a film, or ten stretches spread over it if it has more than 300 frames.

    part, rate: as `open_source` takes them. Pictures are at most 960x544, about the centre, so that whatever the film
    the blocks take half a gigabyte at most. Frames that repeat the one before are passed over, and no triplet reaches
    across a cut. Of what can only be read from its start (pictures, animations, raw streams), the first 300 frames are
    taken. Raises MediaError if the source cannot be read, and DataError if it is too short, hardly moves or is a pipe.
    """
    if source == PIPE:
        raise DataError("a pipe can be read only once: write it to a file to adapt to it")
    with open_source(source, rate=rate, part=part) as reader:
        if reader.frame_count is not None and reader.frame_count < FEWEST_FRAMES:
            raise DataError(
                f"{source} has {reader.frame_count} frames, too few to learn from some and check on others: adapting"
                f" to it needs {FEWEST_FRAMES} or more"
            )
        blocks = Blocks((reader.info.width, reader.info.height))
        for pictures in _stretches(reader):
            for kind, block in _split(pictures):
                getattr(blocks, kind).extend(_triplets(block, 1 if kind == "learn" else 2, source.stem))
    if len(blocks.learn) < 4 or len(blocks.report) < 2 or not blocks.choose:
        raise DataError(f"{source} hardly moves: too few of its frames differ from the ones before to learn from them")
    return blocks


def _stretches(reader: Source) -> Iterator[Sequence[_Picture]]:
    """Yield pictures that follow each other."""
    if isinstance(reader, VideoReader) and reader.survey.keys is not None and reader.timeline.frames > MOST_FRAMES:
        last = reader.timeline.frames - STRETCH
        firsts = [last * i // (STRETCHES - 1) for i in range(STRETCHES)]
        for first, beyond in pairwise([*firsts, reader.timeline.frames]):
            # Animation may show each picture three times.
            frames = islice(frames_from(reader, first), min(4 * STRETCH, beyond - first))
            yield list(islice(_pictures(frames), STRETCH))
        return
    pictures = list(_pictures(islice(reader.frames(), MOST_FRAMES)))
    stretches = max(1, len(pictures) // STRETCH)
    edges = [i * len(pictures) // stretches for i in range(stretches + 1)]
    yield from (pictures[start:end] for start, end in pairwise(edges))


def _pictures(frames: Iterable[Frame]) -> Iterator[_Picture]:
    shown: Frame | None = None
    scene = 0
    for frame, cut in with_cuts(frames):
        scene += cut is not None
        if shown is None or cut is not None or not alike(shown, frame):
            shown = frame
            yield _Picture(frame.time, scene, _centre(eight_bit(frame.rgb)))


def _centre(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    lines, columns = min(WINDOW[0], height), min(WINDOW[1], width)
    top, left = (height - lines) // 2, (width - columns) // 2
    return image[top : top + lines, left : left + columns].copy()  # so that the rest is let go


def _split(pictures: Sequence[_Picture]) -> Iterator[tuple[str, Sequence[_Picture]]]:
    """Yield the blocks of a stretch and their kinds.

    >>> [(kind, len(block)) for kind, block in _split(range(30))]
    [('learn', 10), ('report', 6), ('learn', 10), ('choose', 4)]
    """
    report, choose = (max(least, round(share * len(pictures))) for share, least in (REPORT, CHOOSE))
    learn = len(pictures) - report - choose
    if learn < 6:
        return  # too short to be split
    edges = [0, learn - learn // 2, learn - learn // 2 + report, learn + report, len(pictures)]
    for kind, (start, end) in zip(("learn", "report", "learn", "choose"), pairwise(edges), strict=True):
        yield kind, pictures[start:end]


def _triplets(block: Sequence[_Picture], step: int, name: str) -> Iterator[Triplet]:
    for i in range(1, len(block) - 1, step):
        before, middle, after = block[i - 1 : i + 2]
        time = (middle.time - before.time) / (after.time - before.time)
        if before.scene == after.scene and MIDDLE[0] <= time <= MIDDLE[1]:
            yield Triplet(f"{name}/{float(middle.time):.3f}", before.image, middle.image, after.image, time)
