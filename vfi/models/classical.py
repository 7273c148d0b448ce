"""Interpolation without a trained network: DIS flow both ways, warping, and a blend that knows occlusion."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from kornia.geometry.grid import create_meshgrid
from kornia.geometry.transform import remap
from torch import Tensor, nn
from torch.nn import functional as F

from flow.dis import dis_flow
from flow.projection import coverage, motions_at
from flow.warp import backward_warp


@dataclass(frozen=True)
class ClassicalConfig:
    """How thoroughly it searches, and how it blends."""

    patch_stride: int = 2  # pixels between the patches that DIS matches
    unseen: float = 0.1  # weight of a frame where the other one shows something new, of 1 where both agree


class Pair(NamedTuple):
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

    def prepare(self, frame0: Tensor, frame1: Tensor) -> Pair:
        """Compute once what every time between frames (B, 3, H, W) in [0, 1] needs; the flows on the CPU."""
        flow01, flow10 = self._flow(frame0, frame1), self._flow(frame1, frame0)
        # A pixel wide, gaps in coverage are stretching, not occlusion.
        seen0, seen1 = (F.avg_pool2d(coverage(f), 3, 1, 1, count_include_pad=False) for f in (flow10, flow01))
        return Pair((frame0, frame1), (flow01, flow10), (seen0, seen1))

    def synthesize(self, state: Pair, t: Tensor) -> Tensor:
        """Return the frame (B, 3, H, W) in [0, 1] at t (B, 1, 1, 1)."""
        made = [self._blend(state, motion, t) for motion in motions_at(*state.flows, t)]
        return torch.stack(made).mean(0).clamp(0, 1)

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """frame0, frame1 (B, 3, H, W) in [0, 1], t (B, 1, 1, 1) in (0, 1); returns (B, 3, H, W)."""
        return self.synthesize(self.prepare(frame0, frame1), t)

    def _blend(self, pair: Pair, motion: Tensor, t: Tensor) -> Tensor:
        to0, to1 = -t * motion, (1 - t) * motion
        # What frame 0 does not see of frame 1 was hidden in it: there frame 0 has the wrong thing to show.
        weight0 = (1 - t) * (backward_warp(pair.seen[1], to1) + self.config.unseen)
        weight1 = t * (backward_warp(pair.seen[0], to0) + self.config.unseen)
        frame0, frame1 = bicubic_warp(pair.frames[0], to0), bicubic_warp(pair.frames[1], to1)
        return torch.lerp(frame0, frame1, weight1 / (weight0 + weight1))

    def _flow(self, first: Tensor, second: Tensor) -> Tensor:
        pairs = zip(_to_images(first), _to_images(second), strict=True)
        flows = np.stack([dis_flow(a, b, self.config.patch_stride) for a, b in pairs])
        return torch.from_numpy(flows).permute(0, 3, 1, 2).to(first.device)


def bicubic_warp(image: Tensor, flow: Tensor) -> Tensor:
    """Return the image (B, C, H, W) sampled at ``x + flow(x)`` like `backward_warp`, but sharper.

    Between pixels bilinear sampling blurs, which costs a quarter of a decibel; bicubic may overshoot the image's range.
    """
    grid = create_meshgrid(
        flow.shape[-2], flow.shape[-1], normalized_coordinates=False, device=flow.device, dtype=flow.dtype
    )
    x, y = grid[..., 0] + flow[:, 0], grid[..., 1] + flow[:, 1]
    return remap(image.float(), x, y, mode="bicubic", align_corners=True, padding_mode="border")


def _to_images(frames: Tensor) -> np.ndarray:
    """(B, 3, H, W) in [0, 1] to (B, H, W, 3) uint8."""
    return frames.float().mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
