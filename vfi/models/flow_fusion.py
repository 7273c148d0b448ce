"""Flow fusion: both frames are warped to time t along estimated flows, and a U-Net fuses them.

The flows t->0 and t->1 come from `IntermediateFlow`, from scratch or starting from a two-way backbone: the flows
0->1 and 1->0 of any estimator in `flow`, projected to t. With a backbone there is a frame before the first network
has run, the classical one: its four warped images are candidates too, and the U-Net weighs them all, pixel by pixel.
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
)
from flow.models.layers import conv
from flow.padding import crop_to, pad_to_multiple
from flow.scale import FINE, WHOLE, Scale
from flow.warp import backward_warp, shrink_flow
from vfi.choices import Fallback
from vfi.models.classical import Classical, ClassicalConfig, ClassicalPair, Motions
from vfi.models.confidence import SOFTENING, Confidence, find_remedy, find_signs
from vfi.models.mixture import Mixture, mix, take_to, warp_images
from vfi.models.scaled import Scaled
from vfi.models.unet import UNet

TRUST = 1 / 3  # weight of the learnt flow beside a backbone's until the U-Net knows better


@dataclass(frozen=True)
class FlowFusionConfig:
    """Sizes of the network, and where its flows begin."""

    flow: IntermediateConfig = field(default_factory=IntermediateConfig)
    start: str = "zero"  # or an estimator of `flow.two_way`: its flows, projected to t, are refined
    refine_levels: int = 2  # finest pyramid levels that refine a given start, or 0; from zero all levels run
    fusion: tuple[int, ...] = (32, 48, 64)  # channels of the U-Net at 1/2, 1/4, ...
    context: tuple[int, ...] = (16, 32, 48)  # and of the features of each frame that join it from 1/4 on
    fine: int = FINE  # pixels of frames that the networks look at whole, see `flow.scale`
    sparing: bool = False  # whether the flow of large frames is found at half the size, in less time, see `flow.scale`
    confidence: int = 0  # channels of what weighs the frame against softer ones, see `vfi.models.confidence`; 0: none


class Pair(NamedTuple):
    """What all times between two frames share."""

    frames: tuple[Tensor, Tensor]
    small: tuple[Tensor, Tensor]  # the frames as the networks look at them: all below is of these
    times: int  # how many times larger the frames themselves are
    multiple: int  # to which they are padded for the flow
    features: tuple[list[Tensor], list[Tensor]]  # for the flow
    context: tuple[list[Tensor], list[Tensor]]  # for the U-Net
    classical: ClassicalPair | None  # with a two-way backbone

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of what the networks look at."""
        return self.small[0].shape[-2], self.small[0].shape[-1]


class Motion(NamedTuple):
    """What is known of the motion at one time, on the grid of what the networks look at."""

    flows: Tensor  # t->0 and t->1, (B, 4, h, w) in pixels
    levels: list[IntermediateFlows]  # how the learnt ones came to be, coarsest first, on padded grids
    classical: Motions | None  # the backbone's


class Draft(NamedTuple):
    """A frame at one time, before it is known how far it is to be trusted."""

    mixture: Mixture
    signs: Tensor | None  # what tells that, as `find_signs` returns it; None without a network for it


class Fused(NamedTuple):
    """A frame at one time."""

    frame: Tensor  # (B, 3, H, W), not clamped
    confidence: Tensor | None  # (B, 1, h, w) in (0, 1), on a coarser grid; None without a network for it


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


