"""Mixtures: what is known of a frame before it is made at full size.

Where the motion leads, how much each warped image counts and where the result is not to be trusted is smooth, and is
found on the grid of the flow, coarser than large frames. The frames themselves are warped and mixed at full size.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from flow.warp import backward_warp
from flow.window import Place, enlarge, enlarge_flow
from vfi.models.confidence import Remedy, fall_back

SAMPLING = "bicubic"  # bilinear sampling would blur, which costs a quarter of a decibel

Frames = tuple[Tensor, Tensor]
"""The frames on either side, (B, 3, H, W) in [0, 1]."""


class Mixture(NamedTuple):
    """How the frame at one time is mixed from those around it; all (B, ?, h, w), on the grid of the flow."""

    flows: list[Tensor]  # of every image that is mixed, in pixels of the grid, to frame 0 and frame 1 in turns
    weights: Tensor  # of these images, above 0, sum 1
    t: Tensor  # (B, 1, 1, 1)
    overlay: Tensor | None  # where something stands still over what moves, in [0, 1]
    residual: Tensor | None = None  # what a network adds to the mixed images
    mixed: Tensor | None = None  # what these were on the grid, with the residual; the frame itself if it is as large
    remedy: Remedy | None = None  # where the frame is not to be trusted
    confidence: Tensor | None = None  # (B, 1, h / 4, w / 4) in (0, 1)


def warp_images(frames: Frames, flows: list[Tensor]) -> list[Tensor]:
    """Return either frame in turns, warped along flows (B, 2, H, W)."""
    return [backward_warp(frames[i % 2], flow, SAMPLING) for i, flow in enumerate(flows)]


def mix(images: list[Tensor], weights: Tensor) -> Tensor:
    """Return the weighted sum of images (B, 3, H, W); weights (B, as many as images, H, W)."""
    mixed = images[0] * weights[:, :1]
    for i, image in enumerate(images[1:], start=1):
        mixed = torch.addcmul(mixed, image, weights[:, i : i + 1])
    return mixed


def lay(mixture: Mixture, frames: Frames, place: Place | None = None) -> Tensor:
    """Return the frame (B, 3, H, W), not clamped; of a tile, for which frames are what is seen around it, its place."""
    return finish(mixture, lay_images(mixture, frames, place), frames, place)


def lay_images(mixture: Mixture, frames: Frames, place: Place | None = None) -> Tensor:
    """Return the mixed images and what is added to them, as large as the frame that `finish` makes of them."""
    here = frames if place is None else place.of(frames)
    size = (frames[0].shape[-2], frames[0].shape[-1]) if place is None else place.whole
    window = None if place is None else place.tile
    if mixture.mixed is not None and (mixture.mixed.shape[-2], mixture.mixed.shape[-1]) == size:
        return enlarge(mixture.mixed, size, window)
    corner = None if place is None else place.corner
    # One image after the other: all of them at once would be most of what a large frame takes.
    made = torch.zeros_like(here[0])
    for i, (flow, weight) in enumerate(zip(mixture.flows, mixture.weights.split(1, dim=1), strict=True)):
        image = backward_warp(frames[i % 2], enlarge_flow(flow, size, window), SAMPLING, corner)
        made = torch.addcmul(made, image, enlarge(weight, size, window))
    if mixture.residual is not None:
        made = made + enlarge(mixture.residual, size, window)
    return made


def finish(mixture: Mixture, made: Tensor, frames: Frames, place: Place | None = None) -> Tensor:
    """Return the frame of its mixed images, where it is not to be trusted and where something stands still."""
    here = frames if place is None else place.of(frames)
    size = (frames[0].shape[-2], frames[0].shape[-1]) if place is None else place.whole
    window = None if place is None else place.tile
    if mixture.remedy is not None:
        remedy = mixture.remedy
        rest = None if remedy.rest is None else enlarge(remedy.rest, size, window)
        made = fall_back(made, here, mixture.t, remedy._replace(keep=enlarge(remedy.keep, size, window), rest=rest))
    if mixture.overlay is not None:
        made = torch.lerp(made, torch.lerp(*here, mixture.t), enlarge(mixture.overlay, size, window))
    return made
