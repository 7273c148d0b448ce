"""The course of what moves in a film that goes by pair by pair: what is found of a pair serves those next to it too."""

from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from vfi.pipeline import Between, Curving
from vfi.triplets.triplet import Beside


class Course:
    """Makes images between two others of a film as ``between`` does, in the knowledge of those before and after."""

    def __init__(self, between: Between) -> None:
        self._between = between
        self._starts = deque[tuple[np.ndarray, np.ndarray, Any]](maxlen=3)  # of the latest pairs

    def images(
        self,
        before: np.ndarray,
        after: np.ndarray,
        times: Sequence[Fraction],
        earlier: Beside | None = None,
        later: Beside | None = None,
    ) -> Sequence[np.ndarray]:
        """Return an image for every time in (0, 1); earlier, later: what comes before the two and after them."""
        between = self._between
        if not isinstance(between, Curving) or (earlier is None and later is None):
            return between(before, after, times)
        start = self._start(between, before, after)
        if start is not None:
            start = between.curved(
                start,
                earlier and (self._start(between, earlier.image, before), earlier.distance),
                later and (self._start(between, after, later.image), later.distance),
            )
        return [image for image, _ in between.make(before, after, times, start)]

    def _start(self, between: Curving, before: np.ndarray, after: np.ndarray) -> Any:
        for first, second, start in self._starts:
            if first is before and second is after:
                return start
        start = between.start(before, after)
        self._starts.append((before, after, start))
        return start
