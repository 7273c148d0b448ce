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

from flow.warp import backward_warp, look_up

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

    flows: Tensor  # (1, 4, h, w): from its first frame to its second, then back
    length: float  # how long it lasts, as a part of that gap


def follow(flows: Tensor, before: Neighbour | None, after: Neighbour | None) -> Tensor:
    """Return the flows with what they lost put right, and the accelerations of what moves, (1, 8, h, w).

    flows (1, 4, h, w): 0->1, then 1->0; out come these, and the acceleration of what frame 0 shows, then of what frame
    1 shows. That is 0 where the flows do not lead there and back. It is computed on the CPU, by OpenCV: for PyTorch
    these are a hundred small steps, whose threads wait for each other where others are at work.
    """
    fine = _planes(flows)
    there, back = np.split(_coarse(fine), 2)
    sides: list[_Side | None] = [None, None]
    if before is not None:
        home, away = np.split(_planes(before.flows), 2)
        sides[0] = _Side(away, _coarse(away), _coarse(home), before.length)
    if after is not None:
        away, home = np.split(_planes(after.flows), 2)
        sides[1] = _Side(away, _coarse(away), _coarse(home), after.length)
    ends = _End.of(there, back, sides[0]), _End.of(back, there, sides[1])
    told = (
        np.concatenate([ends[0].told, _warped(ends[1].told, there)]),  # as frame 0 sees it
        np.concatenate([_warped(ends[0].told, back), ends[1].told]),  # and frame 1
    )
    share = ALONE if before is None or after is None else FOLLOWED
    followed, accelerations = [], []
    for flow, side, end, ours in zip(np.split(fine, 2), sides, ends, told, strict=True):
        mean, trusted = _agreed(_smoothed(ours))
        accelerations.append(_fine(trusted * np.float32(share * COARSE), flow))
        if side is None:
            followed.append(flow)
            continue
        onward = _fine(mean * np.float32(COARSE * (1 + side.length) / 2), flow)
        # In place, since these are large: flow + lost * (onward - away / length - flow).
        onward -= side.away / np.float32(side.length)
        onward -= flow
        onward *= _fine(end.lost, flow)
        onward += flow
        followed.append(onward)
    return torch.from_numpy(np.concatenate(followed + accelerations))[None].to(flows.device)


def bend(accelerations: Tensor, motion: Tensor, t: Tensor) -> Tensor:
    """Return what flows from time t to either frame have more than along a straight way, (B, 2, h, w) in pixels.

    accelerations (B, 4, h, w) as `follow` returns them; motion (B, 2, h, w): the flow 0->1 as it is seen from time t
    (B, 1, 1, 1).
    """
    both = backward_warp(accelerations[:, :2], -t * motion) + backward_warp(accelerations[:, 2:4], (1 - t) * motion)
    return both * (t * (1 - t) / 4)


class _Side(NamedTuple):
    """What is known of a frame next to the two."""

    away: np.ndarray  # (2, h, w): the flow from the nearer of the two to it
    out: np.ndarray  # (2, ...): that on the coarse grid
    home: np.ndarray  # and the flow back
    length: float  # as in `Neighbour`


class _End(NamedTuple):
    """What is known of what one of the two frames shows, on the coarse grid."""

    told: np.ndarray  # (3, h, w): its acceleration, times the trust in it, and that
    lost: np.ndarray  # (1, h, w): how far only the flow to the frame beyond is to be trusted

    @classmethod
    def of(cls, flow: np.ndarray, back: np.ndarray, beyond: _Side | None) -> "_End":
        """flow, back: to the other of the two frames and from it; beyond: what is on this side of it."""
        if beyond is None:
            return cls(np.zeros_like(flow, shape=(3, *flow.shape[1:])), np.zeros_like(flow[:1]))
        here, there = _trust(flow, back), _trust(beyond.out, beyond.home)
        length = np.float32(beyond.length)
        change = (flow + beyond.out / length) * (2 / (1 + length))  # the second divided difference, twice
        return cls(np.concatenate([change * here * there, here * there]), (1 - here) * there)


def _trust(flow: np.ndarray, back: np.ndarray) -> np.ndarray:
    missed = flow + _warped(back, flow)
    return np.exp(-_square(missed) * np.float32((COARSE / AGREED) ** 2))


def _smoothed(told: np.ndarray) -> np.ndarray:
    """Return what both ends tell, (6, h, w), averaged with what is told nearby."""
    for _ in range(SMOOTHING):
        told = _mean_of_nine(told)
    height, width = told.shape[1:]
    around = _resized(told, (-(-height // AROUND), -(-width // AROUND)))
    around = _mean_of_nine(_mean_of_nine(around))
    around = around * (2 * AROUND_COUNTS / (around[2:3] + around[5:] + 2 * AROUND_KNOWN))
    return told + _resized(around, (height, width))


def _agreed(told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of what both ends tell, (2, h, w), and how much of it holds: less, where they differ."""
    told0, told1 = np.split(told, 2)
    mean = _mean(told0 + told1)
    apart = _square(_mean(told0) - _mean(told1))
    return mean, mean * (_square(mean) / np.maximum(_square(mean) + DISTRUST * apart, 1e-6))


def _mean(told: np.ndarray) -> np.ndarray:
    return told[:2] / (told[2:] + KNOWN)


def _square(vectors: np.ndarray) -> np.ndarray:
    return (vectors[:1] ** 2) + vectors[1:] ** 2


def _mean_of_nine(planes: np.ndarray) -> np.ndarray:
    return np.stack([cv2.blur(plane, (3, 3), borderType=cv2.BORDER_REPLICATE) for plane in planes])


def _warped(planes: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return planes (C, h, w) warped backward along a flow (2, h, w)."""
    return np.stack([look_up(plane, flow.transpose(1, 2, 0)) for plane in planes])


def _planes(flows: Tensor) -> np.ndarray:
    return flows[0].float().cpu().numpy()


def _coarse(flows: np.ndarray) -> np.ndarray:
    """Return flows on the coarse grid, and in its pixels."""
    height, width = flows.shape[1:]
    more = ((0, 0), (0, -height % COARSE), (0, -width % COARSE))
    whole = np.pad(flows, more, mode="edge") if np.any(more) else flows  # padding by nothing would copy it
    return _resized(whole, (whole.shape[1] // COARSE, whole.shape[2] // COARSE)) / np.float32(COARSE)


def _fine(planes: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return planes of the coarse grid on that of others."""
    height, width = like.shape[1:]
    return _resized(planes, (planes.shape[1] * COARSE, planes.shape[2] * COARSE))[:, :height, :width]


def _resized(planes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return planes at a size (height, width): averaged to shrink, interpolated to enlarge."""
    way = cv2.INTER_AREA if size[0] < planes.shape[1] else cv2.INTER_LINEAR
    return np.stack([cv2.resize(plane, size[::-1], interpolation=way) for plane in planes])
