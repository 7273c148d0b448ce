"""Dense inverse search (DIS): optical flow without a trained network, in milliseconds on a CPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from flow.images import refuse_others

PATCH = 8  # pixels a side of what is matched, the preset's
MIN_SIDE = 16  # DIS refuses images that its pyramid of 8x8 patches does not fit


def dis_flow(
    first: np.ndarray,
    second: np.ndarray,
    patch_stride: int = 3,
    guess: np.ndarray | None = None,
    finest_scale: int = 1,
    descents: int = 25,
    refinements: int = 5,
) -> np.ndarray:
    """Return the flow from the first image to the second, OpenCV's DIS at its medium preset.

    first, second: (H, W, 3) uint8 RGB of any size, one like the other; returns (H, W, 2) float32 in pixels, dx
    then dy: what is at p in the first image is at p + flow(p) in the second. ``patch_stride`` is the
    distance of the patches it matches: 3 is the preset's, 2 is better and takes 1.8 times as long. ``guess`` is a
    flow that each patch of each level tries besides what it found so far, and follows where that fits better; without
    one, none is tried. ``finest_scale`` is how often the images are halved where patches are matched last: 1 is the
    preset's, 0 matches every pixel and takes up to four times as long. ``descents`` and ``refinements`` are the steps
    of the search for a patch and of the refinement of a level's flow, both the preset's. Raises ValueError if the sizes
    differ. Source: Kroeger 2016, arXiv:1603.03590.

    >>> image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    >>> image = cv2.GaussianBlur(image, (0, 0), 2)
    >>> float(dis_flow(image, np.roll(image, 3, axis=1))[20:40, 20:40, 0].mean().round(1))
    3.0
    """
    refuse_others(first, second)
    height, width = first.shape[:2]
    bottom, right = max(0, MIN_SIDE - height), max(0, MIN_SIDE - width)
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second)]
    if bottom or right:
        grey = [cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE) for image in grey]
    if guess is None:
        start = np.empty(0, np.float32)  # a guess of zero motion would pull the search towards it
    else:
        start = np.pad(guess.astype(np.float32), ((0, bottom), (0, right), (0, 0)), "edge")
    settings = patch_stride, finest_scale, descents, refinements
    with _lent(_new_estimator, *settings, guess is None, grey[0].shape) as estimator:
        estimator.setPatchSize(PATCH)  # which it changes for small images, as well as what comes next
        estimator.setPatchStride(patch_stride)
        estimator.setFinestScale(finest_scale)
        estimator.setGradientDescentIterations(descents)
        estimator.setVariationalRefinementIterations(refinements)
        return estimator.calc(grey[0], grey[1], start)[:height, :width]


def refine_on_half(first: np.ndarray, second: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return a flow moved to where it explains images half as large, and is still smooth: one vector for 2x2 pixels.

    first, second (H, W, 3) uint8 RGB; flow (H, W, 2) float32 in pixels; returns the like. For who looks at it on a grid
    half as fine: to refine it at every pixel, as DIS does, takes as long as to find it. Source: Brox 2004,
    doi:10.1007/978-3-540-24673-2_3, by OpenCV.
    """
    height, width = first.shape[:2]
    size = (width + 1) // 2, (height + 1) // 2
    times = np.array([width / size[0], height / size[1]], np.float32)
    grey = [
        cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        for image in (first, second)
    ]
    small = cv2.resize(flow, size, interpolation=cv2.INTER_AREA) / times
    with _lent(_new_refinement, grey[0].shape) as refinement:
        refined = refinement.calc(grey[0], grey[1], small) * times
    return refined.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]


@contextmanager
def _lent(make: Callable[[], Any], *use: Any) -> Iterator[Any]:
    """Yield what no thread has at the moment of what was made for such use before, or a new one.

    To get their buffers anew takes a quarter of the time of a flow. Of another use, what they did last would show.
    """
    unused = _unused(make, *use)
    try:
        one = unused.pop()
    except IndexError:
        one = make()
    yield one
    unused.append(one)


@lru_cache(maxsize=8)
def _unused(*use: Any) -> list[Any]:
    return []


def _new_estimator() -> Any:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def _new_refinement() -> Any:
    refinement = cv2.VariationalRefinement.create()
    refinement.setFixedPointIterations(1)
    return refinement
