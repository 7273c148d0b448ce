"""Clips whose frames are image files in a folder: nothing but their names is kept in memory."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from vfi.clips.clip import LEAST
from vfi.flow_inputs import IMAGE_SUFFIXES
from vfi.media.images import eight_bit, read_image

_NUMBERED = re.compile(r"(.*?)(\d+)(\.\w+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ImageClip:
    """Frames by their files in one folder."""

    folder: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.folder}/{self.names[0]}"

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        return eight_bit(read_image(Path(self.folder, self.names[index])))


def find_runs(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the names of images that are numbered one after another, in order, three or more in each run.

    Names that differ otherwise, or a number that is missing, separate runs.

    >>> find_runs(["im3.png", "im1.png", "im2.png", "im9.png", "poster.jpg", "im4.txt"])
    [('im1.png', 'im2.png', 'im3.png')]
    """
    series: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name in names:
        found = _NUMBERED.fullmatch(name)
        if found and found[3].lower() in IMAGE_SUFFIXES:
            series.setdefault((found[1], found[3]), []).append((int(found[2]), name))
    runs = []
    for key in sorted(series):
        numbered = sorted(series[key])
        breaks = [i for i, (one, other) in enumerate(pairwise(numbered), start=1) if other[0] != one[0] + 1]
        for start, end in pairwise([0, *breaks, len(numbered)]):
            if end - start >= LEAST:
                # Thousands of folders have the same names: one copy serves them all.
                runs.append(tuple(sys.intern(name) for _, name in numbered[start:end]))
    return runs
