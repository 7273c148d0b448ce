"""Interpolation without a trained network: flow both ways, warping, and a blend that knows occlusion."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flow.overlay import find_overlay
from flow.projection import coverage, motions_at
from flow.scale import shrink_both
from flow.two_way import two_way_estimator
from flow.warp import backward_warp, resize, resize_flow
from flow.window import Place, resize_flow_window, resize_window


@dataclass(frozen=True)
class ClassicalConfig:
    """Whose flow it follows, and how it blends."""

    flow: str = "dis"  # an estimator of `flow.two_way`
    unseen: float = 0.1  # weight of a frame where the other one shows something new, of 1 where both agree


class ClassicalPair(NamedTuple):
    """What all times between two frames share."""

    frames: tuple[Tensor, Tensor]
    flows: tuple[Tensor, Tensor]  # 0->1 and 1->0, at the flow scale
    seen: tuple[Tensor, Tensor]  # how far what each frame shows is in the other one too, (B, 1, H, W) in [0, 1]
    overlay: Tensor | None  # where something stands still over what moves, (B, 1, H, W) in [0, 1]; None if nothing does
    place: Place | None = None  # of the tile that is to be made, if it is not the whole picture

    @property
    def here(self) -> tuple[Tensor, Tensor]:
        """The frames where the picture is."""
        return self.frames if self.place is None else self.place.of(self.frames)


class Candidates(NamedTuple):
    """Images that the frame at one time can be mixed from."""

    images: list[Tensor]  # each (B, 3, H, W)
    weights: Tensor  # (B, as many as images, H, W), above 0, sum 1


class Classical(nn.Module):
    """Both frames are warped to time t by the motions of both flows, and the four images are averaged.

    Where the two motions agree they only lessen the noise; where they do not, the mean errs less than either.
    """

    flow_scale: int | None = None  # how many times smaller frames are for the flow; None chooses by their size
    multiple, reach = 1, 0  # pixels: tiles may lie anywhere, and are right up to their edges

    def __init__(self, config: ClassicalConfig) -> None:
        super().__init__()
        self.config = config
        self.two_way = two_way_estimator(config.flow)  # another one may take its place

    def small(self, frame0: Tensor, frame1: Tensor) -> tuple[Tensor, Tensor]:
        """Return the frames (B, 3, H, W) at the flow scale."""
        return shrink_both(frame0, frame1, self.flow_scale)

    def start(self, frame0: Tensor, frame1: Tensor, small: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return the flows 0->1 and 1->0 of frames (B, 3, H, W) in [0, 1]: (B, 4, h, w) at the flow scale.

        small: what the method of this name returns for them, where it is known.
        """
        return torch.cat(self.two_way(*(small or self.small(frame0, frame1))), dim=1)

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
        size = (frame0.shape[-2], frame0.shape[-1])
        small = self.small(frame0, frame1) if small is None else small
        flow01, flow10 = self.two_way(*small) if start is None else (start[:, :2], start[:, 2:])
        # A pixel wide, gaps in coverage are stretching, not occlusion.
        seen0, seen1 = (F.avg_pool2d(coverage(f), 3, 1, 1, count_include_pad=False) for f in (flow10, flow01))
        overlay = find_overlay(*small, flow01, flow10)
        return ClassicalPair(
            (frame0, frame1),
            (flow01, flow10),
            (resize(seen0, size), resize(seen1, size)),
            resize(overlay, size) if is_exporting() or overlay.any() else None,
        )

    def candidates(self, pair: ClassicalPair, motions: tuple[Tensor, Tensor], t: Tensor) -> Candidates:
        """Return frame 0 and frame 1 along the first motion, then along the second; motions as `motions_at` gives."""
        size, corner = (pair.here[0].shape[-2], pair.here[0].shape[-1]), pair.place and pair.place.corner()
        images, weights = [], []
        for motion in motions:
            motion = resize_flow(motion, size)
            to0, to1 = -t * motion, (1 - t) * motion
            # What frame 0 does not see of frame 1 was hidden in it: there frame 0 has the wrong thing to show.
            weight0 = (1 - t) * (backward_warp(pair.seen[1], to1, corner=corner) + self.config.unseen)
            weight1 = t * (backward_warp(pair.seen[0], to0, corner=corner) + self.config.unseen)
            weights += [weight / (2 * (weight0 + weight1)) for weight in (weight0, weight1)]
            # Bilinear sampling would blur, which costs a quarter of a decibel.
            images += [backward_warp(f, to, "bicubic", corner) for f, to in zip(pair.frames, (to0, to1), strict=True)]
        return Candidates(images, torch.cat(weights, dim=1))

    def motion(self, pair: ClassicalPair, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the motions at t (B, 1, 1, 1), as `motions_at` gives them."""
        return motions_at(*pair.flows, t)

    def part(
        self, pair: ClassicalPair, motions: tuple[Tensor, Tensor], frames: tuple[Tensor, Tensor], place: Place
    ) -> tuple[ClassicalPair, tuple[Tensor, Tensor]]:
        """Return what `candidates` takes to make a tile of large frames, of which ``pair`` has smaller ones.

        frames: what is seen of them around the tile, as far as the motions reach.
        """
        seen0, seen1 = (resize_window(seen, place.whole, place.around) for seen in pair.seen)
        overlay = None if pair.overlay is None else resize_window(pair.overlay, place.whole, place.tile)
        first, second = (resize_flow_window(motion, place.whole, place.tile) for motion in motions)
        return ClassicalPair(frames, pair.flows, (seen0, seen1), overlay, place), (first, second)

    def synthesize(self, state: ClassicalPair, t: Tensor, motions: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return the frame (B, 3, H, W) in [0, 1] at t (B, 1, 1, 1); motions: those of `motion`, if they are known."""
        made = mix(*self.candidates(state, self.motion(state, t) if motions is None else motions, t))
        return lay_over(made, state, t).clamp(0, 1)

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """frame0, frame1 (B, 3, H, W) in [0, 1], t (B, 1, 1, 1) in (0, 1); returns (B, 3, H, W)."""
        return self.synthesize(self.prepare(frame0, frame1), t)


def lay_over(made: Tensor, pair: ClassicalPair, t: Tensor) -> Tensor:
    """Return a frame (B, 3, H, W) at t with what stands still over the picture in its place."""
    return made if pair.overlay is None else torch.lerp(made, torch.lerp(*pair.here, t), pair.overlay)


def is_exporting() -> bool:
    """Whether this runs to be written to a file, in which nothing can depend on the values of an image."""
    return torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export()


def mix(images: list[Tensor], weights: Tensor) -> Tensor:
    """Return the weighted sum of images (B, 3, H, W); weights (B, as many as images, H, W)."""
    mixed = images[0] * weights[:, :1]
    for i, image in enumerate(images[1:], start=1):
        mixed = torch.addcmul(mixed, image, weights[:, i : i + 1])
    return mixed
