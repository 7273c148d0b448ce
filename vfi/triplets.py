"""Frame triplets to measure interpolation on: what lies between two frames is known.

They come from a list that names frames of video clips, or from a folder in one of the layouts in which
public benchmarks are published.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import av
import numpy as np

from vfi.media.images import read_image

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm")
LAYOUTS = (
    "a .csv list with columns clip,first,middle,last or clip,first,last,targets, "
    "a folder of */im1,im2,im3 (Vimeo-90K), of */frame_00,frame_01_gt,frame_02 (UCF101), "
    "or of input/*/frame10,frame11 with gt/*/frame10i11 (Middlebury)"
)


class DataError(ValueError):
    """The triplets cannot be read; one sentence says why and what to do."""


@dataclass(frozen=True)
class Triplet:
    """Three frames of one shot in order of time; images (H, W, 3) uint8 RGB."""

    name: str  # of this item within its source, with / between its parts
    before: np.ndarray
    middle: np.ndarray
    after: np.ndarray
    time: Fraction  # of the middle, in (0, 1): 0 is ``before``, 1 is ``after``


def read_triplets(source: Path) -> Iterator[Triplet]:
    """Yield the triplets of a list or a folder one by one, in the order of the list or of the names.

    A list's frame numbers count decoded frames from 0; its clips lie in the folder ``val`` beside it, in a
    folder named like it, or beside it. Raises DataError if there is nothing to read, or not what is listed.
    """
    if source.suffix.lower() == ".csv" and source.is_file():
        for clip, items in groupby(_read_list(source), key=lambda item: item.clip):
            yield from _cut_from_clip(_find_clip(source, clip), list(items))
    else:
        yield from map(_open_images, _find_images(source))


def count_triplets(source: Path) -> int:
    """Return how many triplets `read_triplets` yields, without decoding any. Raises DataError."""
    if source.suffix.lower() == ".csv" and source.is_file():
        return len(_read_list(source))
    return len(_find_images(source))


@dataclass(frozen=True)
class _Listed:
    """A triplet by its frame numbers."""

    clip: str
    first: int
    middle: int
    last: int

    @property
    def name(self) -> str:
        return f"{Path(self.clip).stem}/{self.first}-{self.middle}-{self.last}"


def _read_list(source: Path) -> list[_Listed]:
    with source.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        columns = set(rows.fieldnames or ())
        middle = "middle" if "middle" in columns else "targets"
        if not {"clip", "first", middle, "last"} <= columns:
            raise DataError(
                f"{source} has the columns {', '.join(rows.fieldnames or ('none',))}: "
                "give it clip,first,middle,last or clip,first,last,targets"
            )
        items = []
        for row in rows:
            try:
                first, last = int(row["first"]), int(row["last"])
                targets = [int(target) for target in row[middle].split()]
            except (ValueError, TypeError, AttributeError):
                first, last, targets = 0, 0, []
            if not targets or not all(0 <= first < target < last for target in targets):
                raise DataError(
                    f"{source}, line {rows.line_num}: give whole frame numbers with first < {middle} < last"
                )
            items += [_Listed(row["clip"], first, target, last) for target in targets]
    if not items:
        raise DataError(f"{source} lists no triplet: give it a line for each")
    return items


def _find_clip(source: Path, clip: str) -> Path:
    for folder in (source.parent / "val", source.parent / source.stem, source.parent):
        if (folder / clip).is_file():
            return folder / clip
    raise DataError(f"{source} lists {clip}, which is not there: put the clips into {source.parent / source.stem}")


def _cut_from_clip(path: Path, items: Sequence[_Listed]) -> Iterator[Triplet]:
    """Decode a clip once and yield its items in order, each as soon as its frames are there."""
    needed_by = {number: i for i, item in enumerate(items) for number in (item.first, item.middle, item.last)}
    frames: dict[int, np.ndarray] = {}
    done = decoded = 0
    for decoded, image in enumerate(_decode(path), start=1):
        if decoded - 1 in needed_by:
            frames[decoded - 1] = image
        while done < len(items) and {items[done].first, items[done].middle, items[done].last} <= frames.keys():
            item = items[done]
            before, middle, after = (frames[number] for number in (item.first, item.middle, item.last))
            yield Triplet(item.name, before, middle, after, _relative_time(item))
            done += 1
            frames = {number: frame for number, frame in frames.items() if needed_by[number] >= done}
        if done == len(items):
            return
    raise DataError(
        f"{path} has {decoded} frames and the list asks for number {items[done].last} (counted from 0): "
        "correct the list or get the clip anew"
    )


def _relative_time(item: _Listed) -> Fraction:
    return Fraction(item.middle - item.first, item.last - item.first)


def _decode(path: Path) -> Iterator[np.ndarray]:
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, IndexError) as error:
        raise DataError(f"{path} cannot be decoded ({error}): get the clip anew") from error


@dataclass(frozen=True)
class _Images:
    """A triplet by its image files."""

    name: str
    before: Path
    middle: Path
    after: Path


def _find_images(source: Path) -> list[_Images]:
    if not source.exists():
        raise DataError(f"{source} does not exist: give {LAYOUTS}")
    files = {
        path.with_suffix(""): path
        for path in (sorted(source.rglob("*")) if source.is_dir() else ())
        if path.suffix.lower() in IMAGE_SUFFIXES
    }
    found = []
    for stem, path in files.items():
        folder = stem.parent
        if stem.name == "frame10i11":
            # The known frame lies in another tree than the two around it: gt/Urban against input/Urban.
            ends = [files.get(tree / folder.name / "frame10") for tree in sorted(folder.parent.parent.iterdir())]
            before = next((end for end in ends if end is not None), None)
            after = before and files.get(before.with_name("frame11"))
        elif stem.name == "im2":
            before, after = files.get(folder / "im1"), files.get(folder / "im3")
        elif stem.name == "frame_01_gt":
            before, after = files.get(folder / "frame_00"), files.get(folder / "frame_02")
        else:
            continue
        if before is None or after is None:
            raise DataError(f"{path} has no frame before or after it: complete its folder")
        name = folder.name if stem.name == "frame10i11" else folder.relative_to(source).as_posix()
        found.append(_Images(source.name if name == "." else name, before, path, after))
    if not found:
        raise DataError(f"{source} holds no triplets: give {LAYOUTS}")
    return found


def _open_images(item: _Images) -> Triplet:
    before, middle, after = (read_image(path) for path in (item.before, item.middle, item.after))
    if not before.shape == middle.shape == after.shape:
        raise DataError(f"the images of {item.name} differ in size: give three of one size")
    if not before.dtype == middle.dtype == after.dtype == np.uint8:
        raise DataError(f"an image of {item.name} has 16 bits per sample: convert it to 8")
    return Triplet(item.name, before, middle, after, Fraction(1, 2))
