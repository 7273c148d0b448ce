"""At what size motion is estimated: large frames move by more pixels than any estimator searches.

Flow hardly gains from more than some 540 lines, and costs and errs more with each of them. What networks say of frames
larger than those of video in standard definition needs half as many lines again, once it is known where things move to
a fraction of a pixel. It is done to the frames at full size, which are warped and mixed there.
"""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from flow.warp import resize, resize_flows

MOST = 1280 * 544  # pixels of frames whose flow is estimated at full size
FINE = 854 * 480  # pixels of frames that are detail to the last pixel, so that networks, too, look at them whole
COARSER = 2  # how many times smaller than for the flow frames are for networks otherwise


class Scale(NamedTuple):
    """How much smaller than frames is what is looked at."""

    flow: int  # times, where flow is estimated
    coarse: bool  # whether what networks look at is smaller still, by `COARSER`
    dense: bool  # whether flow is estimated down to every pixel, which only large frames need

    @property
    def times(self) -> int:
        """How many times smaller than the frames is what networks look at."""
        return self.flow * (COARSER if self.coarse else 1)


WHOLE = Scale(1, coarse=False, dense=False)


def choose_scale(
    height: int,
    width: int,
    flow: int | None = None,
    coarse: bool | None = None,
    fine: int = FINE,
    sparing: bool = False,
) -> Scale:
    """Return at what scale frames of a size are looked at, as far as it is not given; that of flow is a power of two.

    fine: pixels of frames that networks look at whole; sparing: whether the flow of frames larger than `FINE` is
    estimated at half of the size that it would be, in a quarter of the time.

    >>> [choose_scale(*size).flow for size in ((540, 960), (720, 1280), (1080, 1920), (3840, 2160))]
    [1, 2, 2, 4]
    """
    if flow is None:
        flow = 1
        while height * width > MOST * flow**2:
            flow *= 2
        if sparing and height * width > FINE:
            flow *= 2
    if coarse is None:
        coarse = flow > 1 or height * width > fine
    return Scale(flow, coarse, coarse and (flow > 1 or height * width > FINE))


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


def coarsen(frames: tuple[Tensor, Tensor], flows: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Return frames (B, 3, h, w) at the size of flow and flows (B, 4 n, h, w) as networks look at them, if coarsely.

    >>> frames, flows = coarsen((torch.rand(1, 3, 9, 12), torch.rand(1, 3, 9, 12)), torch.ones(1, 4, 9, 12))
    >>> frames[0].shape, flows.shape, flows[0, 0].mean().item()
    (torch.Size([1, 3, 5, 6]), torch.Size([1, 4, 5, 6]), 0.5)
    """
    height, width = frames[0].shape[-2:]
    if frames[0].device.type == "cpu" and height % COARSER == 0 and width % COARSER == 0:
        found = torch.cat([_coarse(pair) for pair in flows.split(4, dim=1)], dim=1) / COARSER
        return (_coarse(frames[0]), _coarse(frames[1])), found
    coarse = shrink(frames[0], COARSER), shrink(frames[1], COARSER)
    size = coarse[0].shape[-2], coarse[0].shape[-1]
    return coarse, torch.cat([resize_flows(pair, size) for pair in flows.split(4, dim=1)], dim=1)


def _coarse(image: Tensor) -> Tensor:
    """Return what `shrink` does by `COARSER`, of an image (B, C, h, w) on the CPU with C up to 4, faster."""
    rows = image.detach().permute(0, 2, 3, 1).numpy()
    size = rows.shape[2] // COARSER, rows.shape[1] // COARSER
    small = np.stack([cv2.resize(np.ascontiguousarray(one), size, interpolation=cv2.INTER_AREA) for one in rows])
    return torch.from_numpy(small).permute(0, 3, 1, 2)


def to_image(frame: Tensor) -> np.ndarray:
    """Return a frame (3, h, w) in [0, 1], on any device, as an image (h, w, 3) uint8, rounded.

    >>> to_image(torch.full((3, 1, 1), 0.5))
    array([[[128, 128, 128]]], dtype=uint8)
    """
    # In one pass, which PyTorch takes forty times as long for.
    return cv2.convertScaleAbs(frame.detach().float().permute(1, 2, 0).cpu().numpy(), alpha=255)
