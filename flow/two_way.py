"""Two-way flow: from two frames the flows 0->1 and 1->0, by any estimator of the table.

Projected to a time between the frames (`flow.projection`), they are what classical interpolation warps by, and
where `IntermediateFlow` can start from.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from flow.dis import dis_flow
from flow.estimator import FlowEstimator, two_way_by
from flow.matching import match_lost

TwoWay = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Frames (B, 3, H, W) in [0, 1] -> flows 0->1 and 1->0, (B, 2, H, W) float32 in pixels."""


def dis_two_way(frame0: Tensor, frame1: Tensor) -> tuple[Tensor, Tensor]:
    """Return DIS flows both ways, computed on the CPU from 8-bit frames, patch by patch at every second pixel.

    What DIS loses, because it moves too far, is found by `flow.matching`, and DIS refines that.
    """
    images = [
        frame.detach().float().mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy() for frame in (frame0, frame1)
    ]
    pairs = [_dis_both_ways(first, second) for first, second in zip(*images, strict=True)]
    forward, backward = (
        torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2).to(frame0.device) for flows in zip(*pairs, strict=True)
    )
    return forward, backward


def _dis_both_ways(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    forward, backward = dis_flow(first, second, patch_stride=2), dis_flow(second, first, patch_stride=2)
    on = match_lost(first, second, forward)
    back = match_lost(second, first, backward)
    return (
        forward if on is None else dis_flow(first, second, patch_stride=2, guess=on),
        backward if back is None else dis_flow(second, first, patch_stride=2, guess=back),
    )


TWO_WAY: dict[str, TwoWay] = {"dis": dis_two_way}


def two_way_estimator(name: str) -> TwoWay:
    """Return an estimator of the table; raises ValueError that lists the known ones."""
    if name not in TWO_WAY:
        raise ValueError(f"unknown two-way flow {name!r}: use one of {', '.join(TWO_WAY)}")
    return TWO_WAY[name]


def find_two_way(name: str, device: str = "auto", precision: str = "auto") -> TwoWay:
    """Return an estimator of the table, or one made of a flow network: a shipped one's name, or a checkpoint's file.

    device, precision: of a network, as `FlowEstimator` takes them. Raises ValueError that lists what there is.
    """
    if name in TWO_WAY:
        return TWO_WAY[name]
    return two_way_by(FlowEstimator.load(name, device, precision, besides=TWO_WAY))