class FlowFusion(Scaled, nn.Module):
    """Intermediate flow, backward warping, and a U-Net that weighs the warped images and adds a residual."""

    multiple, reach = 1, 0  # pixels: tiles may lie anywhere, and are right up to their edges
    fallback: Fallback = "soft"
    taught_share = 1.0  # in training, how far a soft fallback goes: what the weights say is learnt as it stands

    def __init__(self, config: FlowFusionConfig) -> None:
        super().__init__()
        if len(config.context) != len(config.fusion):
            raise ValueError("context and fusion need as many widths as each other: they meet level by level")
        self.config, self.fine, self.sparing = config, config.fine, config.sparing
        self.classical = None if config.start == "zero" else Classical(ClassicalConfig(flow=config.start))
        learnt = self.classical is None or config.refine_levels > 0
        self.flow = IntermediateFlow(config.flow) if learnt else None
        self.context = Context(config.context)
        candidates = 2 * learnt + 4 * (self.classical is not None)
        # In go both frames, the candidates and their weights, both flows and t; out come logits and a residual.
        self.unet = UNet(
            6 + 4 * candidates + 4 + 1, candidates + 3, config.fusion, [2 * width for width in config.context[1:]]
        )
        self.confidence = Confidence(config.confidence) if config.confidence else None

    def scale_of(self, height: int, width: int) -> Scale:
        """Return at what scale frames of this size are looked at."""
        scale = super().scale_of(height, width)
        # Without a backbone the networks find motion themselves, on what they look at.
        return scale if self.classical is not None else Scale(scale.flow, coarse=False, dense=False)

    def start(self, frame0: Tensor, frame1: Tensor, small: tuple[Tensor, Tensor] | None = None) -> Tensor | None:
        """Return the backbone's flows 0->1 and 1->0 of frames (B, 3, H, W) in [0, 1]: (B, 4, h, w) at the flow scale.

        small: what the method of this name returns for them, where it is known. None if there is no backbone.
        """
        if self.classical is None:
            return None
        return self.start_of(small or self.small(frame0, frame1), self.scale_of(*frame0.shape[-2:]))

    def start_of(self, small: tuple[Tensor, Tensor], scale: Scale) -> Tensor | None:
        """Return what `start` does, of frames at the flow scale."""
        return None if self.classical is None else self.classical.start_of(small, scale)

    def prepare(
        self,
        frame0: Tensor,
        frame1: Tensor,
        start: Tensor | None = None,
        small: tuple[Tensor, Tensor] | None = None,
    ) -> Pair:
        """Compute once what every time between frames (B, 3, H, W) in [0, 1] needs.

        start, small: what the methods of these names return for them, where it is known.
        """
        small = self.small(frame0, frame1) if small is None else small
        start = self.start(frame0, frame1, small) if start is None else start
        pair = self.prepare_small(small, start, self.scale_of(*frame0.shape[-2:]))
        return pair._replace(frames=(frame0, frame1))

    def prepare_small(self, small: tuple[Tensor, Tensor], start: Tensor | None, scale: Scale = WHOLE) -> Pair:
        """Return what `prepare` does, of frames (B, 3, h, w) at the flow scale and their flows (B, 4, h, w).

        start: with (B, 8, h, w), the last four are the accelerations of what moves so.
        """
        frames, classical, multiple = small, None, 1
        if self.classical is not None and start is not None:
            classical = self.classical.prepare_small(small, start, scale)
            small = classical.small
        features: tuple[list[Tensor], list[Tensor]] = ([], [])
        if self.flow is not None:
            levels = pyramid_levels(*small[0].shape[-2:]) if self.classical is None else self.config.refine_levels
            multiple = self.flow.multiple(levels)
            padded = [pad_to_multiple(frame, multiple) for frame in small]
            features = (self.flow.encode(padded[0], levels), self.flow.encode(padded[1], levels))
        context0, context1 = (self.context(pad_to_multiple(frame, self.unet.multiple)) for frame in small)
        return Pair(frames, small, scale.times, multiple, features, (context0, context1), classical)

    def motion(self, pair: Pair, t: Tensor) -> Motion:
        """Return the flows at t (B, 1, 1, 1), and what they come from."""
        motions = None
        if self.classical is not None and pair.classical is not None:
            motions = self.classical.motion(pair.classical, t)
        flows = None if motions is None else motions.flows(t)
        levels = []
        if self.flow is not None:
            start = None if flows is None else pad_to_multiple(flows, pair.multiple)
            levels = self.flow.estimate(*pair.features, t, start)
            flows = levels[-1].flows
        assert flows is not None  # from the backbone, the network or both
        return Motion(crop_to(flows, pair.grid), levels, motions)

    def candidates(self, pair: Pair, motion: Motion, t: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the flows of the images that the frame at t is mixed from, and their weights before the U-Net."""
        flows: list[Tensor] = []
        weights: list[Tensor] = []
        if motion.levels:
            flows += motion.flows.split(2, dim=1)
            share = torch.sigmoid(crop_to(motion.levels[-1].mask, pair.grid).float() + torch.logit(t))
            weights += [1 - share, share]
        if self.classical is not None and pair.classical is not None and motion.classical is not None:
            found, shares = self.classical.candidates(pair.classical, motion.classical, t)
            flows += found
            trust = TRUST if weights else 0
            weights = [trust * weight for weight in weights] + [(1 - trust) * shares]
        return flows, torch.cat(weights, dim=1)

    def mixture(self, pair: Pair, motion: Motion, t: Tensor) -> Mixture:
        """Return what the frame at t is mixed from, as the U-Net weighs it, and how far it is to be trusted."""
        return self.judge(self.draft(pair, motion, t))

    def draft(self, pair: Pair, motion: Motion, t: Tensor) -> Draft:
        """Return what the frame at t is mixed from, as the U-Net weighs it."""
        flows, weights = self.candidates(pair, motion, t)
        images = warp_images(pair.small, flows, pair.times)
        times = t.expand(-1, 1, *pair.grid)
        seen = torch.cat([*pair.small, *images, weights, motion.flows / 32, times], dim=1)
        # From here on they are parts of what the U-Net sees: as large as all else together, they are not kept twice.
        images, weights = list(seen[:, 6 : 6 + 3 * len(images)].split(3, dim=1)), seen[:, 6 + 3 * len(images) : -5]
        seen = pad_to_multiple(seen, self.unet.multiple)
        out = crop_to(self.unet(seen, self._along(pair, motion)), pair.grid)
        del seen
        weights = torch.softmax(weights.clamp_min(1e-6).log() + out[:, :-3].float(), dim=1)
        mixed = mix(images, weights) + out[:, -3:].float()
        dragged = None if pair.classical is None else pair.classical.dragged
        mixture = Mixture(pair.small, flows, weights, mixed, t, pair.times, dragged)
        if self.confidence is None:
            return Draft(mixture, None)
        return Draft(mixture, find_signs(mixed, pair.small, images, self._disagreement(motion), motion.flows))

    def judge(self, draft: Draft) -> Mixture:
        """Return the mixture of a draft with how far it is to be trusted."""
        mixture = draft.mixture
        if self.confidence is None or draft.signs is None:
            return mixture
        found = self.confidence(draft.signs)
        # Part of the way is enough for eyes that miss detail.
        share = self.taught_share if self.training else SOFTENING
        remedy = find_remedy(mixture.mixed, mixture.frames, mixture.t, found, self.fallback, share)
        return mixture._replace(remedy=remedy, confidence=found[:, :1])

    def mixture_at(self, pair: Pair, t: Tensor) -> Mixture:
        """Return what `mixture` does of the motion at t (B, 1, 1, 1)."""
        return self.mixture(pair, self.motion(pair, t), t)

    def fuse(self, pair: Pair, motion: Motion, t: Tensor) -> Fused:
        """Return the frame at t from what `motion` found, and how far it is to be trusted."""
        mixture = self.mixture(pair, motion, t)
        return Fused(take_to(pair.frames, mixture), mixture.confidence)

    def _along(self, pair: Pair, motion: Motion) -> list[Tensor]:
        """Return the context of both frames, level by level, warped to the time of a motion."""
        flows, along, stride = pad_to_multiple(motion.flows, self.unet.multiple), [], 4
        for features in zip(*pair.context, strict=True):
            along.append(torch.cat(warp_both(features, shrink_flow(flows, stride)), dim=1))
            stride *= 2
        return along

    @staticmethod
    def _disagreement(motion: Motion) -> Tensor:
        """Distance between the backbone's two motions (B, 1, h, w) in pixels; zero without a backbone."""
        if motion.classical is None:
            return torch.zeros_like(motion.flows[:, :1])
        return (motion.classical.first - motion.classical.second).square().sum(1, keepdim=True).sqrt()

    def synthesize(self, state: Pair, t: Tensor) -> Tensor:
        """Return the frame (B, 3, H, W) in [0, 1] at t (B, 1, 1, 1)."""
        return self.fuse(state, self.motion(state, t), t).frame.clamp(0, 1)

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """frame0, frame1 (B, 3, H, W) in [0, 1], t (B, 1, 1, 1) in (0, 1); returns (B, 3, H, W)."""
        return self.synthesize(self.prepare(frame0, frame1), t)


def warp_both(images: tuple[Tensor, Tensor], flows: Tensor) -> tuple[Tensor, Tensor]:
    """Warp two images (B, C, H, W) to time t along a pair of flows (B, 4, H, W)."""
    return backward_warp(images[0], flows[:, :2]), backward_warp(images[1], flows[:, 2:])


def blend(images: tuple[Tensor, Tensor], logits: Tensor) -> Tensor:
    """Mix two images; logits (B, 1, H, W) above zero favour the second."""
    return torch.lerp(images[0], images[1], torch.sigmoid(logits))
