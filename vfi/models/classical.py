"""Interpolation without a trained network: flow both ways, warping, and a blend that knows occlusion."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flow.course import bend
from flow.motion import find_motions
from flow.overlay import find_dragged
from flow.projection import coverage, intermediate_flows
from flow.scale import WHOLE, Scale, coarsen
from flow.two_way import TwoWay, two_way_estimator
from flow.warp import backward_warp, is_exporting
from vfi.models.mixture import Mixture, mix, take_to, warp_images
from vfi.models.scaled import Scaled


@dataclass(frozen=True)
class ClassicalConfig:
    """Whose flow it follows, and how it blends."""

    flow: str = "dis"  # an estimator of `flow.two_way`
    unseen: float = 0.1  # weight of a frame where the other one shows something new, of 1 where both agree


class ClassicalPair(NamedTuple):
    """What all times between two frames share; on the grid of the mixture but for the frames."""

    frames: tuple[Tensor, Tensor]
    small: tuple[Tensor, Tensor]  # the frames on that grid
    flows: tuple[Tensor, Tensor]  # 0->1 and 1->0
    accelerations: Tensor | None  # as `flow.course` finds them, where the frames around these are known
    seen: tuple[Tensor, Tensor]  # how far what each frame shows is in the other one too, (B, 1, h, w) in [0, 1]
    dragged: Tensor | None  # where something stands still over what moves, see `Mixture`; on the grid of the flow
    times: int  # how many times larger than that grid the frames are


class Motions(NamedTuple):
    """How what is seen at a time moves."""

    first: Tensor  # (B, 2, h, w): the motion from frame 0 to frame 1 by the word of the flow 0->1
    second: Tensor  # and by that of 1->0
    bend: Tensor | None  # what its flows to either frame have more than along a straight way, (B, 2, h, w)

    def flows(self, t: Tensor) -> Tensor:
        """Return the flows t->0 and t->1 of one motion, (B, 4, h, w): the nearer frame's word counts more."""
        return torch.cat(intermediate_flows(torch.lerp(self.first, self.second, t), t, self.bend), dim=1)


class Classical(Scaled, nn.Module):
    """Both frames are warped to time t by the motions of both flows, and the four images are averaged.

    Where the two motions agree they only lessen the noise; where they do not, the mean errs less than either.
    """

    multiple, reach = 1, 0  # pixels: tiles may lie anywhere, and are right up to their edges

    def __init__(self, config: ClassicalConfig) -> None:
        super().__init__()
        self.config = config
        self.follow(two_way_estimator(config.flow), two_way_estimator(config.flow, dense=True))

    def follow(self, two_way: TwoWay, dense: TwoWay | None = None) -> None:
        """Take another estimator; dense: for where it is to be that (`Scale`), if it is not the same."""
        self.two_way, self.dense_two_way = two_way, dense or two_way

    def start(self, frame0: Tensor, frame1: Tensor, small: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return the flows 0->1 and 1->0 of frames (B, 3, H, W) in [0, 1]: (B, 4, h, w) at the flow scale.

        small: what the method of this name returns for them, where it is known.
        """
        return self.start_of(small or self.small(frame0, frame1), self.scale_of(*frame0.shape[-2:]))

    def start_of(self, small: tuple[Tensor, Tensor], scale: Scale) -> Tensor:
        """Return what `start` does, of frames at the flow scale."""
        return torch.cat((self.dense_two_way if scale.dense else self.two_way)(*small), dim=1)

    def prepare(
        self,
        frame0: Tensor,
        frame1: Tensor,
        start: Tensor | None = None,
        small: tuple[Tensor, Tensor] | None = None,
    ) -> ClassicalPair:
        """Compute once what every time between frames (B, 3, H, W) in [0, 1] needs.

        start, small: what the methods of these names return for them, where it is known.
        """
        small = self.small(frame0, frame1) if small is None else small
        start = self.start(frame0, frame1, small) if start is None else start
        pair = self.prepare_small(small, start, self.scale_of(*frame0.shape[-2:]))
        return pair._replace(frames=(frame0, frame1))

    def prepare_small(self, small: tuple[Tensor, Tensor], start: Tensor, scale: Scale = WHOLE) -> ClassicalPair:
        """Return what `prepare` does, of frames (B, 3, h, w) at the flow scale and their flows (B, 4, h, w).

        start: with (B, 8, h, w), the last four are the accelerations of what moves so.
        """
        frames = small
        dragged = find_dragged(*small, start[:, :2], start[:, 2:4])
        is_laid = is_exporting() or bool(dragged.any())
        if scale.coarse:
            small, start = coarsen(small, start)
        flow01, flow10 = start[:, :2], start[:, 2:4]
        curved = start[:, 4:] if start.shape[1] > 4 else None
        # A pixel wide, gaps in coverage are stretching, not occlusion.
        seen0, seen1 = (F.avg_pool2d(coverage(f), 3, 1, 1, count_include_pad=False) for f in (flow10, flow01))
        laid = dragged if is_laid else None
        return ClassicalPair(frames, small, (flow01, flow10), curved, (seen0, seen1), laid, scale.times)

    def motion(self, pair: ClassicalPair, t: Tensor) -> Motions:
        """Return the motions at t (B, 1, 1, 1), as `find_motions` gives them."""
        motions = find_motions(*pair.flows, t, pair.small)
        if pair.accelerations is None:
            return Motions(*motions, None)
        return Motions(*motions, bend(pair.accelerations, torch.lerp(*motions, t), t))

    def candidates(self, pair: ClassicalPair, motions: Motions, t: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the flows to frame 0 and frame 1 of the first motion, then of the second, and their weights."""
        flows, weights = [], []
        for motion in (motions.first, motions.second):
            to0, to1 = intermediate_flows(motion, t, motions.bend)
            # What frame 0 does not see of frame 1 was hidden in it: there frame 0 has the wrong thing to show.
            weight0 = (1 - t) * (backward_warp(pair.seen[1], to1) + self.config.unseen)
            weight1 = t * (backward_warp(pair.seen[0], to0) + self.config.unseen)
            weights += [weight / (2 * (weight0 + weight1)) for weight in (weight0, weight1)]
            flows += [to0, to1]
        return flows, torch.cat(weights, dim=1)

    def mixture_at(self, pair: ClassicalPair, t: Tensor) -> Mixture:
        """Return what the frame at t (B, 1, 1, 1) is mixed of."""
        flows, weights = self.candidates(pair, self.motion(pair, t), t)
        mixed = mix(warp_images(pair.small, flows, pair.times), weights)
        return Mixture(pair.small, flows, weights, mixed, t, pair.times, pair.dragged)

    def synthesize(self, state: ClassicalPair, t: Tensor) -> Tensor:
        """Return the frame (B, 3, H, W) in [0, 1] at t (B, 1, 1, 1)."""
        return take_to(state.frames, self.mixture_at(state, t)).clamp(0, 1)

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """frame0, frame1 (B, 3, H, W) in [0, 1], t (B, 1, 1, 1) in (0, 1); returns (B, 3, H, W)."""
        return self.synthesize(self.prepare(frame0, frame1), t)
