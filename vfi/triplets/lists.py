"""Triplets that a .csv list picks out of video clips by the numbers of their frames."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import groupby
from pathlib import Path

import av
import numpy as np

from vfi.triplets.triplet import DataError, Triplet, Triplets


def open_list(source: Path) -> Triplets:
    """Return the triplets of a list with the columns clip,first,middle,last or clip,first,last,targets.

    A list's frame numbers count decoded frames from 0; its clips lie in the folder ``val`` beside it, in a
    folder named like it, or beside it. Raises DataError if the list cannot be followed, and while reading if a clip
    is missing, damaged or shorter than listed.
    """
    items = _read_list(source)
    return Triplets(source.name, len(items), partial(_cut, source, items))


def _cut(source: Path, items: Sequence["_Listed"]) -> Iterator[Triplet]:
    for clip, of_clip in groupby(items, key=lambda item: item.clip):
        yield from _cut_from_clip(_find_clip(source, clip), list(of_clip))


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
