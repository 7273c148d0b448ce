"""Backward warping: look an image up where a flow field points.

Flow is (B, 2, H, W) float32 in pixels of its own grid; channel 0 is dx (right), 1 is dy (down).
"""

import cv2
import numpy as np
import torch
from kornia.geometry.grid import create_meshgrid
from kornia.geometry.transform import remap
from torch import Tensor
from torch.nn import functional as F

_TINY = 1e-6  # keeps a side of one pixel from a division by zero


def backward_warp(image: Tensor, flow: Tensor, mode: str = "bilinear", corner: tuple[int, int] | None = None) -> Tensor:
    """Return the image sampled at ``x + flow(x)``; beyond its edge the border repeats.

    image (B, C, H, W), any range; flow (B, 2, H, W), pixels; returns (B, C, H, W). The mode is bilinear, or
    bicubic: bilinear sampling between pixels blurs, bicubic keeps detail but may overshoot the image's range.
    corner: where in the image the flow's grid begins (row, column), if it is that of a part of it (B, 2, h, w).
    Raises ValueError if the grids differ without one. Source: Jaderberg 2015, arXiv:1506.02025, eq. 5.

    >>> import torch
    >>> backward_warp(torch.tensor([[[[1., 2., 3.]]]]), torch.ones(1, 2, 1, 3))
    tensor([[[[2., 3., 3.]]]])
    """
    if corner is None and image.shape[-2:] != flow.shape[-2:]:
        raise ValueError(
            f"image is {tuple(image.shape[-2:])} but flow is {tuple(flow.shape[-2:])} "
            "(height, width): bring the flow to the image with resize_flow()"
        )
    # Coordinates need float32: bfloat16 has 8 bits, too few to tell neighbouring pixels apart.
    flow = flow.float()
    if is_exporting() and corner is None:
        return _exported_warp(image, flow, mode)
    grid = create_meshgrid(
        flow.shape[-2], flow.shape[-1], normalized_coordinates=False, device=flow.device, dtype=flow.dtype
    )
    x, y = grid[..., 0] + flow[:, 0], grid[..., 1] + flow[:, 1]
    if corner is not None:
        x, y = x + corner[1], y + corner[0]
    # kornia normalises corner to corner, yet samples half a pixel off unless told to align corners.
    return remap(image.float(), x, y, mode=mode, align_corners=True, padding_mode="border").to(image.dtype)


def is_exporting() -> bool:
    """Whether this runs to be written to a file, in which nothing can depend on the values of an image."""
    return torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export()


def _exported_warp(image: Tensor, flow: Tensor, mode: str) -> Tensor:
    """As `backward_warp`; what kornia does to interleave x and y takes as long in OpenVINO as the sampling itself."""
    height, width = flow.shape[-2:]
    (across, columns), (down, rows) = _normalized(width, flow), _normalized(height, flow)
    x, y = flow[:, :1] * across + columns, flow[:, 1:] * down + rows[:, None]
    places = torch.cat([x, y], dim=1).permute(0, 2, 3, 1)
    sampled = F.grid_sample(image.float(), places, mode=mode, padding_mode="border", align_corners=True)
    return sampled.to(image.dtype)


def _normalized(count: int, like: Tensor) -> tuple[float, Tensor]:
    """Return the distance of ``count`` pixels in a row that reaches from -1 to 1, and their places in it."""
    distance = 2 / (count - 1 + _TINY)
    return distance, torch.arange(count, dtype=like.dtype, device=like.device) * distance - 1


def look_up(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return what `backward_warp` does, bilinearly, for one image as OpenCV has them.

    image (H, W) or (H, W, C) uint8 or float32; flow (H, W, 2) float32 in pixels.

    >>> look_up(np.array([[1, 2, 3]], np.uint8), np.float32([[[1, 0], [1, 0], [1, 0]]]))
    array([[2, 3, 3]], dtype=uint8)
    """
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the image (B, C, h, w) at ``size`` (height, width): averaged to shrink, interpolated to enlarge.

    >>> import torch
    >>> resize(torch.tensor([[[[0., 2., 4., 6.]]]]), (1, 2))
    tensor([[[[1., 5.]]]])
    """
    height, width = image.shape[-2:]
    if (height, width) == tuple(size):
        return image
    if size[0] <= height and size[1] <= width:
        return F.interpolate(image, size=size, mode="area")
    return F.interpolate(image, size=size, mode="bilinear", align_corners=False)


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the flow on a grid of ``size`` (height, width), its vectors scaled along with the grid.

    flow (B, 2, h, w), pixels of its grid; returns (B, 2, H, W), pixels of the new grid.

    >>> import torch
    >>> resize_flow(torch.ones(1, 2, 1, 1), (2, 3)).amax(dim=(2, 3))
    tensor([[3., 2.]])
    """
    height, width = flow.shape[-2:]
    if (height, width) == tuple(size):
        return flow
    # By numbers, not by a tensor of them: an export keeps those as they were once.
    x, y = resize(flow, size).split(1, dim=1)
    return torch.cat([x * (size[1] / width), y * (size[0] / height)], dim=1)


def resize_flows(flows: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring a pair of flows (B, 4, h, w) to a grid of ``size`` (height, width)."""
    return torch.cat([resize_flow(flows[:, :2], size), resize_flow(flows[:, 2:], size)], dim=1)


def shrink_flow(flow: Tensor, times: int) -> Tensor:
    """Return the flow on a grid ``times`` coarser, which its sides must be divisible by; as `resize_flow` would.

    >>> import torch
    >>> shrink_flow(torch.ones(1, 4, 2, 4), 2).shape, shrink_flow(torch.ones(1, 4, 2, 4), 2).unique().item()
    (torch.Size([1, 4, 1, 2]), 0.5)
    """
    return F.avg_pool2d(flow, times) / times
