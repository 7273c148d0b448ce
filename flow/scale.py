"""At what size motion is estimated: large frames move by more pixels than any estimator searches.

Flow hardly gains from more than 540 lines, and costs and errs more with each of them. What networks say of frames that
were made smaller for it needs half as many lines again, once it is known where things move to a fraction of a pixel.
It is done to the frames at full size, which are warped and mixed there.
"""

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from flow.warp import resize, resize_flows, shrink_flow

LINES = 540  # short side up to which flow is estimated at full size
COARSER = 2  # how many times smaller than for the flow frames are for networks, if they are not at full size


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
    if height % scale == 0 and width % scale == 0:
        return F.avg_pool2d(frame, scale)  # the same, and much faster
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


def coarsen(frames: tuple[Tensor, Tensor], flows: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Return frames (B, 3, h, w) that were made smaller and flows (B, 4, h, w) between them as networks look at them.

    >>> frames, flows = coarsen((torch.rand(1, 3, 9, 12), torch.rand(1, 3, 9, 12)), torch.ones(1, 4, 9, 12))
    >>> frames[0].shape, flows.shape, flows[0, 0].mean().item()
    (torch.Size([1, 3, 5, 6]), torch.Size([1, 4, 5, 6]), 0.5)
    """
    height, width = frames[0].shape[-2:]
    coarse = shrink(frames[0], COARSER), shrink(frames[1], COARSER)
    if height % COARSER == 0 and width % COARSER == 0:
        return coarse, shrink_flow(flows, COARSER)
    return coarse, resize_flows(flows, (coarse[0].shape[-2], coarse[0].shape[-1]))
