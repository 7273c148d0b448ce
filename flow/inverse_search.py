"""Dense inverse search (DIS) in PyTorch: the flow of many pairs at once, on whatever device they are.

As `flow.dis`, which is OpenCV's and for the CPU: from coarse to fine, small patches of the first image slide downhill
to where the second one looks alike, their motions are averaged where they overlap, and the average is refined.
What that does patch by patch, in the order of reading, all patches do at once here.
Sources: Kroeger 2016, arXiv:1603.03590; neighbours' motions as candidates: Barnes 2009, "PatchMatch".
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from flow.sampling import Sampler
from flow.variational import Refinement, refine_flow
from flow.warp import resize, resize_flow

PATCH = 8  # side of a patch, pixels


@dataclass(frozen=True)
class Search:
    """How long patches search at each level."""

    rounds: tuple[int, ...] = (6, 6)  # steps downhill after each exchange with the neighbours
    jumps: tuple[tuple[int, ...], ...] = ((4, 1), (2, 1))  # patches away that the neighbours are, at each exchange
    step: float = 1.0  # of that to the minimum if the patch were a parabola
    refinement: Refinement = field(default_factory=Refinement)


class Patches:
    """Patches of the first images of pairs at one level, and where they look alike in the second ones.

    Motions of patches are (B, rows, columns, 2), x then y, in the unit of the sampler of the second images.
    """

    def __init__(self, first: Tensor, second: Tensor, stride: int) -> None:
        self.size = first.shape[-2:]
        self.stride = stride
        self.rows, self.columns = ((side - PATCH) // stride + 1 for side in self.size)
        surrounded = F.pad(first, (1, 1, 1, 1), mode="replicate")
        self.sampler = Sampler(second)
        self.template = self._cut(first)
        slopes = []
        smooth_down = (surrounded[..., :-2, :] + 2 * surrounded[..., 1:-1, :] + surrounded[..., 2:, :]) / 8
        smooth_across = (surrounded[..., :-2] + 2 * surrounded[..., 1:-1] + surrounded[..., 2:]) / 8
        for slope in (
            smooth_down[..., 2:] - smooth_down[..., :-2],
            smooth_across[..., 2:, :] - smooth_across[..., :-2, :],
        ):
            patch = self._cut(slope)
            slopes.append(patch - patch.mean(1, keepdim=True))
        x, y = slopes
        xx, yy, xy = (x * x).sum(1), (y * y).sum(1), (x * y).sum(1)
        reciprocal = 1 / (xx * yy - xy * xy).clamp(min=1e-3)
        xx, yy, xy = ((part * reciprocal)[:, None] for part in (xx, yy, xy))
        # What a difference at each pixel contributes to the step.
        self.pull = torch.stack(
            [(yy * x - xy * y) * self.sampler.unit[0], (xx * y - xy * x) * self.sampler.unit[1]], dim=-1
        )
        device = first.device
        within = torch.arange(PATCH, device=device, dtype=torch.float32)
        rows = torch.arange(self.rows, device=device, dtype=torch.float32) * stride
        columns = torch.arange(self.columns, device=device, dtype=torch.float32) * stride
        shape = (PATCH, PATCH, self.rows, self.columns)
        self.places = self.sampler.places(
            (within[:, None, None, None] + rows[:, None]).expand(shape).flatten(0, 2),
            (within[:, None, None] + columns).expand(shape).flatten(0, 2),
        ).view(1, PATCH**2, self.rows, self.columns, 2)
        self.unit = torch.stack([torch.full((), unit, device=device) for unit in self.sampler.unit])

    def _cut(self, image: Tensor) -> Tensor:
        """Return the image's patches, (B, PATCH**2, rows, columns)."""
        return F.unfold(image, PATCH, stride=self.stride).unflatten(2, (self.rows, self.columns))

    def motions(self, flow: Tensor) -> Tensor:
        """Return the flow (B, 2, H, W) in pixels at the patches' centres."""
        centres = flow[..., PATCH // 2 :: self.stride, PATCH // 2 :: self.stride]
        return centres[..., : self.rows, : self.columns].permute(0, 2, 3, 1) * self.unit

    def differences(self, motions: Tensor) -> Tensor:
        """Return second image minus patch, (B, PATCH**2, rows, columns)."""
        places = (self.places + motions[:, None]).flatten(1, 2)
        return self.sampler.at(places).view_as(self.template) - self.template

    def cost(self, motions: Tensor) -> Tensor:
        """Return how unlike each patch is what it meets, brightness apart: (B, rows, columns, 1)."""
        return self.differences(motions).var(1, correction=0)[..., None]

    def choose(self, motions: Tensor, cost: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        """Take other motions where their cost is less."""
        theirs = self.cost(others)
        return torch.where(theirs < cost, others, motions), torch.minimum(theirs, cost)

    def descend(self, motions: Tensor, steps: int, step: float) -> Tensor:
        """Return the motions at the best of a number of steps downhill; a patch that climbs stops."""
        start = best = motions
        least = torch.full_like(motions[..., :1], math.inf)
        for _ in range(steps):
            differences = self.differences(motions)
            cost = differences.var(1, correction=0)[..., None]
            falls = cost < least
            least = torch.minimum(cost, least)
            best = torch.where(falls, motions, best)
            change = (self.pull * differences[..., None]).sum(1)
            motions = torch.where(falls, motions - step * change, best)
        best = torch.where(self.cost(motions) < least, motions, best)
        far = ((best - start) / self.unit).square().sum(-1, keepdim=True) > PATCH**2
        return torch.where(far, start, best)

    def dense(self, motions: Tensor) -> Tensor:
        """Return the flow (B, 2, H, W): the patches' mean, in which those that explain the pixel better weigh more."""
        weights = 1 / self.differences(motions).abs().clamp(min=1)
        pixels = (motions / self.unit).permute(0, 3, 1, 2)[:, :, None]
        parts = torch.cat([(weights[:, None] * pixels).flatten(1, 2), weights], dim=1)
        covered = (self.rows - 1) * self.stride + PATCH, (self.columns - 1) * self.stride + PATCH
        sums = F.fold(parts.flatten(2), covered, PATCH, stride=self.stride)
        return _extend(sums[:, :2] / sums[:, 2:], self.size)


def inverse_search(
    first: Tensor,
    second: Tensor,
    patch_stride: int = 3,
    guess: Tensor | None = None,
    finest_scale: int = 1,
    start: Tensor | None = None,
    search: Search = Search(),
) -> Tensor:
    """Return the flow (B, 2, H, W) float32 in pixels from the first images to the second, dx then dy.

    first, second: (B, 3, H, W) RGB in [0, 1] of any float type and size; patch_stride, guess (B, 2, H, W) and
    finest_scale: as `flow.dis.dis_flow` has them. start: a flow (B, 2, H, W) to improve at the two finest scales alone,
    instead of finding one from the coarsest on.
    """
    height, width = first.shape[-2:]
    least = PATCH * 2**finest_scale
    size = max(height, least), max(width, least)
    coarsest = max(_coarsest_scale(*size), finest_scale)
    if start is not None:
        coarsest = min(coarsest, finest_scale + 1)
    pyramids = [_pyramid(_extend(_grey(images), size), coarsest) for images in (first, second)]
    guess, flow = (None if known is None else _extend(known.float(), size) for known in (guess, start))
    for scale in range(coarsest, finest_scale - 1, -1):
        one, other = (pyramid[scale] for pyramid in pyramids)
        grid = one.shape[-2:]
        flow = one.new_zeros(len(one), 2, *grid) if flow is None else resize_flow(flow, grid)
        hint = None if guess is None else resize_flow(guess, grid)
        flow = _search(Patches(one, other, patch_stride), flow, hint, search)
        flow = refine_flow(one, other, flow, search.refinement)
    assert flow is not None
    return resize_flow(flow, size)[..., :height, :width]


def _search(patches: Patches, flow: Tensor, guess: Tensor | None, search: Search) -> Tensor:
    motions = patches.motions(flow)
    hint = None if guess is None else patches.motions(guess)
    for steps, jumps in zip(search.rounds, search.jumps, strict=True):
        cost = patches.cost(motions)
        if hint is not None:
            motions, cost = patches.choose(motions, cost, hint)
        for jump in jumps:
            for shift, side in ((jump, 1), (-jump, 1), (jump, 2), (-jump, 2)):
                motions, cost = patches.choose(motions, cost, motions.roll(shift, side))
        motions = patches.descend(motions, steps, search.step)
    return patches.dense(motions)


def _coarsest_scale(height: int, width: int) -> int:
    """How often images are halved at most: until the long side is about four patches, the short one at least one.

    >>> _coarsest_scale(360, 640), _coarsest_scale(16, 16)
    (4, 0)
    """
    return max(
        0, min(int(math.log2(max(height, width) / (4 * PATCH)) + 0.5), int(math.log2(min(height, width) / PATCH)))
    )


def _grey(images: Tensor) -> Tensor:
    """Return luma (B, 1, H, W) in levels of 255."""
    red, green, blue = (images.float() * 255).split(1, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _pyramid(image: Tensor, coarsest: int) -> list[Tensor]:
    """Return the image, half of it, and so on."""
    levels = [image]
    for _ in range(coarsest):
        height, width = levels[-1].shape[-2:]
        levels.append(resize(levels[-1], (height // 2, width // 2)))
    return levels


def _extend(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the image (B, C, h, w) at ``size``, its last row and column repeated."""
    below, right = size[0] - image.shape[-2], size[1] - image.shape[-1]
    return F.pad(image, (0, right, 0, below), mode="replicate") if below or right else image
