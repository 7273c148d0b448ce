"""Which instants to make: exact fractions of a second, never floats.

Frames divide a film into gaps; gap i runs from frame i to the next, the last one to the end of the film. A timing
names the instants within each gap at which the new film has a frame. An instant at the gap's own start is the frame
itself; any other asks for a new one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

MOST_FRAMES, HIGHEST_RATE = 1000, 100_000  # for one, and per second: beyond them is a slip of the keyboard


class Timing(Protocol):
    """All times are seconds since the film's first frame; ``str()`` tells one timing from another."""

    def instants(self, index: int, start: Fraction, end: Fraction) -> list[Fraction]:
        """Return the instants in [start, end) of gap ``index`` (from 0), rising."""

    def rate(self, rate: Fraction | None) -> Fraction | None:
        """Return the new frame rate for a source of that rate; None stands for a variable one."""

    def tick(self, tick: Fraction) -> Fraction:
        """Return a unit of which all instants are whole multiples, if the source's times are so of ``tick``."""

    def count(self, frames: int, duration: Fraction) -> int:
        """Return how many frames the new film has, given the source's frames and duration (seconds)."""


@dataclass(frozen=True)
class Factor:
    """So many frames for each one: gaps are divided evenly by time, so a variable rate stays variable.

    With a whole factor k every frame of the source stays, at its own time, with k - 1 new ones after it.

    >>> Factor(Fraction(2)).instants(5, Fraction(1), Fraction(2))
    [Fraction(1, 1), Fraction(3, 2)]
    """

    factor: Fraction

    def __post_init__(self) -> None:
        if self.factor <= 1:
            raise ValueError(f"the factor is {self.factor}: it must be greater than 1")
        if self.factor > MOST_FRAMES:
            raise ValueError(f"the factor is too large: it can be {MOST_FRAMES} at most")

    def __str__(self) -> str:
        return f"{self.factor} frames for one"

    def instants(self, index: int, start: Fraction, end: Fraction) -> list[Fraction]:
        first, beyond = math.ceil(index * self.factor), math.ceil((index + 1) * self.factor)
        return [start + (i / self.factor - index) * (end - start) for i in range(first, beyond)]

    def rate(self, rate: Fraction | None) -> Fraction | None:
        return None if rate is None else rate * self.factor

    def tick(self, tick: Fraction) -> Fraction:
        return tick / self.factor.numerator

    def count(self, frames: int, duration: Fraction) -> int:
        return math.ceil(frames * self.factor)


@dataclass(frozen=True)
class TargetRate:
    """A constant frame rate whatever the source's; a frame of the source stays if it falls on the new grid.

    >>> TargetRate(Fraction(60)).instants(1, Fraction(1, 24), Fraction(2, 24))
    [Fraction(1, 20), Fraction(1, 15)]
    """

    target: Fraction  # frames per second

    def __post_init__(self) -> None:
        if self.target <= 0:
            raise ValueError(f"the frame rate is {self.target}: it must be greater than 0")
        if self.target > HIGHEST_RATE:
            raise ValueError(f"the frame rate is too high: it can be {HIGHEST_RATE} at most")

    def __str__(self) -> str:
        return f"{self.target} frames per second"

    def instants(self, index: int, start: Fraction, end: Fraction) -> list[Fraction]:
        return [i / self.target for i in range(math.ceil(start * self.target), math.ceil(end * self.target))]

    def rate(self, rate: Fraction | None) -> Fraction | None:
        return self.target

    def tick(self, tick: Fraction) -> Fraction:
        return 1 / self.target

    def count(self, frames: int, duration: Fraction) -> int:
        return math.ceil(duration * self.target)
