"""Features that are to be compared, taught by what corresponds to what: a loss of their own for FlowNetC's.

End-point errors tell the features of a correlation what to look like only through the whole decoder, and for long next
to nothing. Which displacement is the true one they can be asked directly: softmax over the matches at all of them, and
cross-entropy. Source: Oord 2018, arXiv:1807.03748 (InfoNCE), with the other displacements as what is not to match.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flow.models.correlation import wide_correlation
from flow.models.flownet_c import STRIDE, CorrelationNetwork

GRID = 8  # pixels of the frames to one of the features
RADIUS = (
    5  # of the displacements asked about, in strides: 80 pixels of the frames; the network's own reach twice as far
)
SHARPNESS = 8.0  # times the mean product of features, before softmax
EVEN = 0.2  # weight of the penalty on features whose lengths are not near one

SMOOTH = 1.5  # pixels: of the first filters
_GAINS = {"conv1": 5.0, "conv2": 1.2, "conv3": 1.2}  # what keeps signals' strength without a mean


def correspondence_loss(features0: Tensor, features1: Tensor, flow: Tensor, valid: Tensor) -> Tensor:
    """Return how badly features tell the true displacement from others, in nats, a scalar.

    features (B, C, h, w) of either frame, on a grid eight times coarser than the flow 0->1, (B, 2, H, W) in pixels;
    valid (B, 1, H, W), 0 where it is unknown. Matches are of features of length one, since bright places would match
    everywhere; that all have about that length is asked as well, since the network compares them as they are.

    >>> features, still = torch.randn(1, 64, 8, 8), torch.zeros(1, 2, 64, 64)
    >>> right, wrong = (correspondence_loss(features, f, still, still[:, :1] + 1) for f in (features, features.flip(3)))
    >>> right.item() < 1 < wrong.item()
    True
    """
    features0, features1 = features0.float(), features1.float()
    lengths = [features.square().mean(dim=1, keepdim=True) + 1e-4 for features in (features0, features1)]
    uneven = sum(length.log().square().mean() for length in lengths) / 2
    matches = wide_correlation(features0 / lengths[0].sqrt(), features1 / lengths[1].sqrt(), RADIUS, STRIDE)
    shares = F.log_softmax(SHARPNESS * matches, dim=1)
    side = 2 * RADIUS + 1
    place = F.avg_pool2d(flow, GRID) / (GRID * STRIDE) + RADIUS
    known = F.avg_pool2d((valid != 0).float(), GRID)[:, 0] > 0.99
    known = known & (place >= 0).all(dim=1) & (place < side - 1).all(dim=1)
    place = place.clamp(0, side - 1.001)
    column, row = place.floor().long().unbind(dim=1)
    right, below = (place - place.floor()).unbind(dim=1)
    first = row * side + column
    missed = torch.zeros_like(right)
    # Between displacements the truth is shared among the four around it.
    for step, share in (
        (0, (1 - right) * (1 - below)),
        (1, right * (1 - below)),
        (side, (1 - right) * below),
        (side + 1, right * below),
    ):
        missed = missed - share * shares.gather(1, (first + step)[:, None])[:, 0]
    return missed.where(known, 0).sum() / known.sum().clamp(min=1) + EVEN * uneven


@torch.no_grad()
def begin_smoothly(model: nn.Module) -> None:
    """Make the first filters of a new `CorrelationNetwork` smooth ones without a mean: what looks alike matches.

    Noise, which random filters look at, moves with nothing.
    """
    for name, gain in _GAINS.items():
        weight = getattr(model, name)[0].weight
        smooth = _smoothed(weight)
        # Of the frames only each colour's own mean is without meaning.
        smooth -= smooth.mean(dim=(2, 3) if name == "conv1" else (1, 2, 3), keepdim=True)
        weight.copy_(gain * smooth)


def _smoothed(weight: Tensor) -> Tensor:
    """Filters (O, I, k, k) blurred, faded towards their edges, and as strong as they were."""
    side = weight.shape[-1]
    places = torch.arange(side) - side // 2
    blur, window = (torch.exp(-(places.float() ** 2) / (2 * width**2)) for width in (SMOOTH, side / 3.5))
    blur /= blur.sum()
    kernel = (blur[:, None] * blur)[None, None]
    blurred = F.conv2d(weight.reshape(-1, 1, side, side), kernel, padding=side // 2).reshape(weight.shape)
    blurred = blurred * window[:, None] * window
    return blurred * (weight.std() / blurred.std())


def can_match(model: nn.Module) -> bool:
    """Tell whether a network compares features of either frame that this can teach."""
    return isinstance(model, CorrelationNetwork)
