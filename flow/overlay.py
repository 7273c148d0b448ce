"""Overlays: text, logos and frames that stand still over a picture that moves.

Optical flow drags them along with the ground. They give themselves away: no motion at all explains them, in both
images, and the motion that was found does not.
"""

from torch import Tensor
from torch.nn import functional as F

from flow.warp import backward_warp

CLEARLY = 8.0  # levels by which the flow must miss more than twice what standing still does
SAME, OTHER = 6.0, 18.0  # levels of difference up to which a pixel stands still, and from which it does not


def find_overlay(frame0: Tensor, frame1: Tensor, flow01: Tensor, flow10: Tensor) -> Tensor:
    """Return where something stands still that the flows drag along: (B, 1, H, W) in [0, 1], with soft edges.

    frame0, frame1 (B, 3, H, W) in [0, 1]; flow01, flow10 (B, 2, H, W) in pixels.

    >>> import torch
    >>> frames, rest = torch.rand(2, 1, 3, 16, 16), torch.zeros(1, 2, 16, 16)
    >>> find_overlay(frames[0], frames[0], rest, rest).max().item()
    0.0
    """
    still = _difference(frame0, frame1)
    dragged = _nearby(_difference(frame0, backward_warp(frame1, flow01))).minimum(
        _nearby(_difference(frame1, backward_warp(frame0, flow10)))
    )
    found = (dragged > 2 * _nearby(still) + CLEARLY).to(frame0.dtype)
    grown = _nearby(F.max_pool2d(found, 3, 1, 1))
    return grown * ((OTHER - still) / (OTHER - SAME)).clamp(0, 1)


def _difference(first: Tensor, second: Tensor) -> Tensor:
    """Largest difference of any colour, in levels of 8 bits, (B, 1, H, W)."""
    return 255 * (first - second).abs().amax(dim=1, keepdim=True)


def _nearby(values: Tensor) -> Tensor:
    """Mean over each pixel and its eight neighbours."""
    return F.avg_pool2d(values, 3, 1, 1, count_include_pad=False)
