"""Pairs of images to find the flow between: from image files, folders of them and videos, as a stream.

Images are RGB (H, W, 3) uint8; deeper ones are reduced to 8 bits. Two decoded images are held at a time.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from vfi.media import MediaError, Part, VideoReader, read_image
from vfi.media.images import IMAGE_SUFFIXES, eight_bit, upright
from vfi.media.numbering import by_number
from vfi.media.open import numbered_part

# How data sets name the two images of a pair, and how the pair is named: FlyingChairs, KITTI, and plain 1 and 2.
_PAIRINGS = (
    (re.compile(r"(.*)_img(1|2)"), "{}_flow"),
    (re.compile(r"(.*)_1(0|1)"), "{}_10"),
    (re.compile(r"(.*?)(1|2)"), "{}1"),
)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two images of one size, and the name that what is made of them gets."""

    name: str
    first: np.ndarray  # RGB (H, W, 3) uint8
    second: np.ndarray


@dataclass(frozen=True)
class View:
    """What is looked at of each image: a part of it, that in another size, in grey or in colour.

    >>> View(crop=(1, 0, 2, 2), size=(8, 6))(np.zeros((4, 6, 3), np.uint8), "an image").shape
    (6, 8, 3)
    """

    size: tuple[int, int] | None = None  # width, height of what is left of the crop; the flow is in pixels of this size
    crop: tuple[int, int, int, int] | None = None  # left, top, width, height, in pixels of the image as it comes
    grey: bool = False

    def __call__(self, image: np.ndarray, name: str) -> np.ndarray:
        """Return of an image (H, W, 3), uint8 or uint16, what is looked at, uint8.

        Raises MediaError, which calls the image by ``name``, if the crop leaves it.
        """
        image = eight_bit(self.cut(image, name))
        if self.grey:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        return np.ascontiguousarray(image)

    def enlargement(self, image: np.ndarray) -> float:
        """Return how many times longer its sides become, of an image (H, W, C) or of what is left of it; 1 or more."""
        height, width = image.shape[:2] if self.crop is None else self.crop[:1:-1]
        return 1.0 if self.size is None else max(1.0, self.size[0] / width, self.size[1] / height)

    def cut(self, image: np.ndarray, name: str) -> np.ndarray:
        """Return the part in its size, with the colours and the depth of the image."""
        height, width = image.shape[:2]
        if self.crop is not None:
            left, top, wide, high = self.crop
            if left + wide > width or top + high > height:
                raise MediaError(
                    f"{name} is {width}x{height}, which a crop of {wide}x{high} at {left},{top} leaves: crop less"
                )
            image = image[top : top + high, left : left + wide]
        if self.size is not None and self.size != (image.shape[1], image.shape[0]):
            shrinks = self.size[0] * self.size[1] < image.shape[0] * image.shape[1]
            image = cv2.resize(image, self.size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        return np.ascontiguousarray(image)


class PairSource(Protocol):
    """One input: pairs that belong together and go into one folder."""

    stem: str  # what the folder is named after
    notes: tuple[str, ...]  # what the user should know about how it is read, a sentence each

    def names(self) -> Sequence[str] | None:
        """Return the names of all pairs, None if only decoding can tell."""

    def pairs(self, view: View) -> Iterator[Pair]:
        """Yield every pair; raises MediaError where one cannot be read."""


class ImagePairs:
    """Pairs of image files, each file read when its turn comes."""

    notes: tuple[str, ...] = ()

    def __init__(self, stem: str, files: Sequence[tuple[str, Path, Path]]) -> None:
        self.stem = stem
        self._files = files

    def names(self) -> Sequence[str]:
        return [name for name, _, _ in self._files]

    def pairs(self, view: View) -> Iterator[Pair]:
        held: tuple[Path, np.ndarray] | None = None  # of consecutive frames each is read once
        for name, one, other in self._files:
            first = held[1] if held is not None and held[0] == one else view(read_image(one), str(one))
            second = view(read_image(other), str(other))
            if first.shape != second.shape:
                raise MediaError(
                    f"{one} is {first.shape[1]}x{first.shape[0]} but {other} is {second.shape[1]}x{second.shape[0]}:"
                    " bring them to one size, for example with --resize"
                )
            yield Pair(name, first, second)
            held = other, second


class FilmPairs:
    """Neighbouring frames of a video, upright as players show them, each pair named by its first frame's number."""

    def __init__(self, path: Path, part: Part) -> None:
        """Look through the file. Raises MediaError if it is no whole video or has fewer than two frames in the part."""
        self.stem, self._path, self._part = path.stem, path, part
        with VideoReader(path, part) as reader:
            self.notes = reader.notes
            self._first, self._count = reader.excerpt.first, reader.frame_count

    def names(self) -> Sequence[str] | None:
        if self._count is None:
            return None
        return [self._name(self._first + i) for i in range(self._count - 1)]

    def pairs(self, view: View) -> Iterator[Pair]:
        previous: np.ndarray | None = None
        with VideoReader(self._path, self._part) as reader:
            for index, frame in enumerate(reader, self._first):
                image = view(upright(frame.rgb, reader.info.rotation), str(self._path))
                if previous is not None:
                    yield Pair(self._name(index - 1), previous, image)
                previous = image

    def _name(self, index: int) -> str:
        return f"{self.stem}_{index:06d}"


def open_inputs(paths: Sequence[Path], part: Part | None = None, frames: slice | None = None) -> list[PairSource]:
    """Return a source for each video and each folder, and one for the image files that are named by themselves.

    part: of videos, by their times; or frames: of each video or folder by their numbers, as `pair_files` takes them.
    Raises MediaError if a path is missing, is neither, or holds nothing to pair, and if a ``part`` is asked for of
    images.
    """
    part, chosen = part or Part(), frames or slice(None)
    images = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()]
    sources: list[PairSource] = []
    for path in paths:
        if not path.exists():
            raise MediaError(f"{path} does not exist: check the name")
        if part and (path.is_dir() or path in images):
            raise MediaError(f"{path} is no video and has no times: leave out --start and --end")
        if path.is_dir():
            files = [file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()]
            found = pair_files(files, str(path), chosen)
            sources.append(ImagePairs(path.resolve().name or "frames", found))
        elif path not in images:
            sources.append(FilmPairs(path, part if frames is None else numbered_part(path, frames)))
    if len(images) == 1:
        raise MediaError(f"{images[0]} is a single image, and flow needs two: name the second as well")
    if images:
        found = pair_files(images, "the list of images", chosen)
        if len(images) == 2:  # in the order given
            found = [(images[0].stem, images[0], images[1])]
        sources.insert(0, ImagePairs(found[0][1].stem, found))
    return sources


