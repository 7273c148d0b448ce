"""Dense inverse search (DIS): optical flow without a trained network, in milliseconds on a CPU."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from flow.images import refuse_others

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
    unused = _unused(patch_stride, finest_scale, descents, refinements, guess is None, grey[0].shape)
    try:
        estimator = unused.pop()
    except IndexError:
        estimator = _new_estimator(patch_stride, finest_scale, descents, refinements)
    flow = estimator.calc(grey[0], grey[1], start)
    unused.append(estimator)
    return flow[:height, :width]


@lru_cache(maxsize=8)
def _unused(*use: Any) -> list[Any]:
    """Return the estimators that no thread has at the moment, of those that were of such use before.

    To get their buffers anew takes a quarter of the time of a flow. Of another use, what they did last would show.
    """
    return []


def _new_estimator(patch_stride: int, finest_scale: int, descents: int, refinements: int) -> Any:
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    estimator.setPatchStride(patch_stride)
    estimator.setFinestScale(finest_scale)
    estimator.setGradientDescentIterations(descents)
    estimator.setVariationalRefinementIterations(refinements)
    return estimator
