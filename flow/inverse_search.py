"""Dense inverse search (DIS) in PyTorch: the flow of many pairs at once, on whatever device they are.

As `flow.dis`, which is OpenCV's and for the CPU: from coarse to fine, small patches of the first image slide downhill
to where the second one looks alike, their motions are averaged where they overlap, and the average is refined.
What that does patch by patch, in the order of reading, all patches do at once here.
Sources: Kroeger 2016, arXiv:1603.03590; neighbours' motions as candidates: Barnes 2009, "PatchMatch".
"""

import math
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
    """How patches search at each level: they exchange motions with others, go downhill, and do both again."""

    jumps: tuple[tuple[int, ...], ...] = ((8, 4, 1), (4, 2, 1))  # how many patches away the others are, each time
    steps: tuple[int, ...] = (4, 4)  # downhill after it
    step: float = 0.5  # of that to the minimum if images were as a patch's slope says
    refinement: Refinement = field(default_factory=Refinement)


class Patches:
    """Patches of the first images of pairs at one level, and where they look alike in the second ones.

    Motions of patches are (B, N, rows, columns, 2), N candidates of each, x then y, in the unit of the sampler of the
    second images. Images are (B, 1, H, W) in levels of 255.
    """

    def __init__(self, first: Tensor, second: Tensor, stride: int, step: float) -> None:
        """stride: pixels between patches; step: of a descent, 1 reaches the minimum of a parabola."""
        self.size = (first.shape[-2], first.shape[-1])
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
        reciprocal = step / (xx * yy - xy * xy).clamp(min=1e-3)
        xx, yy, xy = ((part * reciprocal)[:, None] for part in (xx, yy, xy))
        # What a difference at each pixel contributes to the step.
        self.pull = torch.stack(
            [(yy * x - xy * y) * self.sampler.unit[0], (xx * y - xy * x) * self.sampler.unit[1]], dim=-1
        )[:, None]
        device = first.device
        within = torch.arange(PATCH, device=device, dtype=torch.float32)
        rows = torch.arange(self.rows, device=device, dtype=torch.float32) * stride
        columns = torch.arange(self.columns, device=device, dtype=torch.float32) * stride
        shape = (PATCH, PATCH, self.rows, self.columns)
        self.places = self.sampler.places(
            (within[:, None, None, None] + rows[:, None]).expand(shape).flatten(0, 2),
            (within[:, None, None] + columns).expand(shape).flatten(0, 2),
        ).view(1, 1, PATCH**2, self.rows, self.columns, 2)
        self.unit = torch.stack([torch.full((), unit, device=device) for unit in self.sampler.unit])

    def _cut(self, image: Tensor) -> Tensor:
        """Return the image's patches, (B, PATCH**2, rows, columns)."""
        return F.unfold(image, PATCH, stride=self.stride).unflatten(2, (self.rows, self.columns))

    def motions(self, flow: Tensor) -> Tensor:
        """Return the flow (B, 2, H, W) in pixels at the patches' centres, as motions (B, 1, ...)."""
        centres = flow[..., PATCH // 2 :: self.stride, PATCH // 2 :: self.stride]
        return centres[..., : self.rows, : self.columns].permute(0, 2, 3, 1)[:, None] * self.unit

    def differences(self, motions: Tensor) -> Tensor:
        """Return second image minus patch, (B, N, PATCH**2, rows, columns), for N motions (B, N, ...) of each patch."""
        places = self.places + motions[:, :, None]
        return self.sampler.at(places.flatten(1, 3)).reshape(places.shape[:-1]) - self.template[:, None]

    def cost(self, motions: Tensor) -> Tensor:
        """Return how unlike each patch is what it meets, brightness apart: (B, N, rows, columns)."""
        return self.differences(motions).var(2, correction=0)

    def choose(self, motions: Tensor, cost: Tensor, others: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return of the motions (B, 1, ...) and others each patch's best, and its cost (B, 1, rows, columns)."""
        rivals = torch.cat(others, dim=1)
        cost, best = torch.cat([cost, self.cost(rivals)], dim=1).min(1, keepdim=True)
        rivals = torch.cat([motions, rivals], dim=1)
        return rivals.gather(1, best[..., None].expand(-1, -1, -1, -1, 2)), cost

    def descend(self, motions: Tensor, steps: int) -> Tensor:
        """Return the motions (B, 1, ...) at the best of a number of steps downhill; a patch that climbs stops."""
        start = best = motions
        least = torch.full_like(motions[..., 0], math.inf)
        for _ in range(steps):
            differences = self.differences(motions)
            cost = differences.var(2, correction=0)
            falls = (cost < least)[..., None]
            least = torch.minimum(cost, least)
            best = torch.where(falls, motions, best)
            change = (self.pull * differences[..., None]).sum(2)
            motions = torch.where(falls, motions - change, best)
        best = torch.where((self.cost(motions) < least)[..., None], motions, best)
        far = ((best - start) / self.unit).square().sum(-1, keepdim=True) > PATCH**2
        return torch.where(far, start, best)

    def dense(self, motions: Tensor) -> Tensor:
        """Return the flow (B, 2, H, W): the patches' mean, in which those that explain the pixel better weigh more."""
        weights = 1 / self.differences(motions)[:, 0].abs().clamp(min=1)
        pixels = (motions[:, 0] / self.unit).permute(0, 3, 1, 2)[:, :, None]
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
    instead of finding one from the coarsest on. Raises ValueError if the images differ in shape.

    >>> waves = torch.sin(torch.arange(64.0) / 3) + torch.sin(torch.arange(48.0)[:, None] / 5)
    >>> image = waves.expand(1, 3, 48, 64) / 4 + 0.5
    >>> flow = inverse_search(image, image.roll(2, 3))[..., 16:32, 16:48]
    >>> [round(mean) for mean in flow.mean(dim=(0, 2, 3)).tolist()]
    [2, 0]
    """
    if first.shape != second.shape:
        raise ValueError(
            f"the images differ in shape: {tuple(first.shape)} and {tuple(second.shape)}; bring them to one size"
        )
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
        grid = (one.shape[-2], one.shape[-1])
        flow = one.new_zeros(len(one), 2, *grid) if flow is None else resize_flow(flow, grid)
        hint = None if guess is None else resize_flow(guess, grid)
        flow = _search(Patches(one, other, patch_stride, search.step), flow, hint, search)
        flow = refine_flow(one, other, flow, search.refinement)
    assert flow is not None
    return resize_flow(flow, size)[..., :height, :width]


def _search(patches: Patches, flow: Tensor, guess: Tensor | None, search: Search) -> Tensor:
    """Return the dense flow that patches find from one to begin with, and a guess that they try besides."""
    motions = patches.motions(flow)
    for steps, jumps in zip(search.steps, search.jumps, strict=True):
        cost = patches.cost(motions)
        if guess is not None:
            motions, cost = patches.choose(motions, cost, [patches.motions(guess)])
        for jump in jumps:
            for side in (2, 3):  # first above and below, then left and right: so diagonal neighbours are heard, too
                motions, cost = patches.choose(motions, cost, [motions.roll(by, side) for by in (jump, -jump)])
        motions = patches.descend(motions, steps)
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
