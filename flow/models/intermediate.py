"""Intermediate flow: from two frames and a time t, the flows t->0 and t->1.

One small FlowNet (encoder, correlation, encoder-decoder) is applied from the coarsest level of an image
pyramid to the finest; each time it sees features of both frames, the same features warped by the flows
so far, how they correlate, the flows and t, and corrects the flows. This is the stacking of FlowNet 2.0
(arXiv:1612.01925) on two flows at once; sharing the weights between levels (UPR-Net, arXiv:2211.03456)
lets every sample teach all of them, and a larger motion only needs another level.

Flows come in pairs: (B, 4, H, W), channels (dx, dy) of t->0 then of t->1, in pixels of their own grid.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flow.models.correlation import correlation
from flow.models.layers import conv, silent_conv
from flow.padding import crop_to, pad_to_multiple
from flow.warp import backward_warp, resize_flows, shrink_flow
from flow.window import enlarge

STRIDE = 4  # the grid of flows and features is four times coarser than its image


@dataclass(frozen=True)
class IntermediateConfig:
    """Sizes of the network."""

    encoder: tuple[int, int] = (16, 32)  # channels at half and at quarter size
    stage: tuple[int, int] = (64, 96)  # channels of the stage at quarter and at eighth size
    hidden: int = 16  # channels handed from level to level
    radius: int = 3  # of the correlation, in pixels of the quarter grid


class IntermediateFlows(NamedTuple):
    """What a level found: flows (B, 4, h, w) in pixels and the blend's logits (B, 1, h, w), full level size."""

    flows: Tensor
    mask: Tensor


def pyramid_levels(height: int, width: int) -> int:
    """How many levels an image needs, so that the coarsest grid has 8 to 15 pixels on its short side.

    >>> pyramid_levels(128, 128), pyramid_levels(360, 640), pyramid_levels(1080, 1920)
    (3, 4, 6)
    """
    return max(1, (min(height, width) // (8 * STRIDE)).bit_length())


class Encoder(nn.Sequential):
    """A frame (B, 3, H, W) in [0, 1] to features at quarter size."""

    def __init__(self, widths: tuple[int, int]) -> None:
        half, quarter = widths
        super().__init__(
            conv(3, half, stride=2),
            conv(half, half),
            conv(half, quarter, stride=2),
            nn.Conv2d(quarter, quarter, 3, padding=1),
            # Correlation compares what differs from place to place, whatever the light.
            nn.InstanceNorm2d(quarter),
        )


class Stage(nn.Module):
    """A small encoder-decoder that corrects the pair of flows on its grid."""

    def __init__(self, config: IntermediateConfig) -> None:
        super().__init__()
        features, (width, deep) = config.encoder[1], config.stage
        matches = (2 * config.radius + 1) ** 2
        self.radius = config.radius
        self.gather = nn.Sequential(
            conv(4 * features + matches + config.hidden + 5, width, kernel=1, planar=True), conv(width, width)
        )
        self.down = nn.Sequential(conv(width, deep, stride=2), conv(deep, deep), conv(deep, deep))
        self.up = nn.Conv2d(deep, width, 1)
        self.merge = conv(width, width)
        # A starting flow that is given survives until the stage has learnt to better it.
        self.head = silent_conv(width, 5 + config.hidden)

    def forward(
        self, features: tuple[Tensor, Tensor], flows: Tensor, correction: Tensor, hidden: Tensor, t: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return a better correction (B, 4, h, w), the blend's logits (B, 1, h, w) and the hidden state.

        flows include the correction so far.
        """
        warped = backward_warp(features[0], flows[:, :2]), backward_warp(features[1], flows[:, 2:])
        seen = [
            *features,
            *warped,
            correlation(warped[0], warped[1], self.radius),
            hidden,
            # Not the flows: where a start is given, what remains to be found does not depend on how large it is.
            # Tens of pixels would drown features of order one.
            correction / 8,
            t.expand(-1, 1, *flows.shape[-2:]),
        ]
        wide = self.gather(torch.cat(seen, dim=1))
        deep = F.interpolate(self.up(self.down(wide)), size=wide.shape[-2:], mode="bilinear", align_corners=False)
        out = self.head(self.merge(wide + deep))
        return correction + out[:, :4], out[:, 4:5], out[:, 5:]


class IntermediateFlow(nn.Module):
    """Coarse-to-fine estimator of the two intermediate flows."""

    def __init__(self, config: IntermediateConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder)
        self.stage = Stage(config)

    def encode(self, frame: Tensor, levels: int) -> list[Tensor]:
        """Return the features of a frame (B, 3, H, W) at every level, finest first."""
        features = []
        for level in range(levels):
            if level:
                frame = F.avg_pool2d(frame, 2)
            features.append(self.encoder(frame - 0.5))
        return features

    def multiple(self, levels: int) -> int:
        """What the frames' sides must be divisible by."""
        return 2 * STRIDE * 2 ** (levels - 1)

    def estimate(
        self, features0: list[Tensor], features1: list[Tensor], t: Tensor, start: Tensor | None = None
    ) -> list[IntermediateFlows]:
        """Return every level's flows on the grid of that level's image, coarsest first.

        features: what `encode` returned for either frame; t (B, 1, 1, 1) in (0, 1);
        start: flows (B, 4, H, W) to begin with, in pixels of the finest image; zero if not given.
        """
        found: list[IntermediateFlows] = []
        # What the levels add to the start is kept apart from it: the start may be finer than their grids.
        correction: Tensor | None = None
        hidden: Tensor | None = None
        for level in reversed(range(len(features0))):
            pair = (features0[level], features1[level])
            grid = (pair[0].shape[-2], pair[0].shape[-1])
            size = (grid[0] * STRIDE, grid[1] * STRIDE)
            if correction is None or hidden is None:
                zeros = pair[0].new_zeros(pair[0].shape[0], 4 + self.config.hidden, *grid)
                correction, hidden = zeros[:, :4].float(), zeros[:, 4:]
            else:
                correction = resize_flows(correction, grid)
                hidden = F.interpolate(hidden, size=grid, mode="bilinear", align_corners=False)
            begun = correction if start is None else shrink_flow(start, STRIDE * 2**level) + correction
            correction, mask, hidden = self.stage(pair, begun, correction, hidden, t)
            # All at once: a grid is sampled at the same places for each of them.
            flows, mask = enlarge(torch.cat([STRIDE * correction, mask], dim=1), size).split([4, 1], dim=1)
            if start is not None:
                flows = flows + (shrink_flow(start, 2**level) if level else start)
            found.append(IntermediateFlows(flows, mask))
        return found

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """Return the flows t->0 and t->1, (B, 4, H, W) in pixels, for frames (B, 3, H, W) of any size."""
        size = (frame0.shape[-2], frame0.shape[-1])
        levels = pyramid_levels(*size)
        frames = [pad_to_multiple(frame, self.multiple(levels)) for frame in (frame0, frame1)]
        found = self.estimate(self.encode(frames[0], levels), self.encode(frames[1], levels), t)
        return crop_to(found[-1].flows, size)
