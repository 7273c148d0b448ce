"""Three frames of one shot, of which the middle one is known: what interpolation is measured on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np


class DataError(ValueError):
    """The triplets cannot be read; one sentence says why and what to do."""


@dataclass(frozen=True)
class Beside:
    """The frame of a film that comes before two others, or after them."""

    image: np.ndarray
    distance: Fraction  # to the nearer one, as a part of that between the two


@dataclass(frozen=True)
class Triplet:
    """Three frames of one shot in order of time; images (H, W, 3) uint8 RGB."""

    name: str  # of this item within its source, with / between its parts
    before: np.ndarray
    middle: np.ndarray
    after: np.ndarray
    time: Fraction  # of the middle, in (0, 1): 0 is ``before``, 1 is ``after``
    earlier: Beside | None = None  # what comes before these, where they are of a film that goes on there
    later: Beside | None = None  # and what comes after them


@dataclass(frozen=True)
class Triplets:
    """The triplets of a source; they are read one by one, anew each time they are iterated over."""

    name: str  # of the source, with what was chosen of it
    count: int | None  # how many there are, None where only decoding can tell
    read: Callable[[], Iterator[Triplet]]

    def __iter__(self) -> Iterator[Triplet]:
        return self.read()
