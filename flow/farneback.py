"""Farneback's optical flow: a classical method to measure others against."""

import cv2
import numpy as np

from flow.images import refuse_others


def farneback_flow(frame0: np.ndarray, frame1: np.ndarray) -> np.ndarray:
    """Return the flow from the first frame to the second, (H, W, 2) float32 in pixels, by OpenCV's Farneback.

    frames (H, W, 3) uint8 RGB of one size. Five levels each half as large, windows of 15 pixels, 3 iterations. Raises
    ValueError if the sizes differ. Source: Farneback 2003, doi:10.1007/3-540-45103-X_50.

    >>> image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    >>> image = cv2.GaussianBlur(image, (0, 0), 2)
    >>> float(farneback_flow(image, np.roll(image, 3, axis=1))[20:40, 20:40, 0].mean().round(0))
    3.0
    """
    refuse_others(frame0, frame1)
    grey0, grey1 = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (frame0, frame1))
    start = np.zeros((*frame0.shape[:2], 2), np.float32)
    return np.asarray(cv2.calcOpticalFlowFarneback(grey0, grey1, start, 0.5, 5, 15, 3, 5, 1.2, 0), np.float32)
