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

ASTRAY = 4.0  # pixels by which one more step changes a motion that is none
APART = 16.0  # pixels between the motions that the flows tell of, for one of them to be dropped
WORSE = 3 / 255  # by how much its frames must differ more
_PATCH = 5  # pixels: side of what is compared
# What is followed, on a grid half as fine; all in its pixels.
_COARSE = 2
AGREED = 1.0  # that the way there and back may miss its start by
FAR = 2.0  # from the motion found so far, to be another
LIKE = 12 / 255  # by which its frames may differ
NEARBY = 15  # side of the square in which what is followed has company
COMPANY = 5  # pixels of it at least
_COVERED = 0.3  # of a pixel, by what is followed
_SPECK = 3  # what is smaller in either direction is chance


def find_motions(flow01: Tensor, flow10: Tensor, t: Tensor, frames: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the motion at time t by the word of either flow, as `motions_at` does, with what that misses.

    flows (B, 2, H, W) in pixels, t (B, 1, 1, 1) in (0, 1), frames (B, 3, H, W) in [0, 1].
    """
    first, second = (frame.float().mean(dim=1, keepdim=True) for frame in frames)
    motions = _settled(motions_at(flow01, flow10, t), flow01, flow10, t, (first, second))
    passing, is_there = _followed(motions, flow01, flow10, t, (first, second))
    # Followed on a coarser grid, they are found exactly from there, but where the flow has lost them.
    exact = backward_warp(flow01, -t * passing), -backward_warp(flow10, (1 - t) * passing)
    known = [torch.where(_length(found - passing) < FAR, found, passing) for found in exact]
    return torch.where(is_there, known[0], motions[0]), torch.where(is_there, known[1], motions[1])


def _settled(
    motions: tuple[Tensor, Tensor], flow01: Tensor, flow10: Tensor, t: Tensor, images: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Replace a motion that is no fixed point by the other one, if that is one and explains the images better."""
    again = backward_warp(flow01, -t * motions[0]), -backward_warp(flow10, (1 - t) * motions[1])
    astray = [_length(next_one - motion) > ASTRAY for next_one, motion in zip(again, motions, strict=True)]
    errors = [_mean_around(_difference(images, motion, t)) for motion in motions]
    apart = _length(motions[0] - motions[1]) > APART
    drop0 = apart & astray[0] & ~astray[1] & (errors[0] > errors[1] + WORSE)
    drop1 = apart & astray[1] & ~astray[0] & (errors[1] > errors[0] + WORSE)
    return torch.where(drop0, motions[1], motions[0]), torch.where(drop1, motions[0], motions[1])


def _followed(
    motions: tuple[Tensor, Tensor], flow01: Tensor, flow10: Tensor, t: Tensor, images: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the motion (B, 2, H, W) of what passes in front unseen by the motions, and where it is (B, 1, H, W)."""
    size = flow01.shape[-2], flow01.shape[-1]
    coarse = [
        pad_to_multiple(flow, _COARSE)[..., ::_COARSE, ::_COARSE] / _COARSE for flow in (flow01, flow10, *motions)
    ]
    first, second = (F.avg_pool2d(pad_to_multiple(image, _COARSE), _COARSE) for image in images)
    there, back, *found = coarse
    agreed01, agreed10 = _agreed(there, back), _agreed(back, there)
    ahead, share0 = _splat_passing((first, second), there, back, (agreed01, agreed10), found, t)
    behind, share1 = _splat_passing(
        (second, first), back, there, (agreed10, agreed01), [-motion for motion in found], 1 - t
    )
    share = share0 + share1
    motion = (ahead - behind) / share.clamp(min=1e-6)
    covered = (share > _COVERED).float()
    difference = _mean_around(_difference((first, second), motion, t) * covered) / _mean_around(covered).clamp(min=1e-6)
    covered = covered * (difference < LIKE).float()
    opened = F.max_pool2d(-F.max_pool2d(-covered, _SPECK, 1, _SPECK // 2), _SPECK, 1, _SPECK // 2)
    motion, opened = (F.interpolate(found, scale_factor=_COARSE, mode="nearest") for found in (motion, opened))
    return crop_to(motion, size) * _COARSE, crop_to(opened, size) > 0.5


def _splat_passing(
    images: tuple[Tensor, Tensor],
    flow: Tensor,
    back: Tensor,
    agreed: tuple[Tensor, Tensor],
    motions: list[Tensor],
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


def _difference(images: tuple[Tensor, Tensor], motion: Tensor, t: Tensor) -> Tensor:
    return (backward_warp(images[0], -t * motion) - backward_warp(images[1], (1 - t) * motion)).abs()


def _mean_around(values: Tensor, side: int = _PATCH) -> Tensor:
    rows = F.avg_pool2d(values, (1, side), 1, (0, side // 2), count_include_pad=False)
    return F.avg_pool2d(rows, (side, 1), 1, (side // 2, 0), count_include_pad=False)


def _length(vectors: Tensor) -> Tensor:
    # By its two parts: a norm over so few, far apart in memory, takes ten times as long.
    return (vectors[:, :1].square() + vectors[:, 1:].square()).sqrt()
