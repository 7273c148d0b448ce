"""Blend: the two frames mixed by time, without any motion. What every other model has to beat."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class BlendConfig:
    """There is nothing to choose."""


class Blend(nn.Module):
    """``(1 - t) * frame0 + t * frame1``."""

    multiple, reach = 1, 0  # pixels: tiles may lie anywhere, for every one is made of itself alone

    def __init__(self, config: BlendConfig) -> None:
        super().__init__()
        self.config = config

    def prepare(self, frame0: Tensor, frame1: Tensor) -> tuple[Tensor, Tensor]:
        """Keep what all times of a pair share: the frames (B, 3, H, W) in [0, 1] themselves."""
        return frame0, frame1

    def synthesize(self, state: tuple[Tensor, Tensor], t: Tensor) -> Tensor:
        """Return the frame (B, 3, H, W) in [0, 1] at t (B, 1, 1, 1)."""
        return torch.lerp(*state, t)

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """frame0, frame1 (B, 3, H, W) in [0, 1], t (B, 1, 1, 1) in (0, 1); returns (B, 3, H, W)."""
        return self.synthesize(self.prepare(frame0, frame1), t)
