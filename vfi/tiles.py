"""Frames made tile by tile, so that what a frame needs at once does not grow with its size.

A model that finds motion does so for the whole frame, at its reduced scale, as its networks look at that; frames are
warped and mixed tile by tile, of pixels from as far around as the motion reaches. Another model makes a tile of it and
a margin as wide as its network sees. Either way a tile is what the frame is there, but for the rounding of its sums.
Seams are blended nevertheless, for in bfloat16 that rounding may be a level.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from flow.scale import shrink
from flow.window import Place, Window
from vfi.choices import SMALLEST_TILE
from vfi.models.blend import Blend
from vfi.models.classical import Classical
from vfi.models.flow_free import FlowFree
from vfi.models.flow_fusion import FlowFusion
from vfi.models.mixture import Composition, compose

Mixing = Classical | FlowFusion
Tileable = Blend | FlowFree | Mixing

SEAM = 8  # pixels on either side of a seam over which one tile fades into the next
_BAND = 64  # rows of the reduced frame that are computed at once


class Tile(NamedTuple):
    """A part of a frame."""

    core: Window  # which no other tile has
    shown: Window  # with what fades into its neighbours
    made: Window  # with the margin that is not as in the frame


def bytes_per_pixel(model: Tileable) -> int:
    """Return how much memory a model needs for each pixel that it makes at once, as measured on a CPU in float32.

    What networks take that look at the frame at the flow scale does not grow with the frame: half a gigabyte at most.
    """
    return {Blend: 60, Classical: 120, FlowFusion: 120, FlowFree: 450}[type(model)]


def plan_side(model: Tileable, size: tuple[int, int], budget: int) -> int | None:
    """Return the largest side of tiles that need no more memory than ``budget`` (bytes), None if a frame fits whole.

    size: height and width. It is `SMALLEST_TILE` even if that needs more.
    """
    pixels = budget // bytes_per_pixel(model)
    if size[0] * size[1] <= pixels:
        return None
    return max(SMALLEST_TILE, int(pixels**0.5) - 2 * _margin(model))


def plan_tiles(model: Tileable, size: tuple[int, int], side: int) -> list[Tile]:
    """Return the tiles of frames of ``size`` (height, width), equal but for the last ones, at most ``side`` wide."""
    multiple, margin = model.multiple, _margin(model)
    steps = []
    for length in size:
        count = -(-length // max(side, SMALLEST_TILE))
        steps.append(-(-length // (count * multiple)) * multiple)
    cores = [
        Window(top, left, min(steps[0], size[0] - top), min(steps[1], size[1] - left))
        for top in range(0, size[0], steps[0])
        for left in range(0, size[1], steps[1])
    ]
    return [Tile(core, core.grown(size, SEAM, SEAM), core.grown(size, margin, margin, multiple)) for core in cores]


def _margin(model: Tileable) -> int:
    """How far from its edge a tile may differ from the frame, and what fades into the next one."""
    return -(-(model.reach + SEAM) // model.multiple) * model.multiple


class Tiled:
    """Two frames between which others are made tile by tile."""

    def __init__(
        self,
        model: Tileable,
        frames: tuple[np.ndarray, np.ndarray],
        read: Callable[[np.ndarray], Tensor],
        side: int,
        start: Tensor | None = None,
    ) -> None:
        """frames: (H, W, 3) as ``read`` takes any part of them, to make it (1, 3, h, w) in [0, 1]; start: the flows
        that `FlowFusion.start` returned for them, if they are known.
        """
        self.model, self.read, self.images = model, read, frames
        self.size = frames[0].shape[0], frames[0].shape[1]
        self.tiles = plan_tiles(model, self.size, side)
        self.pair: Any = None
        if isinstance(model, Mixing):
            scale = model.scale_of(*self.size)
            small = self._small(scale.flow)
            start = model.start_of(small, scale) if start is None else start
            self.pair = model.prepare_small(small, start, scale)  # type: ignore[arg-type]

    def _small(self, scale: int) -> tuple[Tensor, Tensor]:
        """The frames at the flow scale, as `flow.scale.shrink` gives them."""
        # Of other heights bands would not have the rows of the whole.
        band = _BAND * scale if self.size[0] % scale == 0 else self.size[0]
        first, second = (
            torch.cat(
                [shrink(self.read(image[top : top + band]), scale) for top in range(0, self.size[0], band)], dim=2
            )
            for image in self.images
        )
        return first, second

    def make(self, t: Tensor) -> tuple[Iterator[tuple[Tile, Tensor]], Tensor | None]:
        """Return the tiles of the frame at t (1, 1, 1, 1), (1, 3, h, w) of what they show, and `Fused.confidence`."""
        model = self.model
        if isinstance(model, Mixing):
            mixture = model.mixture_at(self.pair, t)
            return self._shown(partial(self._composed, mixture.composition())), mixture.confidence
        return self._shown(lambda window: model.synthesize(model.prepare(*self._frames(window)), t)), None

    def _shown(self, make: Callable[[Window], Tensor]) -> Iterator[tuple[Tile, Tensor]]:
        for tile in self.tiles:
            yield tile, tile.shown.within(tile.made).of(make(tile.made))

    def _composed(self, composition: Composition, window: Window) -> Tensor:
        around = window.grown(self.size, *self._reach(window, composition.flows))
        return compose(composition, self._frames(around), Place(self.size, window, around)).clamp(0, 1)

    def _frames(self, window: Window) -> tuple[Tensor, Tensor]:
        first, second = self.images
        return self.read(first[window.slices]), self.read(second[window.slices])

    def _reach(self, window: Window, flows: Tensor) -> tuple[int, int]:
        """By how many rows and columns the flows, on a coarser grid, lead out of a window at most."""
        grid = (flows.shape[-2], flows.shape[-1])
        seen = window.scaled(self.size, grid).of(flows).abs().amax(dim=(0, 2, 3))
        columns, rows = seen[::2].max().item(), seen[1::2].max().item()
        # Bicubic sampling needs two pixels more.
        return int(rows * self.size[0] / grid[0]) + 3, int(columns * self.size[1] / grid[1]) + 3


def place_tile(image: np.ndarray, tile: Tile, made: np.ndarray) -> None:
    """Write what a tile shows, float32 (h, w, 3) in levels, into an image (H, W, 3) of integers, rounded.

    At its top and left it fades in: tiles come row by row, so that what it fades into is there already.
    """
    target, place = image[tile.shown.slices], tile.core.within(tile.shown)
    share = np.multiply.outer(_fade_in(place.top, target.shape[0]), _fade_in(place.left, target.shape[1]))
    target[...] = np.rint(target + share[..., None] * (made - target))


def _fade_in(before: int, length: int) -> np.ndarray:
    """Weights of a row of pixels, which rise from 0 to 1 about its start but for what comes ``before`` it, if any."""
    ramp = np.ones(length, np.float32)
    if before:
        rise = (np.arange(2 * before, dtype=np.float32) + 0.5) / (2 * before)
        ramp[: 2 * before] = rise[:length]
    return ramp
