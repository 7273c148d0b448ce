"""Flow fusion: both frames are warped to time t along estimated flows, and a U-Net fuses them.

The flows t->0 and t->1 come from `IntermediateFlow`, from scratch or starting from a two-way backbone: the flows
0->1 and 1->0 of any estimator in `flow`, projected to t. With a backbone there is a frame before the first network
has run, the classical one, and the networks learn what to make better in it.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from flow.models.intermediate import (
    IntermediateConfig,
    IntermediateFlow,
    IntermediateFlows,
    pyramid_levels,
    resize_flows,
)
from flow.models.layers import conv
from flow.padding import crop_to, pad_to_multiple
from flow.projection import project_flows
from flow.warp import backward_warp
from vfi.models.classical import Classical, ClassicalConfig, ClassicalPair
from vfi.models.unet import UNet


@dataclass(frozen=True)
class FlowFusionConfig:
    """Sizes of the network, and where its flows begin."""

    flow: IntermediateConfig = field(default_factory=IntermediateConfig)
    start: str = "zero"  # or an estimator of `flow.two_way`: its flows, projected to t, are refined
    refine_levels: int = 2  # finest pyramid levels that refine a given start; from zero all levels run
    fusion: tuple[int, ...] = (32, 48, 64)  # channels of the U-Net at 1/2, 1/4, ...
    context: tuple[int, ...] = (16, 32, 48)  # and of the features of each frame that join it from 1/4 on


class Pair(NamedTuple):
    """What all times between two frames share."""

    frames: tuple[Tensor, Tensor]  # padded
    features: tuple[list[Tensor], list[Tensor]]
    context: tuple[list[Tensor], list[Tensor]]
    classical: ClassicalPair | None  # with a two-way backbone; not padded
    size: tuple[int, int]  # before padding
    multiple: int  # what the padded sides are divisible by


class Context(nn.Module):
    """Features of one frame at 1/4, 1/8, ... for the U-Net to see along the flow."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            conv(inputs, outputs, stride=2) for inputs, outputs in zip((3, *widths), widths, strict=False)
        )

    def forward(self, frame: Tensor) -> list[Tensor]:
        features, found = frame - 0.5, []
        for level in self.levels:
            features = level(features)
            found.append(features)
        return found[1:]


class FlowFusion(nn.Module):
    """Intermediate flow, backward warping, and a U-Net that outputs a blend mask and a residual."""

    def __init__(self, config: FlowFusionConfig) -> None:
        super().__init__()
        if len(config.context) != len(config.fusion):
            raise ValueError("context and fusion need as many widths as each other: they meet level by level")
        self.config = config
        self.flow = IntermediateFlow(config.flow)
        self.classical = None if config.start == "zero" else Classical(ClassicalConfig(flow=config.start))
        self.context = Context(config.context)
        extra = [2 * width for width in config.context[1:]]
        if self.classical is None:
            # Both frames, both warped, both flows, the blend's logits and t in; logits and a residual out.
            self.unet = UNet(18, 4, config.fusion, extra)
        else:
            # The classical frame joins them, and how far to leave it for the blend.
            self.unet = UNet(21, 5, config.fusion, extra)

    def prepare(self, frame0: Tensor, frame1: Tensor) -> Pair:
        """Compute once what every time between frames (B, 3, H, W) in [0, 1] needs."""
        size = (frame0.shape[-2], frame0.shape[-1])
        levels = pyramid_levels(*size) if self.classical is None else self.config.refine_levels
        multiple = max(self.flow.multiple(levels), self.unet.multiple)
        frames = (pad_to_multiple(frame0, multiple), pad_to_multiple(frame1, multiple))
        return Pair(
            frames,
            (self.flow.encode(frames[0], levels), self.flow.encode(frames[1], levels)),
            (self.context(frames[0]), self.context(frames[1])),
            None if self.classical is None else self.classical.prepare(frame0, frame1),
            size,
            multiple,
        )

    def motion(self, pair: Pair, t: Tensor) -> list[IntermediateFlows]:
        """Return every pyramid level's flows at t (B, 1, 1, 1), coarsest first, at padded size."""
        if pair.classical is None:
            return self.flow.estimate(*pair.features, t)
        start = torch.cat(project_flows(*pair.classical.flows, t), dim=1)
        return self.flow.estimate(*pair.features, t, pad_to_multiple(start, pair.multiple))

    def fuse(self, pair: Pair, levels: list[IntermediateFlows], t: Tensor) -> Tensor:
        """Return the frame (B, 3, H, W) at t from what `motion` found; not clamped."""
        flows, mask = levels[-1]
        warped = warp_both(pair.frames, flows, "bicubic")
        seen = [*pair.frames, *warped, flows / 32, torch.tanh(mask), t.expand_as(mask)]
        along = []
        for features in zip(*pair.context, strict=True):
            smaller = resize_flows(flows, (features[0].shape[-2], features[0].shape[-1]))
            along.append(torch.cat(warp_both(features, smaller), dim=1))
        classical = None
        if self.classical is not None and pair.classical is not None:
            classical = pad_to_multiple(self.classical.synthesize(pair.classical, t), pair.multiple)
            seen.append(classical)
        out = self.unet(torch.cat(seen, dim=1), along).float()
        frame = blend(warped, mask.float() + out[:, :1] + torch.logit(t))
        if classical is not None:
            frame = torch.lerp(classical, frame, out[:, 4:])
        return crop_to(frame + out[:, 1:4], pair.size)

    def synthesize(self, state: Pair, t: Tensor) -> Tensor:
        """Return the frame (B, 3, H, W) in [0, 1] at t (B, 1, 1, 1)."""
        return self.fuse(state, self.motion(state, t), t).clamp(0, 1)

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """frame0, frame1 (B, 3, H, W) in [0, 1], t (B, 1, 1, 1) in (0, 1); returns (B, 3, H, W)."""
        return self.synthesize(self.prepare(frame0, frame1), t)


def warp_both(images: tuple[Tensor, Tensor], flows: Tensor, mode: str = "bilinear") -> tuple[Tensor, Tensor]:
    """Warp two images (B, C, H, W) to time t along a pair of flows (B, 4, H, W)."""
    return backward_warp(images[0], flows[:, :2], mode), backward_warp(images[1], flows[:, 2:], mode)


def blend(images: tuple[Tensor, Tensor], logits: Tensor) -> Tensor:
    """Mix two images; logits (B, 1, H, W) above zero favour the second."""
    return torch.lerp(images[0], images[1], torch.sigmoid(logits))
