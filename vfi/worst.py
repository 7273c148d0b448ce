"""The frames of a film that were remade worst, kept while the film goes by."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

import cv2
import numpy as np

CROP = 192  # pixels, the side of what is looked at closely
FULL_ERROR = 32  # levels at which a map of errors is brightest

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""


@dataclass(frozen=True, eq=False)
class WorstFrame:
    """A frame and what the methods made of it; images (H, W, 3) uint8 RGB."""

    index: int  # of the frame in the film, from 0
    time: Fraction  # seconds
    badness: float  # what it was chosen by
    within: Fraction  # its time in its gap, in (0, 1)
    before: np.ndarray
    after: np.ndarray
    true: np.ndarray
    made: dict[str, np.ndarray]  # by method
    flows: dict[str, np.ndarray] = field(default_factory=dict)  # of the methods that follow one, (H, W, 2) in pixels

    def box(self, method: str) -> Box:
        """Return the part that the method got most wrong."""
        return worst_part(error(self.made[method], self.true))[0]


class Judged(Protocol):
    """A frame that was judged."""

    @property
    def time(self) -> Fraction: ...

    @property
    def badness(self) -> float: ...


Frame = TypeVar("Frame", bound=Judged)


class Worst(Generic[Frame]):
    """Keeps the worst frames it is offered, no two of them close together; so many, whatever the film's length."""

    def __init__(self, count: int, distance: Fraction) -> None:
        """distance: seconds between any two."""
        self.count, self.distance = count, distance
        self.frames: list[Frame] = []  # the worst first

    def wants(self, time: Fraction, badness: float) -> bool:
        """Tell whether a frame would be kept."""
        near = [frame.badness for frame in self.frames if abs(frame.time - time) < self.distance]
        if near:
            return badness > max(near)
        return len(self.frames) < self.count or badness > self.frames[-1].badness

    def keep(self, frame: Frame) -> None:
        """Keep a wanted frame, in the place of those close to it or of the least bad one."""
        others = [other for other in self.frames if abs(other.time - frame.time) >= self.distance]
        self.frames = sorted([*others, frame], key=lambda f: -f.badness)[: self.count]


def error(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the largest difference of a pixel's three channels, (H, W) uint8."""
    return cv2.absdiff(made, true).max(axis=2)


def worst_part(errors: np.ndarray, side: int = CROP) -> tuple[Box, float]:
    """Return the square with the greatest errors, (H, W), and their RMS there; it is smaller if the image is."""
    height, width = errors.shape
    side = min(side, height, width)
    # Squared, a small hole counts for more than grain all over.
    means = cv2.boxFilter(errors.astype(np.float32) ** 2, -1, (side, side))
    half = side // 2
    inside = means[half : height - side + half + 1, half : width - side + half + 1]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return (int(left), int(top), side, side), float(np.sqrt(max(0.0, inside[top, left])))
