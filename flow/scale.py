"""At what size motion is estimated: large frames move by more pixels than any estimator searches.

Flow hardly gains from more than 540 lines, and costs and errs more with each of them. Networks look at the frames at
that size as well; what they say is done to the frames at full size, which are warped and mixed there.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from flow.warp import resize

LINES = 540  # short side up to which flow is estimated at full size


def choose_flow_scale(height: int, width: int) -> int:
    """Return the least power of two that brings the short side to `LINES` or below.

    >>> choose_flow_scale(720, 1280), choose_flow_scale(1080, 1920), choose_flow_scale(3840, 2160)
    (2, 2, 4)
    """
    scale = 1
    while min(height, width) > LINES * scale:
        scale *= 2
    return scale


def shrink(frame: Tensor, scale: int) -> Tensor:
    """Return the frame (B, C, H, W) ``scale`` times smaller, sides rounded up."""
    height, width = frame.shape[-2:]
    return resize(frame, (-(-height // scale), -(-width // scale)))


def shrink_image(image: np.ndarray, scale: int) -> Tensor:
    """Return what `shrink` does of an image (H, W, 3), uint8 or uint16, as the (1, 3, h, w) float32 in [0, 1] of it.

    >>> shrink_image(np.array([[[0] * 3, [255] * 3]] * 2, np.uint8), 2)[0, 0]
    tensor([[0.5000]])
    """
    levels = image.astype(np.float32, order="C")
    levels *= np.float32(1 / np.iinfo(image.dtype).max)
    height, width = image.shape[:2]
    if height % scale or width % scale:
        return shrink(torch.from_numpy(levels).permute(2, 0, 1)[None], scale)
    # OpenCV does the same of whole multiples, and much faster.
    small = cv2.resize(levels, (width // scale, height // scale), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1)[None]


def shrink_both(frame0: Tensor, frame1: Tensor, scale: int | None) -> tuple[Tensor, Tensor]:
    """Return both frames (B, C, H, W) ``scale`` times smaller; None for the scale chosen by their size."""
    scale = scale or choose_flow_scale(frame0.shape[-2], frame0.shape[-1])
    return shrink(frame0, scale), shrink(frame1, scale)
