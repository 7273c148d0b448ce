"""Mixtures: what a frame is made of, found on a grid which is coarser than large frames.

Where the motion leads, how much each warped image counts and where the result is not to be trusted is smooth. On that
grid the frame is made of all its candidates. At full size two warped images are enough, one of either frame: where the
candidates agree they show the same, and what else they say is added as it was found on the coarser grid.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from flow.overlay import stillness
from flow.warp import backward_warp
from flow.window import Place, enlarge, enlarge_flow
from vfi.models.confidence import Remedy, fall_back, substitute

SAMPLING = "bicubic"  # bilinear sampling would blur, which costs a quarter of a decibel
COARSELY = "bilinear"  # in less time, where it does not matter: the frame itself is larger
SOFTER_BY = 2  # times that a frame may be larger than the grid on which softer versions of it are made
NEAR = 0.5  # pixels of the grid by which flows may differ and still be averaged

Frames = tuple[Tensor, Tensor]
"""The frames on either side, (B, 3, H, W) in [0, 1]."""


class Mixture(NamedTuple):
    """How the frame at one time is mixed of those around it; all (B, ?, h, w), on one grid."""

    frames: Frames  # on this grid
    flows: list[Tensor]  # of every image that is mixed, in pixels of the grid, to frame 0 and frame 1 in turns
    weights: Tensor  # of these images, above 0, sum 1
    mixed: Tensor  # what they come to, with what a network adds
    t: Tensor  # (B, 1, 1, 1)
    times: int  # how many times larger than this grid the frame itself is
    dragged: Tensor | None  # where what stands still over it is to be laid over the frame, as `find_dragged` has it
    remedy: Remedy | None = None  # where the frame is not to be trusted
    confidence: Tensor | None = None  # (B, 1, h / 4, w / 4) in (0, 1)

    @property
    def made(self) -> Tensor:
        """The frame (B, 3, h, w), not clamped."""
        return _overlaid(self._remedied(self.remedy), self.frames, self.t, self.dragged)

    def _remedied(self, remedy: Remedy | None) -> Tensor:
        return self.mixed if remedy is None else fall_back(self.mixed, self.frames, self.t, remedy)

    def composition(self) -> "Composition":
        """Return how to make the frame at full size."""
        flows, weights = zip(*(_agreed(self.flows[i::2], self.weights[:, i::2]) for i in (0, 1)), strict=True)
        flow, warped, still = torch.cat(flows, dim=1), torch.cat(weights, dim=1), None
        remedy = self.remedy.sharp() if self.times > SOFTER_BY and self.remedy is not None else self.remedy
        if remedy is not None:
            still = substitute(remedy, self.t)
            warped = warped * remedy.keep
        found = Composition(flow, warped, still, self.frames[0].new_zeros(1, 3, 1, 1), self.t)
        known = compose(found, self.frames, sampling=_sampling(self.times))
        return found._replace(rest=self._remedied(remedy) - known, dragged=self.dragged)


class Composition(NamedTuple):
    """How a frame is made of those around it at full size; all (B, ?, h, w), on the grid of the mixture."""

    flows: Tensor  # (B, 4, h, w) in pixels of the grid: along which frame 0 and frame 1 are warped
    weights: Tensor  # (B, 2, h, w): of these two
    still: Tensor | None  # (B, 2, h, w): weights of the frames as they stand; None for nowhere any
    rest: Tensor  # (B, 3, h, w): what is added
    t: Tensor  # (B, 1, 1, 1)
    dragged: Tensor | None = None  # (B, 1, ?, ?): as in `Mixture`, on any grid


def warp_images(frames: Frames, flows: list[Tensor], times: int = 1) -> list[Tensor]:
    """Return either frame in turns, warped along flows (B, 2, H, W); times: as in `Mixture`."""
    return [backward_warp(frames[i % 2], flow, _sampling(times)) for i, flow in enumerate(flows)]


def mix(images: list[Tensor], weights: Tensor) -> Tensor:
    """Return the weighted sum of images (B, 3, H, W); weights (B, as many as images, H, W)."""
    mixed = images[0] * weights[:, :1]
    for i, image in enumerate(images[1:], start=1):
        mixed = torch.addcmul(mixed, image, weights[:, i : i + 1])
    return mixed


def _sampling(times: int) -> str:
    return COARSELY if times > 1 else SAMPLING


def compose(composition: Composition, frames: Frames, place: Place | None = None, sampling: str = SAMPLING) -> Tensor:
    """Return the frame (B, 3, H, W), not clamped; of a tile, for which frames are what is seen around it, its place."""
    size = (frames[0].shape[-2], frames[0].shape[-1]) if place is None else place.whole
    window, corner = (None, None) if place is None else (place.tile, place.corner)
    here = frames if place is None else place.of(frames)
    made = enlarge(composition.rest, size, window)
    weights = enlarge(composition.weights, size, window)
    for i, flow in enumerate(composition.flows.split(2, dim=1)):
        image = backward_warp(frames[i], enlarge_flow(flow, size, window), sampling, corner)
        made = torch.addcmul(made, image, weights[:, i : i + 1])
    if composition.still is not None:
        weights = enlarge(composition.still, size, window)
        for i, image in enumerate(here):
            made = torch.addcmul(made, image, weights[:, i : i + 1])
    dragged = None if composition.dragged is None else enlarge(composition.dragged, size, window)
    return _overlaid(made, here, composition.t, dragged)


def take_to(frames: Frames, mixture: Mixture) -> Tensor:
    """Return the frame of a mixture as large as ``frames``: (B, 3, H, W), not clamped."""
    if frames[0].shape[-2:] == mixture.mixed.shape[-2:]:
        return mixture.made
    return compose(mixture.composition(), frames)


def _overlaid(made: Tensor, frames: Frames, t: Tensor, dragged: Tensor | None) -> Tensor:
    """Return the frame with what stands still laid over it, pixel by pixel of these frames; all of one size."""
    if dragged is None:
        return made
    return torch.lerp(made, torch.lerp(*frames, t), dragged * stillness(*frames))


def _agreed(flows: list[Tensor], weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return what flows (B, 2, h, w) to one frame say together, (B, 2, h, w), and the sum of their weights.

    Where they differ, it is what the weightiest one says, and those near it: between an object and its ground there is
    nothing.
    """
    together = weights.sum(dim=1, keepdim=True)
    if len(flows) == 1:
        return flows[0], together
    first = weights.argmax(dim=1, keepdim=True)
    chosen = flows[0]
    for i, flow in enumerate(flows[1:], start=1):
        chosen = torch.where(first == i, flow, chosen)
    near = [
        weights[:, i : i + 1] * torch.exp(-(flow - chosen).square().sum(1, keepdim=True) / NEAR**2)
        for i, flow in enumerate(flows)
    ]
    agreed = torch.stack([flow * share for flow, share in zip(flows, near, strict=True)]).sum(0)
    return agreed / torch.stack(near).sum(0), together
