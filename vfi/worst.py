"""The frames of a film that were remade worst, kept while the film goes by."""

from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np

CROP = 192  # pixels, the side of what is looked at closely


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

    def box(self, method: str) -> tuple[int, int, int, int]:
        """Return left, top, width and height of the part that the method got most wrong."""
        height, width = self.true.shape[:2]
        side = min(CROP, height, width)
        # Squared, a small hole counts for more than grain all over.
        errors = cv2.boxFilter(error(self.made[method], self.true).astype(np.float32) ** 2, -1, (side, side))
        half = side // 2
        inside = errors[half : height - side + half + 1, half : width - side + half + 1]
        top, left = np.unravel_index(int(inside.argmax()), inside.shape)
        return int(left), int(top), side, side


class Worst:
    """Keeps the worst frames it is offered, no two of them close together; so many, whatever the film's length."""

    def __init__(self, count: int, distance: Fraction) -> None:
        """distance: seconds between any two."""
        self.count, self.distance = count, distance
        self.frames: list[WorstFrame] = []  # the worst first

    def wants(self, time: Fraction, badness: float) -> bool:
        """Tell whether a frame would be kept."""
        near = [frame.badness for frame in self.frames if abs(frame.time - time) < self.distance]
        if near:
            return badness > max(near)
        return len(self.frames) < self.count or badness > self.frames[-1].badness

    def keep(self, frame: WorstFrame) -> None:
        """Keep a wanted frame, in the place of those close to it or of the least bad one."""
        others = [other for other in self.frames if abs(other.time - frame.time) >= self.distance]
        self.frames = sorted([*others, frame], key=lambda f: -f.badness)[: self.count]


def error(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the largest difference of a pixel's three channels, (H, W) uint8."""
    return cv2.absdiff(made, true).max(axis=2)
