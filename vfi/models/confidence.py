"""Confidence: how far a frame made of warped images is to be trusted, place by place, and what it falls back on.

Where the warped images disagree, at least one of them shows the wrong thing, and fine detail is as likely to stand in
the wrong place as in the right one. The frame that errs least is a softer one there: its finest detail fades, and some
of the plain blend of the two frames comes in. How much is learnt from the signs of such places.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flow.models.layers import SLOPE, conv
from flow.padding import crop_to, pad_to_multiple
from flow.window import enlarge
from vfi.choices import Fallback

CELL = 4  # signs and confidence are found on a grid so many times coarser than the frame
SIGNS = 7
SOFTER = (2, 4)  # the frame without the detail that is lost when it is so many times smaller
DOUBT, SURE = 0.3, 0.6  # confidence at and below which a frame is replaced, and from which it stays
SOFTENING = 0.7  # of what the weights say: nine tenths of the gain in squared error, three tenths less detail lost
TRUST = 4.0  # logit that the frame starts with, against the others' zero


class Confidence(nn.Module):
    """Weighs a made frame against the blend of its neighbours and softer versions of itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            conv(SIGNS, width),
            *(
                layer
                for reach in (2, 4)
                for layer in (nn.Conv2d(width, width, 3, padding=reach, dilation=reach), nn.LeakyReLU(SLOPE))
            ),
        )
        self.head = nn.Conv2d(width, 2 + len(SOFTER), 1)
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([TRUST] + [0.0] * (1 + len(SOFTER))))  # type: ignore[union-attr]

    def forward(self, signs: Tensor) -> Tensor:
        """signs (B, SIGNS, h, w) as `find_signs` gives them; returns weights (B, 4, h, w), above 0, sum 1.

        They are of the frame, whose weight is the confidence, of the blend, and of the softer versions.
        """
        return torch.softmax(self.head(self.look(signs)).float(), dim=1)


def find_signs(
    made: Tensor, frames: tuple[Tensor, Tensor], images: list[Tensor], disagreement: Tensor, flows: Tensor
) -> Tensor:
    """Return what tells how far a made frame is to be trusted: (B, SIGNS, H / 4, W / 4), of order one.

    made and frames (B, 3, H, W) in [0, 1]; images: what it was mixed from, the first two warped from either frame;
    disagreement (B, 1, H, W) in pixels, between the motions seen from either frame; flows (B, 4, H, W) to both, pixels.
    """
    # Every second pixel is enough: signs are means over a neighbourhood.
    made, frame0, frame1, *images = (image[..., ::2, ::2].contiguous() for image in (made, *frames, *images))
    steps = F.pad(made, (0, 1, 0, 1), mode="replicate")
    stacked = torch.stack(images)
    mean = stacked.mean(dim=0)
    variance = (stacked - mean).square().sum(dim=0) / (len(images) - 1)  # what `var` does, many times faster
    signs = [
        (images[0] - images[1]).abs(),
        variance * variance.clamp_min(1e-12).rsqrt(),  # its root, whose gradient stays finite where all are the same
        (frame0 - frame1).abs(),
        (steps[..., :-1, 1:] - made).abs() + (steps[..., 1:, :-1] - made).abs(),
        (mean - made).abs(),
    ]
    levels = [255 * sign.mean(dim=1, keepdim=True) for sign in signs]
    flows = flows[..., ::2, ::2]
    motion = (flows[:, 2:] - flows[:, :2]).square().sum(1, keepdim=True).sqrt()
    found = torch.cat([*levels, disagreement[..., ::2, ::2], motion], dim=1).float()
    return torch.log1p(F.avg_pool2d(found, CELL // 2, ceil_mode=True)) / 2


class Remedy(NamedTuple):
    """Where a frame is not to be trusted, and what comes in there."""

    keep: Tensor  # (B, 1, H, W): what share of the frame stays
    rest: Tensor | None  # (B, 3, H, W): what is added to that; None for the blend or the nearer one of its neighbours
    fallback: Fallback
    soft: Tensor | None = None  # (B, 3, H, W): what softer versions of the frame add
    softness: Tensor | None = None  # (B, 1, H, W): their share

    def sharp(self) -> "Remedy":
        """Return the same without softer versions: they are softer by pixels of this grid, too many of a larger one."""
        if self.softness is None:
            return self
        return Remedy(self.keep + self.softness, self.rest, self.fallback)


def find_remedy(
    made: Tensor,
    frames: tuple[Tensor, Tensor],
    t: Tensor,
    weights: Tensor,
    fallback: Fallback,
    share: float = SOFTENING,
) -> Remedy | None:
    """Return what becomes of a frame, None if nothing.

    made, frames (B, 3, H, W); t (B, 1, 1, 1); weights (B, 4, h, w), as `Confidence` finds them; share: how far a soft
    fallback goes towards what they say.
    """
    if fallback == "off":
        return None
    size = (made.shape[-2], made.shape[-1])
    weights = enlarge(weights, size)
    if fallback != "soft":
        return Remedy(((weights[:, :1] - DOUBT) / (SURE - DOUBT)).clamp(0, 1), None, fallback)
    weights = share * weights
    padded, soft = pad_to_multiple(made, max(SOFTER)), torch.zeros_like(made)
    for i, times in enumerate(SOFTER, start=2):
        large = enlarge(F.avg_pool2d(padded, times), (padded.shape[-2], padded.shape[-1]))
        soft = torch.addcmul(soft, crop_to(large, size), weights[:, i : i + 1])
    rest, softness = torch.lerp(*frames, t) * weights[:, 1:2], weights[:, 2:].sum(dim=1, keepdim=True)
    return Remedy(1 - share + weights[:, :1], rest, fallback, soft, softness)


def fall_back(made: Tensor, frames: tuple[Tensor, Tensor], t: Tensor, remedy: Remedy) -> Tensor:
    """Return the frame (B, 3, H, W) with what is not to be trusted in it replaced; all of one size."""
    if remedy.rest is not None:
        kept = torch.addcmul(remedy.rest, made, remedy.keep)
        return kept if remedy.soft is None else kept + remedy.soft
    other = torch.lerp(*frames, t) if remedy.fallback == "blend" else torch.where(t < 0.5, *frames)
    return torch.lerp(other, made, remedy.keep)


def substitute(remedy: Remedy, t: Tensor) -> Tensor | None:
    """Return how much of its neighbours as they stand a frame at t has, (B, 2, H, W); None if only softened ones."""
    if remedy.rest is not None:
        return None
    shares = torch.cat([1 - t, t], dim=1)
    return (1 - remedy.keep) * (shares if remedy.fallback == "blend" else shares.round())
