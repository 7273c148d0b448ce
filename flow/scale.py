"""At what size motion is estimated: large frames move by more pixels than any estimator searches.

Flow hardly gains from more than 540 lines, and costs and errs more with each of them. What networks say of frames that
were made smaller for it needs half as many lines again, once it is known where things move to a fraction of a pixel.
It is done to the frames at full size, which are warped and mixed there.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from flow.warp import resize, resize_flows

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
    return resize(frame, (-(-height // scale), -(-width // scale)))


def shrink_image(image: np.ndarray, scale: int) -> Tensor:
    """Return what `shrink` does of an image (H, W, 3), uint8 or uint16, as the (1, 3, h, w) float32 in [0, 1] of it.

    >>> shrink_image(np.array([[[0] * 3, [255] * 3]] * 2, np.uint8), 2)[0, 0]
    tensor([[0.5020]])
    """
    height, width = image.shape[:2]
    whole = height % scale == 0 and width % scale == 0
    if whole and scale > 1:
        # OpenCV does the same of whole multiples, but for rounding to the levels of the image, and much faster.
        image = cv2.resize(image, (width // scale, height // scale), interpolation=cv2.INTER_AREA)
    levels = image.astype(np.float32, order="C")
    levels *= np.float32(1 / np.iinfo(image.dtype).max)
    small = torch.from_numpy(levels).permute(2, 0, 1)[None]
    return small if whole else shrink(small, scale)


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
    if frames[0].device.type == "cpu" and height % COARSER == 0 and width % COARSER == 0:
        return (_coarse(frames[0]), _coarse(frames[1])), _coarse(flows) / COARSER
    coarse = shrink(frames[0], COARSER), shrink(frames[1], COARSER)
    return coarse, resize_flows(flows, (coarse[0].shape[-2], coarse[0].shape[-1]))


def _coarse(image: Tensor) -> Tensor:
    """Return what `shrink` does by `COARSER`, of an image (B, C, h, w) on the CPU with C up to 4, faster."""
    rows = image.detach().permute(0, 2, 3, 1).numpy()
    size = rows.shape[2] // COARSER, rows.shape[1] // COARSER
    small = np.stack([cv2.resize(np.ascontiguousarray(one), size, interpolation=cv2.INTER_AREA) for one in rows])
    return torch.from_numpy(small).permute(0, 3, 1, 2)