def pair_files(files: Sequence[Path], place: str, chosen: slice = slice(None)) -> list[tuple[str, Path, Path]]:
    """Return the pairs of image files as (name, first, second).

    If all names are those of pairs (``7_img1.ppm 7_img2.ppm``, ``7_10.png 7_11.png``, ``walk1.png walk2.png``), these;
    else every file in the order of its numbers and the next. Of the pairs, or else of the files, those are taken that
    are ``chosen`` by their places, counted from 0. Raises MediaError, which calls where they are ``place``, if there
    are fewer than two files, a pair lacks one, or none is chosen.

    >>> [name for name, _, _ in pair_files([Path("b10.png"), Path("b9.png"), Path("b8.png")], "here")]
    ['b8', 'b9']
    """
    if len(files) < 2:
        raise MediaError(f"{place} holds {('no image', 'a single image')[len(files)]}, and flow needs two: add images")
    ordered = sorted(files, key=by_number)
    for pattern, name in _PAIRINGS:
        matches = [pattern.fullmatch(file.stem) for file in ordered]
        groups: dict[tuple[str, str], list[Path]] = {}
        for file, match in zip(ordered, matches, strict=True):
            if match:
                groups.setdefault((match[1], file.suffix), []).append(file)
        if not all(matches) or len(ordered) == len(groups) == 2:  # two frames that just end in the same number
            continue
        for group in groups.values():
            if len(group) != 2:
                raise MediaError(f"{group[0]} has no partner, though all in {place} are named as pairs: add it")
        pairs = [(name.format(prefix), one, other) for (prefix, _), (one, other) in groups.items()]
        if not pairs[chosen]:
            raise MediaError(f"{place} holds the pairs 0 to {len(pairs) - 1}: ask for one of them or more")
        return pairs[chosen]
    frames = ordered[chosen]
    if len(frames) < 2:
        raise MediaError(f"{place} holds the frames 0 to {len(ordered) - 1}: ask for two of them or more")
    return [(one.stem, one, other) for one, other in pairwise(frames)]
