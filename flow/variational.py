"""Variational refinement: a dense flow is moved to where it explains the images best and is still smooth.

Minimised are the differences in brightness and in gradient along the flow, and the flow's own gradient, all with
robust penalties. The equations are linearised around the given flow, and reweighted and solved in turns.
Sources: Brox 2004, "High accuracy optical flow estimation based on a theory for warping"; weights as OpenCV's DIS has
them. Nothing here depends on values but by arithmetic, so that a GPU never waits for the host.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from flow.sampling import Sampler


@dataclass(frozen=True)
class Refinement:
    """Weights of the terms, for brightness in levels of 255, and how long to solve."""

    smoothness: float = 20.0
    brightness: float = 5.0
    gradient: float = 10.0
    reweightings: int = 3
    sweeps: int = 8  # of the linear equations, each time
    radius: float = 0.95  # spectral radius that the acceleration of the sweeps reckons with
    slope: float = 1.0  # derivatives are taken this many times too large, which shortens the steps


_SOFT = 1e-3**2  # keeps robust penalties from a corner at zero
_FLAT = 0.1**2  # keeps the normalisation by the gradient from a division by zero


def refine_flow(first: Tensor, second: Tensor, flow: Tensor, how: Refinement) -> Tensor:
    """Return the refined flow from the first image to the second; images (B, 1, H, W), flow (B, 2, H, W) in pixels."""
    normals, offsets = _constraints(first, Sampler(second).dense(flow), how)
    # What the weights of the constraints are multiplied with: matrix and right-hand side of every constraint alone.
    nx, ny = normals.unbind(2)
    parts = torch.stack([nx * nx, ny * ny, nx * ny, -nx * offsets, -ny * offsets], dim=2)
    refined = flow
    for _ in range(how.reweightings):
        misses = (offsets + (normals * (refined - flow)[:, None]).sum(2)).square()
        of_brightness = torch.rsqrt(misses[:, :1] + _SOFT) * (how.brightness / 2)
        of_gradient = torch.rsqrt(misses[:, 1:2] + misses[:, 2:] + _SOFT) * (how.gradient / 2)
        weights = torch.cat([of_brightness, of_gradient, of_gradient], dim=1)
        system = (weights[:, :, None] * parts).sum(1)
        refined = _solve(system, flow, refined, how)
    return refined


def _constraints(first: Tensor, warped: Tensor, how: Refinement) -> tuple[Tensor, Tensor]:
    """Normals (B, 3, 2, H, W) and offsets (B, 3, H, W) of lines on which the change of flow should lie.

    One for the brightness, one for each of its derivatives; divided by the length of the normal, so that a miss is a
    distance in pixels.
    """
    change = warped - first
    images = torch.cat([(first + warped) / 2, change], dim=1)
    across, down = _derivatives(images, how.slope)
    second_across, between = _derivatives(across[:, :1], how.slope)
    _, second_down = _derivatives(down[:, :1], how.slope)
    normals = torch.stack(
        [
            torch.cat([across[:, :1], second_across, between], dim=1),
            torch.cat([down[:, :1], between, second_down], dim=1),
        ],
        dim=2,
    )
    offsets = torch.cat([change, across[:, 1:], down[:, 1:]], dim=1)
    scale = torch.rsqrt(normals.square().sum(2) + _FLAT)
    return normals * scale[:, :, None], offsets * scale


def _derivatives(image: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    """Central differences to the right and down; beyond its edge the border repeats."""
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate") * (slope / 2)
    return (
        padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2],
        padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1],
    )


def _solve(system: Tensor, flow: Tensor, start: Tensor, how: Refinement) -> Tensor:
    """Return the flow that balances the constraints ``system`` (B, 5, H, W) and its own smoothness, nearly."""
    right, down = _edges(start, how.smoothness)
    left, up = F.pad(right, (1, 0))[..., :-1], F.pad(down, (0, 0, 1, 0))[..., :-1, :]
    straight, crossed = system[:, :2], system[:, 2:3]
    target = system[:, 3:] + straight * flow + crossed * flow.flip(1)
    diagonal = straight + (right + left + down + up + _FLAT)
    target = target + _FLAT * flow
    # Inverse of the 2x2 matrix of each pixel.
    reciprocal = 1 / (diagonal[:, :1] * diagonal[:, 1:] - crossed * crossed)
    straight, crossed = diagonal.flip(1) * reciprocal, crossed * -reciprocal
    before, now, relaxation = start, start, 1.0
    for sweep in range(how.sweeps):
        padded = F.pad(now, (1, 1, 1, 1))
        pulled = torch.addcmul(target, right, padded[..., 1:-1, 2:])
        pulled = torch.addcmul(pulled, left, padded[..., 1:-1, :-2])
        pulled = torch.addcmul(pulled, down, padded[..., 2:, 1:-1])
        pulled = torch.addcmul(pulled, up, padded[..., :-2, 1:-1])
        balanced = torch.addcmul(straight * pulled, crossed, pulled.flip(1))
        # Chebyshev's acceleration: as fast as the best successive over-relaxation, but all pixels at once.
        # Golub and Varga 1961, "Chebyshev semi-iterative methods".
        if sweep:
            relaxation = 1 / (1 - how.radius**2 * relaxation / (2 if sweep == 1 else 4))
        before, now = now, torch.lerp(before, balanced, relaxation)
    return now


def _edges(flow: Tensor, smoothness: float) -> tuple[Tensor, Tensor]:
    """How strongly each pixel is tied to the one right of it and to the one below, (B, 1, H, W); 0 at the edge."""
    across = F.pad(flow[..., 1:] - flow[..., :-1], (0, 1))
    down = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
    steepness = (across.square() + down.square()).sum(1, keepdim=True)
    tie = torch.rsqrt(steepness + _SOFT) * (smoothness / 2)
    return F.pad(tie[..., :-1], (0, 1)), F.pad(tie[..., :-1, :], (0, 0, 0, 1))
