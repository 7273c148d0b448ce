"""The times of a stream's pictures, read from its packets before anything is decoded."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

_COMMON_RATES = [Fraction(n) for n in (12, 15, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)] + [
    Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120, 240)
]


@dataclass(frozen=True)
class Timeline:
    """When each picture of a stream is shown; times are exact, in seconds on the file's own clock."""

    start: Fraction  # of the first picture
    end: Fraction  # of the last picture's showing
    frames: int
    rate: Fraction | None  # pictures per second if constant, else None
    tick: Fraction  # every time is the start plus a whole number of these
    stamps: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64), repr=False, compare=False)
    """Of a variable rate, when each picture is shown, in ticks from 0 of the clock, rising."""

    @property
    def duration(self) -> Fraction:
        return self.end - self.start

    @property
    def average_rate(self) -> Fraction:
        return self.rate or self.frames / self.duration

    def exact(self, time: Fraction) -> Fraction:
        """Return the time before the container rounded it to its clock (Matroska: whole milliseconds)."""
        if self.rate is None:
            return time
        return self.start + round((time - self.start) * self.rate) / self.rate

    def number_at(self, time: Fraction) -> int:
        """Return how many pictures come before a time."""
        if self.rate is None:
            return int(np.searchsorted(self.stamps, math.ceil(time / self.tick)))
        return min(max(math.ceil((time - self.start) * self.rate), 0), self.frames)

    def time_of(self, number: int) -> Fraction:
        """Return when a picture is shown, or when the last one is over if it is beyond them."""
        if number >= self.frames:
            return self.end
        return self.start + number / self.rate if self.rate is not None else int(self.stamps[number]) * self.tick

    def pictures(self, first: int, beyond: int) -> Timeline:
        """Return the timeline of those from number ``first`` on and before ``beyond``."""
        start, end = self.time_of(first), self.time_of(beyond)
        return replace(self, start=start, end=end, frames=beyond - first, stamps=self.stamps[first:beyond])

    def slowed(self, speed: Fraction) -> Timeline:
        """Return the timeline of the same pictures played at ``speed`` times their own."""
        rate = None if self.rate is None else self.rate * speed
        return replace(self, start=self.start / speed, end=self.end / speed, rate=rate, tick=self.tick / speed)


def timeline(
    stamps: Iterable[int], time_base: Fraction, last_duration: Fraction, rates: Iterable[Fraction | None]
) -> Timeline:
    """Return the timeline of presentation ``stamps`` in ``time_base`` units, in any order, at least one.

    The rate is constant if every picture lies within one unit of an even grid; ``rates`` are those that the
    container declares, believed only if they fit. ``last_duration`` (seconds) closes a variable timeline;
    0 means unknown, and the last gap is repeated.

    >>> timeline([0, 33, 67, 100], Fraction(1, 1000), Fraction(0), []).rate
    Fraction(30, 1)
    """
    ordered = np.sort(np.fromiter(stamps, np.int64))
    start = int(ordered[0]) * time_base
    rate = _constant_rate(ordered - ordered[0], time_base, rates)
    if rate is not None:
        return Timeline(start, start + len(ordered) / rate, len(ordered), rate, 1 / rate)
    last_gap = int(ordered[-1] - ordered[-2]) * time_base if len(ordered) > 1 else Fraction(0)
    end = int(ordered[-1]) * time_base + (last_duration or last_gap)
    return Timeline(start, end, len(ordered), None, time_base, ordered)


def common_step(one: Fraction, other: Fraction) -> Fraction:
    """Return the greatest step of which both are whole multiples.

    >>> common_step(Fraction(1, 50), Fraction(7, 1000))
    Fraction(1, 1000)
    """
    return Fraction(
        math.gcd(one.numerator * other.denominator, other.numerator * one.denominator),
        one.denominator * other.denominator,
    )


def _constant_rate(ticks: np.ndarray, time_base: Fraction, rates: Iterable[Fraction | None]) -> Fraction | None:
    """Return the rate whose grid the ticks, counted from the first, follow best, if within one tick."""
    if len(ticks) < 2 or ticks[-1] == 0:
        return None
    mean = (len(ticks) - 1) / (int(ticks[-1]) * time_base)
    declared = [rate for rate in rates if rate]
    likely = [rate for rate in declared if rate in _COMMON_RATES]
    # Fractions would be slow for every frame of a film, so the grid is compared in whole numbers.
    index = np.arange(len(ticks), dtype=np.int64)
    for candidates in (likely, _COMMON_RATES, declared, [mean]):
        best, best_error = None, Fraction(1)
        for rate in candidates:
            step = 1 / (rate * time_base)  # ticks per picture
            if step < 4 and step.denominator > 1:
                continue  # on so coarse a clock, what looks like rounding is a picture left out
            error = Fraction(int(np.abs(ticks * step.denominator - index * step.numerator).max()), step.denominator)
            if error < best_error:
                best, best_error = rate, error
        if best is not None:
            return best
    return None
