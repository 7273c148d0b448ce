"""Scene cuts, found on a stream of frames.

Two frames lose the detail that is not found again from the one to the other: the brightness of each cell of a
thumbnail is looked for in the other's surroundings of that cell, whatever its mean and contrast. So neither pans (the
detail moves) nor fades (it grows paler) lose much, and a dissolve loses little from frame to frame.

A cut loses detail for good: none of the three frames after it shows what any of the three before it showed. After a
flash, between strobes, or behind what passes the lens, one of them does. And a cut stands alone: where fast, chaotic
motion loses detail from every frame to the next, most of what the gaps beside lose is taken off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import cv2
import numpy as np

from vfi.media import Frame

THRESHOLD = 28.0  # percent; benchmarks/cuts.py measures it

REACH = 3  # frames on each side of a gap that are compared across it
_CELL = 8  # thumbnail pixels
_WIDTH, _HEIGHT = 8 * _CELL, 5 * _CELL  # of a thumbnail; detail may move by an eighth of the picture's width
_USUAL = 0.75  # of what the gaps beside lose does not count
_FAINT = 4.0  # levels of 255: detail of less contrast hardly counts, for it may be noise


@dataclass(frozen=True)
class Cut:
    """A change of scene."""

    time: Fraction  # seconds since the start of the file: when the first frame of the new scene is shown
    score: float  # percent of the two scenes' detail that is not in both, less three quarters of the gaps' beside


def find_cuts(frames: Iterable[Frame], threshold: float = THRESHOLD) -> Iterator[Cut]:
    """Yield the cuts whose score is at least ``threshold`` (percent, 0 to 100)."""
    return (cut for _, cut in with_cuts(frames, threshold) if cut is not None)


def with_cuts(frames: Iterable[Frame], threshold: float = THRESHOLD) -> Iterator[tuple[Frame, Cut | None]]:
    """Yield every frame with the cut right before it, if there is one; frames come out two late.

    threshold: percent, 0 to 100.
    """
    thumbnails: deque[np.ndarray] = deque(maxlen=2 * REACH)  # of the frames about to come and of those before
    waiting: deque[Frame] = deque()

    def judged() -> tuple[Frame, Cut | None]:
        frame, gap = waiting[0], len(thumbnails) - len(waiting)
        score = _score(thumbnails, gap, threshold)
        waiting.popleft()
        return frame, Cut(frame.time, score) if score >= threshold else None

    for frame in frames:
        thumbnails.append(_thumbnail(frame))
        waiting.append(frame)
        if len(waiting) == REACH:
            yield judged()
    while waiting:
        yield judged()


def _score(thumbnails: Sequence[np.ndarray], gap: int, threshold: float) -> float:
    """Return the score of the gap before thumbnail number ``gap``; 0 if it is plain that it is below the threshold."""
    if gap == 0:
        return 0.0  # the film's first frame

    def lost(number: int) -> float:
        return _lost(thumbnails[number - 1], thumbnails[number])

    # The search is what takes time; most gaps show without it that enough detail has stayed in its place.
    if _moved(thumbnails[gap - 1], thumbnails[gap]) < threshold or lost(gap) < threshold:
        return 0.0
    beside = [lost(number) for number in (gap - 1, gap + 1) if 0 < number < len(thumbnails)]
    usual = _USUAL * sum(beside) / len(beside) if beside else 0.0
    before, after = range(max(0, gap - REACH), gap), range(gap, min(gap + REACH, len(thumbnails)))
    return min(_lost(thumbnails[i], thumbnails[j]) for i, j in product(before, after)) - usual


def _thumbnail(frame: Frame) -> np.ndarray:
    luma = np.ascontiguousarray(frame.coarse[..., 0])
    shrinks = luma.shape[0] >= _HEIGHT and luma.shape[1] >= _WIDTH
    return cv2.resize(luma, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _lost(one: np.ndarray, other: np.ndarray) -> float:
    """Return how many percent of the detail of two thumbnails are not found in the other one."""
    lost = whole = 0.0
    for top, left in product(range(0, _HEIGHT, _CELL), range(0, _WIDTH, _CELL)):
        place = slice(top, top + _CELL), slice(left, left + _CELL)
        around = slice(max(0, top - _CELL), top + 2 * _CELL), slice(max(0, left - _CELL), left + 2 * _CELL)
        for here, there in ((one, other), (other, one)):
            cell = here[place]
            detail = float(cell.std())
            whole += detail + _FAINT
            if detail < 0.5:
                continue  # plain: there is nothing to look for
            best = float(cv2.matchTemplate(there[around], cell, cv2.TM_CCOEFF_NORMED).max())
            lost += detail * (1 - min(max(best, 0.0), 1.0) ** 2) ** 0.5
    return 100 * lost / whole


def _moved(one: np.ndarray, other: np.ndarray) -> float:
    """Return how many percent of the detail is not in its old place: `_lost` is never more, but for rounding."""
    (first, detail), (second, others) = _cells(one), _cells(other)
    alike = (first * second).mean(axis=1) / np.maximum(detail * others, 1e-6)
    gone = np.sqrt(1 - np.clip(alike, 0, 1) ** 2)
    return float(100 * ((detail + others) * gone).sum() / (detail + others + 2 * _FAINT).sum())


def _cells(thumbnail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return every cell's pixels less their mean, a row each, and their standard deviation."""
    rows = thumbnail.reshape(_HEIGHT // _CELL, _CELL, _WIDTH // _CELL, _CELL).swapaxes(1, 2).reshape(-1, _CELL**2)
    return rows - rows.mean(axis=1, keepdims=True), rows.std(axis=1)
