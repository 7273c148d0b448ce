"""Motion at a time between two frames: what the flows tell, and where that does not hold together what the frames show.

The fixed points of `flow.projection` miss in two places. Beside small things that move far the iteration jumps to and
fro between the thing and its ground, and leaves pieces of the thing where it is not. And where neither flow has the
thing at the same place, which is so if it moves further than it is large, nothing leads to it: such things are followed
from either frame instead.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from flow.padding import crop_to, pad_to_multiple
from flow.projection import motions_at, splat
from flow.warp import backward_warp

COARSE = 2  # all this is told on a grid so many times coarser; all lengths below are in its pixels
ASTRAY = 2.0  # by which one more step changes a motion that is none
APART = 8.0  # between the motions that the flows tell of, for one of them to be dropped
WORSE = 3 / 255  # by how much its frames must differ more
AGREED = 1.0  # that the way there and back may miss its start by
FAR = 2.0  # from the motion found so far, to be another
LIKE = 12 / 255  # by which the frames may differ along what is followed
NEARBY = 15  # side of the square in which what is followed has company
COMPANY = 5  # pixels of it at least
_PATCH = 5  # side of what is compared
_COVERED = 0.3  # of a pixel, by what is followed
_SPECK = 3  # what is smaller in either direction is chance


def find_motions(flow01: Tensor, flow10: Tensor, t: Tensor, frames: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the motion at time t by the word of either flow, as `motions_at` does, with what that misses.

    flows (B, 2, H, W) in pixels, t (B, 1, 1, 1) in (0, 1), frames (B, 3, H, W) in [0, 1].
    """
    size = flow01.shape[-2], flow01.shape[-1]
    motion0, motion1 = motions_at(flow01, flow10, t)
    there, back, found0, found1 = (
        pad_to_multiple(flow, COARSE)[..., ::COARSE, ::COARSE] / COARSE for flow in (flow01, flow10, motion0, motion1)
    )
    first, second = (
        F.avg_pool2d(pad_to_multiple(frame.float().mean(dim=1, keepdim=True), COARSE), COARSE) for frame in frames
    )
    drop0, drop1 = _astray((found0, found1), there, back, t, (first, second))
    passing, is_there = _followed((found0, found1), there, back, t, (first, second))
    told = torch.cat([drop0, drop1, is_there, passing * COARSE], dim=1)
    told = crop_to(F.interpolate(told, scale_factor=COARSE, mode="nearest"), size)
    drop0, drop1, is_there, passing = told.split((1, 1, 1, 2), dim=1)
    kept0, kept1 = torch.where(drop0 > 0.5, motion1, motion0), torch.where(drop1 > 0.5, motion0, motion1)
    return torch.where(is_there > 0.5, passing, kept0), torch.where(is_there > 0.5, passing, kept1)


def _astray(
    motions: tuple[Tensor, Tensor], flow01: Tensor, flow10: Tensor, t: Tensor, images: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Tell where a motion is no fixed point, and the other one is and explains the images better: 1, else 0."""
    next0, image00 = backward_warp(torch.cat([flow01, images[0]], dim=1), -t * motions[0]).split((2, 1), dim=1)
    next1, image11 = backward_warp(torch.cat([-flow10, images[1]], dim=1), (1 - t) * motions[1]).split((2, 1), dim=1)
    astray0, astray1 = _length(next0 - motions[0]) > ASTRAY, _length(next1 - motions[1]) > ASTRAY
    image10, image01 = backward_warp(images[1], (1 - t) * motions[0]), backward_warp(images[0], -t * motions[1])
    worse = _mean_around((image00 - image10).abs() - (image01 - image11).abs())
    apart = _length(motions[0] - motions[1]) > APART
    drop0 = apart & astray0 & ~astray1 & (worse > WORSE)
    drop1 = apart & astray1 & ~astray0 & (worse < -WORSE)
    return drop0.float(), drop1.float()


def _followed(
    motions: tuple[Tensor, Tensor], there: Tensor, back: Tensor, t: Tensor, images: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the motion (B, 2, h, w) of what passes in front unseen by the motions, and where it is: 1, else 0."""
    first, second = images
    agreed01, agreed10 = _agreed(there, back), _agreed(back, there)
    ahead, share0 = _splat_passing((first, second), there, back, (agreed01, agreed10), motions, t)
    turned = -motions[0], -motions[1]
    behind, share1 = _splat_passing((second, first), back, there, (agreed10, agreed01), turned, 1 - t)
    share = share0 + share1
    motion = (ahead - behind) / share.clamp(min=1e-6)
    covered = (share > _COVERED).float()
    difference = (backward_warp(first, -t * motion) - backward_warp(second, (1 - t) * motion)).abs()
    difference = _mean_around(difference * covered) / _mean_around(covered).clamp(min=1e-6)
    covered = covered * (difference < LIKE).float()
    opened = F.max_pool2d(-F.max_pool2d(-covered, _SPECK, 1, _SPECK // 2), _SPECK, 1, _SPECK // 2)
    return motion, opened


def _splat_passing(
    images: tuple[Tensor, Tensor],
    flow: Tensor,
    back: Tensor,
    agreed: tuple[Tensor, Tensor],
    motions: tuple[Tensor, Tensor],
    t: Tensor,
) -> tuple[Tensor, Tensor]:
    """Follow what of the first image passes in front: at time t the sum of its flow (B, 2, h, w) and its share."""
    ground0, ground1 = (backward_warp(motion, t * flow) for motion in motions)  # where it is by then
    distance0, distance1 = _length(flow - ground0), _length(flow - ground1)
    other = torch.where(distance0 > distance1, ground0, ground1)
    # In front is what hides the other in both images: what moves so does not agree there.
    hides = (backward_warp(agreed[0], flow - other) < 0.5) & (backward_warp(agreed[1], other) < 0.5)
    passes = (torch.maximum(distance0, distance1) > FAR) & hides
    own, others = (_mean_around((backward_warp(images[1], way) - images[0]).abs()) for way in (flow, other))
    passes = passes & (own < LIKE)
    sure = (passes & (agreed[0] > 0.5)).float()
    company = _mean_around(sure, NEARBY)
    near = _mean_around(sure * flow, NEARBY) / company.clamp(min=1e-6)
    # The flow back may have lost the edge of what the flow has.
    likely = passes & (own < others / 2) & (_length(near - flow) < FAR)
    share = torch.maximum(sure, likely.float()) * (company > COMPANY / NEARBY**2).float()
    sums = splat(torch.cat([flow * share, share], dim=1), t * flow)
    return sums[:, :2], sums[:, 2:]


def _agreed(flow: Tensor, back: Tensor) -> Tensor:
    """Where the flow leads to a place of the other frame from which the flow back returns: 1, else 0."""
    height, width = flow.shape[-2:]
    x = flow[:, :1] + torch.arange(width, device=flow.device)
    y = flow[:, 1:] + torch.arange(height, device=flow.device)[:, None]
    within = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return ((_length(flow + backward_warp(back, flow)) < AGREED) & within).float()


def _mean_around(values: Tensor, side: int = _PATCH) -> Tensor:
    rows = F.avg_pool2d(values, (1, side), 1, (0, side // 2), count_include_pad=False)
    return F.avg_pool2d(rows, (side, 1), 1, (side // 2, 0), count_include_pad=False)


def _length(vectors: Tensor) -> Tensor:
    # By its two parts: a norm over so few, far apart in memory, takes ten times as long.
    return (vectors[:, :1].square() + vectors[:, 1:].square()).sqrt()
