"""Ways to make frames again that were dropped: a stream of gaps in, a stream of what was made in them out.

Images are RGB (H, W, 3) uint8.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vfi.course import Course
from vfi.neighbours import with_neighbours
from vfi.pipeline import Between
from vfi.triplets.triplet import Beside


@dataclass(frozen=True, eq=False)
class Gap:
    """Two frames that were kept, and the times of those dropped between them; each gap begins where the last ended."""

    before: np.ndarray
    after: np.ndarray
    times: tuple[Fraction, ...]  # rising, in (0, 1): 0 is ``before``, 1 is ``after``
    duration: Fraction = Fraction(1)  # in whatever unit, the same for all gaps


@dataclass(frozen=True, eq=False)
class Made:
    """What was made in a gap, and what it took."""

    images: list[np.ndarray]  # one for each time
    seconds: float
    peak: int | None = None  # bytes of memory at most so far; None where other methods share it
    gpu_peak: int | None = None  # bytes of a GPU's memory at most so far


Remake = Callable[[Iterator[Gap]], Generator[Made]]
"""Yields an answer for every gap, in order; may look a few gaps ahead."""


def by_gaps(between: Between, gaps: Iterator[Gap]) -> Generator[Made]:
    """Ask ``between`` for each gap, in the knowledge of those around it; with functools.partial a `Remake`."""
    course = Course(between)
    for earlier, gap, later in with_neighbours(gaps):
        began = time.perf_counter()
        images = list(
            course.images(
                gap.before,
                gap.after,
                gap.times,
                Beside(earlier.before, earlier.duration / gap.duration) if earlier else None,
                Beside(later.after, later.duration / gap.duration) if later else None,
            )
        )
        yield Made(images, time.perf_counter() - began)


def by_model(name: str, device: str, precision: str, gaps: Iterator[Gap]) -> Generator[Made]:
    """Remake by a shipped model or a checkpoint's file, as `Interpolator.load` takes them; raises what that raises."""
    from vfi.interpolator import Interpolator

    return by_gaps(Interpolator.load(name, device, precision), gaps)
