"""Overlays: text, logos and frames that stand still over a picture that moves.

Optical flow drags them along with the ground. They give themselves away: no motion at all explains them, in both
images, and the motion that was found does not.
"""

import cv2
import numpy as np
from torch import Tensor
from torch.nn import functional as F

from flow.warp import backward_warp, look_up

CLEARLY = 8.0  # levels by which the flow must miss more than twice what standing still does
SAME, OTHER = 6.0, 18.0  # levels of difference up to which a pixel stands still, and from which it does not


def find_dragged(frame0: Tensor, frame1: Tensor, flow01: Tensor, flow10: Tensor) -> Tensor:
    """Return where the flows drag along what stands still, and what is next to that: (B, 1, H, W) in [0, 1].

    frame0, frame1 (B, 3, H, W) in [0, 1]; flow01, flow10 (B, 2, H, W) in pixels. Times `stillness` it is the overlay.

    >>> import torch
    >>> frames, rest = torch.rand(2, 1, 3, 16, 16), torch.zeros(1, 2, 16, 16)
    >>> find_dragged(frames[0], frames[0], rest, rest).max().item()
    0.0
    """
    missed = _nearby(_difference(frame0, backward_warp(frame1, flow01))).minimum(
        _nearby(_difference(frame1, backward_warp(frame0, flow10)))
    )
    found = (missed > 2 * _nearby(_difference(frame0, frame1)) + CLEARLY).to(frame0.dtype)
    return _nearby(F.max_pool2d(found, 3, 1, 1))


def stillness(frame0: Tensor, frame1: Tensor) -> Tensor:
    """Return how far each pixel of frames (B, 3, H, W) in [0, 1] stands still, (B, 1, H, W) in [0, 1]."""
    return ((OTHER - _difference(frame0, frame1)) / (OTHER - SAME)).clamp(0, 1)


def dragged_in_images(image0: np.ndarray, image1: np.ndarray, flow01: np.ndarray, flow10: np.ndarray) -> np.ndarray:
    """Return what `find_dragged` does, by OpenCV, in a third of the time.

    image0, image1 (H, W, 3) uint8; flow01, flow10 (H, W, 2) float32 in pixels; returns (H, W) float32 in [0, 1].
    """
    missed = cv2.min(
        _mean_nearby(_largest_difference(image0, look_up(image1, flow01))),
        _mean_nearby(_largest_difference(image1, look_up(image0, flow10))),
    )
    found = (missed > 2 * _mean_nearby(_largest_difference(image0, image1)) + np.float32(CLEARLY)).astype(np.float32)
    return _mean_nearby(cv2.dilate(found, np.ones((3, 3), np.uint8)))


def stillness_in_images(image0: np.ndarray, image1: np.ndarray) -> np.ndarray:
    """Return what `stillness` does, of images (H, W, 3) uint8 or uint16: (H, W) float32."""
    levels = _largest_difference(image0, image1) * np.float32(255 / np.iinfo(image0.dtype).max)
    return np.clip((OTHER - levels) / (OTHER - SAME), 0, 1)


def _largest_difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    red, green, blue = cv2.split(cv2.absdiff(first, second))
    return cv2.max(cv2.max(red, green), blue)


def _mean_nearby(values: np.ndarray) -> np.ndarray:
    return cv2.boxFilter(values, cv2.CV_32F, (3, 3), borderType=cv2.BORDER_REPLICATE)


def _difference(first: Tensor, second: Tensor) -> Tensor:
    """Largest difference of any colour, in levels of 8 bits, (B, 1, H, W)."""
    return 255 * (first - second).abs().amax(dim=1, keepdim=True)


def _nearby(values: Tensor) -> Tensor:
    """Mean over each pixel and its eight neighbours."""
    return F.avg_pool2d(values, 3, 1, 1, count_include_pad=False)
