"""The course of what moves: what the frames before and after tell of the way between two frames.

Two frames know where a thing is at either end of its way, and so of no other than a straight one at an even speed. The
flows to the frames before and after them tell how its motion changes: at t the thing lies off that way by half of the
acceleration, times t (1 - t). Source: Xu 2019, "Quadratic video interpolation", arXiv:1911.00627, for three frames;
with the mean of what both ends tell the way is the cubic one through four. And what only one of the two frames shows,
since it is hidden in the other or beyond its edge, has no flow there; it goes on as it came, or came as it goes on.

Flows are in pixels, accelerations in pixels per square of the time between the two frames, all float32.
"""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from flow.padding import crop_to, pad_to_multiple
from flow.warp import backward_warp, resize

# Measured, see checkpoints/EXPERIMENTS.md.
COARSE = 4  # all is told on a grid so many times coarser, since noise grows where velocities are subtracted
AGREED = 3.0  # pixels by which the way there and back misses its start where it is trusted by 1/e
KNOWN = 0.05  # share of a place that must be trusted for half of what it tells to count
SMOOTHING = 3  # times that the nearest nine places are averaged
AROUND = 8  # times that a grid is coarser yet which tells of places of which nothing else is known
AROUND_COUNTS = 0.05  # by this share,
AROUND_KNOWN = 0.15  # half of it where so much of what is around is trusted
FOLLOWED = 1.15  # of an acceleration on which both ends agree
DISTRUST = 0.1  # share of the square of what they differ by that counts against that of their mean
ALONE = 0.6  # of what one end tells alone


class Neighbour(NamedTuple):
    """The gap before or after that between two frames."""

    flows: Tensor  # (B, 4, h, w): from its first frame to its second, then back
    length: float  # how long it lasts, as a part of that gap


def follow(flows: Tensor, before: Neighbour | None, after: Neighbour | None) -> Tensor:
    """Return the flows with what they lost put right, and the accelerations of what moves, (B, 8, h, w).

    flows (B, 4, h, w): 0->1, then 1->0; out come these, and the acceleration of what frame 0 shows, then of what frame
    1 shows. That is 0 where the flows do not lead there and back.
    """
    flow01, flow10 = _coarse(flows).split(2, dim=1)
    # Of either side what leads away from the two frames, and back.
    sides = [
        None if side is None else _Side(side.flows[:, first], _coarse(side.flows)[:, order], side.length)
        for side, first, order in ((before, slice(2, 4), [2, 3, 0, 1]), (after, slice(0, 2), [0, 1, 2, 3]))
    ]
    end0, end1 = _End.of(flow01, flow10, sides[0]), _End.of(flow10, flow01, sides[1])
    told = [
        torch.cat([end0.told, backward_warp(end1.told, flow01)], dim=1),  # as frame 0 sees it
        torch.cat([backward_warp(end0.told, flow10), end1.told], dim=1),  # and frame 1
    ]
    mean, trusted = _agreed(_smoothed(torch.cat(told)))
    accelerations = trusted * (ALONE if before is None or after is None else FOLLOWED)
    followed = list(flows.split(2, dim=1))
    for i, (side, end, change) in enumerate(zip(sides, (end0, end1), mean.chunk(2), strict=True)):
        if side is not None:
            more, lost = _fine(torch.cat([change * COARSE, end.lost], dim=1), flows).split((2, 1), dim=1)
            onward = more * ((1 + side.length) / 2) - side.away / side.length
            followed[i] = torch.lerp(followed[i], onward, lost)
    return torch.cat([*followed, *_fine(accelerations * COARSE, flows).chunk(2)], dim=1)


def bend(accelerations: Tensor, motion: Tensor, t: Tensor) -> Tensor:
    """Return what flows from time t to either frame have more than along a straight way, (B, 2, h, w) in pixels.

    accelerations (B, 4, h, w) as `follow` returns them; motion (B, 2, h, w): the flow 0->1 as it is seen from time t
    (B, 1, 1, 1).
    """
    both = backward_warp(accelerations[:, :2], -t * motion) + backward_warp(accelerations[:, 2:4], (1 - t) * motion)
    return both * (t * (1 - t) / 4)


