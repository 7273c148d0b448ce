"""Interpolation without a trained network: flow both ways, warping, and a blend that knows occlusion."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flow.projection import coverage, motions_at
from flow.two_way import two_way_estimator
from flow.warp import backward_warp


@dataclass(frozen=True)
class ClassicalConfig:
    """Whose flow it follows, and how it blends."""

    flow: str = "dis"  # an estimator of `flow.two_way`
    unseen: float = 0.1  # weight of a frame where the other one shows something new, of 1 where both agree


class ClassicalPair(NamedTuple):
    """What all times between two frames share."""

    frames: tuple[Tensor, Tensor]
    flows: tuple[Tensor, Tensor]  # 0->1 and 1->0
    seen: tuple[Tensor, Tensor]  # how far what each frame shows is in the other one too, (B, 1, H, W) in [0, 1]


class Classical(nn.Module):
    """Both frames are warped to time t by the motions of both flows, and the four images are averaged.

    Where the two motions agree they only lessen the noise; where they do not, the mean errs less than either.
    """

    def __init__(self, config: ClassicalConfig) -> None:
        super().__init__()
        self.config = config
        self.estimate = two_way_estimator(config.flow)

    def prepare(self, frame0: Tensor, frame1: Tensor) -> ClassicalPair:
        """Compute once what every time between frames (B, 3, H, W) in [0, 1] needs."""
        flow01, flow10 = self.estimate(frame0, frame1)
        # A pixel wide, gaps in coverage are stretching, not occlusion.
        seen0, seen1 = (F.avg_pool2d(coverage(f), 3, 1, 1, count_include_pad=False) for f in (flow10, flow01))
        return ClassicalPair((frame0, frame1), (flow01, flow10), (seen0, seen1))

    def synthesize(self, state: ClassicalPair, t: Tensor) -> Tensor:
        """Return the frame (B, 3, H, W) in [0, 1] at t (B, 1, 1, 1)."""
        made = [self._blend(state, motion, t) for motion in motions_at(*state.flows, t)]
        return torch.stack(made).mean(0).clamp(0, 1)

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """frame0, frame1 (B, 3, H, W) in [0, 1], t (B, 1, 1, 1) in (0, 1); returns (B, 3, H, W)."""
        return self.synthesize(self.prepare(frame0, frame1), t)

    def _blend(self, pair: ClassicalPair, motion: Tensor, t: Tensor) -> Tensor:
        to0, to1 = -t * motion, (1 - t) * motion
        # What frame 0 does not see of frame 1 was hidden in it: there frame 0 has the wrong thing to show.
        weight0 = (1 - t) * (backward_warp(pair.seen[1], to1) + self.config.unseen)
        weight1 = t * (backward_warp(pair.seen[0], to0) + self.config.unseen)
        # Bilinear sampling would blur, which costs a quarter of a decibel.
        frame0, frame1 = (backward_warp(f, to, "bicubic") for f, to in zip(pair.frames, (to0, to1), strict=True))
        return torch.lerp(frame0, frame1, weight1 / (weight0 + weight1))
