"""Pictures named by numbers: folders of them, FFmpeg's patterns such as ``frames/%05d.png``, and wildcards."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from vfi.media.errors import MediaError
from vfi.media.images import IMAGE_SUFFIXES

_PLACE = re.compile(r"%(0?)(\d*)d")
_SAME_KIND = {".jpeg": ".jpg", ".tif": ".tiff"}


def by_number(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts 9 before 10.

    >>> sorted([Path("b10.png"), Path("b9.png")], key=by_number)[0].name
    'b9.png'
    """
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if i % 2 else (-1, part) for i, part in enumerate(parts)]


def is_pattern(path: Path) -> bool:
    """Tell whether the name stands for numbered pictures, as ``%05d.png`` does and a film's does not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and len(_PLACE.findall(path.name)) == 1


def numbered(pattern: Path, number: int) -> Path:
    """Return the name of one picture.

    >>> numbered(Path("out/f%03d.png"), 7).name
    'f007.png'
    """
    return pattern.with_name(
        _PLACE.sub(lambda place: f"{number:{place[1]}{place[2]}d}", pattern.name).replace("%%", "%")
    )


def is_numbered(pattern: Path, name: str) -> bool:
    """Tell whether a file's name is one of the pattern's."""
    return _number(pattern, name) is not None


def find_pictures(path: Path) -> list[Path]:
    """Return the pictures of a folder, of a pattern (``%05d.png``) or of a wildcard (``*.png``), by their numbers.

    In a folder and in a pattern no number may be missing; a wildcard takes the pictures as they come. Raises MediaError
    if there are none, if one is missing, or if a folder holds pictures of several kinds.
    """
    if path.is_dir():
        files = [f for f in _listed(path) if f.suffix.lower() in IMAGE_SUFFIXES]
        kinds = sorted({_SAME_KIND.get(f.suffix.lower(), f.suffix.lower()) for f in files})
        if not files:
            raise MediaError(f"{path} holds no pictures ({', '.join(IMAGE_SUFFIXES)}): name a folder that does")
        if len(kinds) > 1:
            raise MediaError(
                f"{path} holds pictures of several kinds ({', '.join(kinds)}): name one, such as '{path}/*{kinds[0]}'"
            )
        files.sort(key=by_number)
        _refuse_gaps(path, files, _numbers(files))
        return files
    if not path.parent.is_dir():
        raise MediaError(f"there is no folder {path.parent}: check the name")
    if not is_pattern(path):
        found = sorted((f for f in path.parent.glob(path.name) if not f.name.startswith(".")), key=by_number)
        if not found:
            raise MediaError(f"no picture is called {path}: check the name")
        return found
    by_place = {number: f for f in _listed(path.parent) if (number := _number(path, f.name)) is not None}
    if not by_place:
        there = min(_listed(path.parent), key=by_number, default=None)
        hint = "the folder is empty" if there is None else f"the first file there is {there.name}"
        raise MediaError(f"no picture is called {path}: check the name, {hint}")
    numbers = sorted(by_place)
    files = [by_place[number] for number in numbers]
    _refuse_gaps(path.parent, files, numbers)
    return files


def _listed(folder: Path) -> list[Path]:
    try:
        return [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")]
    except PermissionError as error:
        raise MediaError(f"{folder} may not be read: ask for permission to read it") from error


def _number(pattern: Path, name: str) -> int | None:
    """Return the number with which the pattern gives the name."""
    before, after = _PLACE.sub("\0", pattern.name).replace("%%", "%").split("\0")
    digits = name[len(before) : len(name) - len(after)]
    if not (name.startswith(before) and name.endswith(after) and digits.isascii() and digits.isdecimal()):
        return None
    return int(digits) if numbered(pattern, int(digits)).name == name else None


def _numbers(files: Sequence[Path]) -> list[int]:
    """Return the last number in each name, if the names differ in nothing else; otherwise nothing."""
    parts = [re.split(r"(\d+)(?!.*\d)", f.stem) for f in files]
    if len({(part[0], part[-1]) for part in parts}) > 1 or len(parts[0]) != 3:
        return []
    return [int(part[1]) for part in parts]


def _refuse_gaps(folder: Path, files: Sequence[Path], numbers: Sequence[int]) -> None:
    """Raise MediaError where a number is missing or comes twice; numbers may go in steps, if all are the same."""
    steps = [after - before for before, after in pairwise(numbers)]
    if not steps:
        return
    usual = Counter(steps).most_common(1)[0][0]
    for i, step in enumerate(steps):
        one, other = files[i].name, files[i + 1].name
        if step == 0:
            raise MediaError(f"{folder} holds both {one} and {other}, which have one number: keep one of them")
        if step != usual:
            raise MediaError(
                f"{folder} lacks a picture between {one} and {other}: add it, or take the pictures as they come with"
                f" '{folder}/*{files[0].suffix}'"
            )