class _Side(NamedTuple):
    """What is known of a frame next to the two."""

    away: Tensor  # (B, 2, h, w): the flow from the nearer of the two to it
    flows: Tensor  # (B, 4, ...): that, and the flow back, on the coarse grid
    length: float  # as in `Neighbour`


class _End(NamedTuple):
    """What is known of what one of the two frames shows, on the coarse grid."""

    told: Tensor  # (B, 3, h, w): its acceleration, times the trust in it, and that
    lost: Tensor  # (B, 1, h, w): how far only the flow to the frame beyond is to be trusted

    @classmethod
    def of(cls, flow: Tensor, back: Tensor, beyond: _Side | None) -> "_End":
        """flow, back: to the other of the two frames and from it; beyond: what is on this side of it."""
        if beyond is None:
            return cls(torch.zeros_like(torch.cat([flow, flow[:, :1]], dim=1)), torch.zeros_like(flow[:, :1]))
        out, home = beyond.flows.split(2, dim=1)
        here, there = _trust(flow, back), _trust(out, home)
        change = (flow + out / beyond.length) * (2 / (1 + beyond.length))  # the second divided difference, twice
        return cls(torch.cat([change * here * there, here * there], dim=1), (1 - here) * there)


def _trust(flow: Tensor, back: Tensor) -> Tensor:
    missed = flow + backward_warp(back, flow)
    return torch.exp(-_square(missed) * (COARSE / AGREED) ** 2)


def _smoothed(told: Tensor) -> Tensor:
    """Return what both ends tell, (B, 6, h, w), averaged with what is told nearby."""
    for _ in range(SMOOTHING):
        told = _mean_of_nine(told)
    around = F.avg_pool2d(pad_to_multiple(told, AROUND), AROUND)
    around = _mean_of_nine(_mean_of_nine(around))
    around = around * (2 * AROUND_COUNTS / (around[:, 2:3] + around[:, 5:] + 2 * AROUND_KNOWN))
    return told + crop_to(F.interpolate(around, scale_factor=AROUND, mode="bilinear"), _size(told))


def _agreed(told: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of what both ends tell, (B, 2, h, w), and how much of it holds: less, where they differ."""
    told0, told1 = told.split(3, dim=1)
    mean = _mean(told0 + told1)
    apart = _square(_mean(told0) - _mean(told1))
    return mean, mean * (_square(mean) / (_square(mean) + DISTRUST * apart).clamp(min=1e-6))


def _mean(told: Tensor) -> Tensor:
    return told[:, :2] / (told[:, 2:] + KNOWN)


def _mean_of_nine(values: Tensor) -> Tensor:
    # By sums, which take a tenth of the time of pooling.
    padded = F.pad(values, (1, 1, 1, 1), mode="replicate")
    rows = padded[..., :-2, :] + padded[..., 1:-1, :] + padded[..., 2:, :]
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9


def _square(vectors: Tensor) -> Tensor:
    return vectors.square().sum(1, keepdim=True)


def _coarse(flows: Tensor) -> Tensor:
    """Return flows on the coarse grid, and in its pixels."""
    whole = pad_to_multiple(flows, COARSE)
    return _resized(whole, (whole.shape[-2] // COARSE, whole.shape[-1] // COARSE)) / COARSE


def _fine(values: Tensor, like: Tensor) -> Tensor:
    """Return values of the coarse grid on that of others."""
    return crop_to(_resized(values, (values.shape[-2] * COARSE, values.shape[-1] * COARSE)), _size(like))


def _resized(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Return what `flow.warp.resize` does, by whole numbers; on a CPU in a third of the time."""
    if values.device.type != "cpu":
        return resize(values, size)
    way = cv2.INTER_AREA if size[0] < values.shape[-2] else cv2.INTER_LINEAR
    planes = [cv2.resize(plane, size[::-1], interpolation=way) for plane in values.flatten(0, 1).numpy()]
    return torch.from_numpy(np.stack(planes)).view(*values.shape[:2], *size)


def _size(image: Tensor) -> tuple[int, int]:
    return image.shape[-2], image.shape[-1]
