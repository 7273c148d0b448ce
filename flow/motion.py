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
from flow.projection import fixed_points, splat, turned
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
    batch, size = flow01.shape[0], (flow01.shape[-2], flow01.shape[-1])
    # Both ways at once, (2B, ...), the second with time turned round: half as many operations are compiled sooner.
    flow, since = torch.cat([flow01, flow10]), torch.cat([t, 1 - t])
    found = fixed_points(flow, since)
    motion0, motion1 = found[:batch], -found[batch:]
    flow, found = (pad_to_multiple(vectors, COARSE)[..., ::COARSE, ::COARSE] / COARSE for vectors in (flow, found))
    grey = torch.cat([frame.float().mean(dim=1, keepdim=True) for frame in frames])
    image = F.avg_pool2d(pad_to_multiple(grey, COARSE), COARSE)
    drop = _astray(found, flow, since, image)
    passing, is_there = _followed(found, flow, since, image)
    told = torch.cat([drop[:batch], drop[batch:], is_there, passing * COARSE], dim=1)
    told = crop_to(_repeated(told), size)
    drop0, drop1, is_there, passing = told.split((1, 1, 1, 2), dim=1)
    kept0, kept1 = torch.where(drop0 > 0.5, motion1, motion0), torch.where(drop1 > 0.5, motion0, motion1)
    return torch.where(is_there > 0.5, passing, kept0), torch.where(is_there > 0.5, passing, kept1)


def _astray(motion: Tensor, flow: Tensor, since: Tensor, image: Tensor) -> Tensor:
    """Tell where a motion is no fixed point, and the other way's is and explains the images better: 1, else 0."""
    again, near = backward_warp(torch.cat([flow, image], dim=1), -since * motion).split((2, 1), dim=1)
    difference = _mean_around((near - backward_warp(turned(image), (1 - since) * motion)).abs())
    astray = _length(again - motion) > ASTRAY
    apart = _length(motion + turned(motion)) > APART
    return (apart & astray & ~turned(astray) & (difference - turned(difference) > WORSE)).float()


def _followed(motion: Tensor, flow: Tensor, since: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the motion 0->1 (B, 2, h, w) of what passes in front unseen by the motions, and where it is: 1, else 0."""
    batch = flow.shape[0] // 2
    sums = _splat_passing(motion, flow, since, image)
    share = sums[:batch, 2:] + sums[batch:, 2:]
    passing = (sums[:batch, :2] - sums[batch:, :2]) / share.clamp(min=1e-6)
    covered = (share > _COVERED).float()
    t = since[:batch]
    images = backward_warp(image, torch.cat([-t * passing, (1 - t) * passing]))
    difference = (images[:batch] - images[batch:]).abs()
    difference, nearby = _mean_around(torch.cat([difference * covered, covered], dim=1)).split(1, dim=1)
    covered = covered * (difference / nearby.clamp(min=1e-6) < LIKE).float()
    opened = F.max_pool2d(-F.max_pool2d(-covered, _SPECK, 1, _SPECK // 2), _SPECK, 1, _SPECK // 2)
    return passing, opened


def _splat_passing(motion: Tensor, flow: Tensor, since: Tensor, image: Tensor) -> Tensor:
    """Follow what of an image passes in front: (2B, 3, h, w), the sum of its flow at that time, and of its share."""
    back, along = backward_warp(torch.cat([turned(flow), turned(image)], dim=1), flow).split((2, 1), dim=1)
    agreed = ((_length(flow + back) < AGREED) & _is_within(flow)).float()
    # Where it is by then.
    ground0, ground1 = backward_warp(torch.cat([motion, -turned(motion)], dim=1), since * flow).split(2, dim=1)
    distance0, distance1 = _length(flow - ground0), _length(flow - ground1)
    other = torch.where(distance0 > distance1, ground0, ground1)
    agreed_there, along_other = backward_warp(torch.cat([turned(agreed), turned(image)], dim=1), other).split(1, dim=1)
    # In front is what hides the other in both images: what moves so does not agree there, as far as it is in sight.
    in_own, in_other = _is_within(flow - other), _is_within(other)
    hides = (~in_own | (backward_warp(agreed, flow - other) < 0.5)) & (~in_other | (agreed_there < 0.5))
    own, others = _mean_around((torch.cat([along, along_other], dim=1) - image).abs()).split(1, dim=1)
    passes = (torch.maximum(distance0, distance1) > FAR) & hides & (in_own | in_other) & (own < LIKE)
    sure = (passes & (agreed > 0.5)).float()
    near, company = _mean_around(torch.cat([sure * flow, sure], dim=1), NEARBY).split((2, 1), dim=1)
    # The flow back may have lost the edge of what the flow has.
    likely = passes & (own < others / 2) & (_length(near / company.clamp(min=1e-6) - flow) < FAR)
    share = torch.maximum(sure, likely.float()) * (company > COMPANY / NEARBY**2).float()
    return splat(torch.cat([flow * share, share], dim=1), since * flow)


def _is_within(vectors: Tensor) -> Tensor:
    """Tell where vectors (B, 2, h, w) lead to a place in the image."""
    height, width = vectors.shape[-2:]
    x = vectors[:, :1] + torch.arange(width, device=vectors.device)
    y = vectors[:, 1:] + torch.arange(height, device=vectors.device)[:, None]
    return (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)


def _mean_around(values: Tensor, side: int = _PATCH) -> Tensor:
    rows = F.avg_pool2d(values, (1, side), 1, (0, side // 2), count_include_pad=False)
    return F.avg_pool2d(rows, (side, 1), 1, (side // 2, 0), count_include_pad=False)


def _repeated(values: Tensor) -> Tensor:
    """Return values (B, C, h, w) on the grid that is not coarse."""
    # As interpolation, OpenVINO would have bfloat16 go in where networks compute in it.
    return F.pixel_shuffle(values[:, :, None].expand(-1, -1, COARSE**2, -1, -1).flatten(1, 2), COARSE)


def _length(vectors: Tensor) -> Tensor:
    # By its two parts: a norm over so few, far apart in memory, takes ten times as long.
    return (vectors[:, :1].square() + vectors[:, 1:].square()).sqrt()
