"""From the flows between two frames to the flows from a time t between them.

Flows are (B, 2, H, W) float32 in pixels, dx then dy; times are (B, 1, 1, 1) in (0, 1). A motion is a flow 0->1 as
it is seen from time t: what is at x at that time was at x - t m(x) and will be at x + (1 - t) m(x).
"""

import torch
from torch import Tensor

from flow.warp import backward_warp

STEPS = 2  # more change nothing that can be measured on real video


def motions_at(flow01: Tensor, flow10: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the motion at time t by the word of either flow; they differ where only one frame sees what is there.

    The first one solves m(x) = flow01(x - t m(x)), the second m(x) = -flow10(x + (1 - t) m(x)), by fixed-point
    iteration: no splatting, and thus no holes. Source: Chen 2008, "A simple fixed-point approach to invert a
    deformation field".
    """
    batch = flow01.shape[0]
    motion = fixed_points(torch.cat([flow01, flow10]), torch.cat([t, 1 - t]))
    return motion[:batch], -motion[batch:]


def fixed_points(flow: Tensor, since: Tensor) -> Tensor:
    """Return the motions of `motions_at` both ways at once, (2B, 2, H, W): the second half as frame 1 sees it.

    flow (2B, 2, H, W): the flows 0->1, then those 1->0; since (2B, 1, 1, 1): the time from the frame they leave.
    """
    # At an object's edge there are two solutions: what passes in front, and the ground that it hides. Where one flow
    # is still ground the other has the object already: to begin with the other one's word finds what is in front.
    motion = -turned(flow)
    for _ in range(STEPS):
        motion = backward_warp(flow, -since * motion)
    return motion


def turned(both: Tensor) -> Tensor:
    """Return both halves of a batch (2B, ...) in the other order: to each way that of the other."""
    half = both.shape[0] // 2
    return torch.cat([both[half:], both[:half]])


def intermediate_flows(motion: Tensor, t: Tensor, bend: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the flows t->0 and t->1 of a motion; bend: what both have more than along a straight way, if anything.

    >>> right = torch.tensor([4.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 8, 8)
    >>> back, on = intermediate_flows(right, torch.full((1, 1, 1, 1), 0.25))
    >>> back[0, 0, 4, 4].item(), on[0, 0, 4, 4].item()
    (-1.0, 3.0)
    """
    back, on = -t * motion, (1 - t) * motion
    return (back, on) if bend is None else (back + bend, on + bend)


def coverage(flow: Tensor) -> Tensor:
    """Return how far the pixels that leave along a flow cover each pixel of the frame they reach.

    flow (B, 2, H, W); returns (B, 1, H, W) in [0, 1]: 0 where nothing arrives, as behind an object that moved away
    and where the camera pans to. Source: Wang 2018, arXiv:1711.05890 (range map).

    >>> coverage(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3))
    tensor([[[[0., 1., 1.]]]])
    """
    return splat(flow.new_ones(flow.shape[0], 1, *flow.shape[-2:]), flow).clamp(max=1)


def splat(values: Tensor, flow: Tensor) -> Tensor:
    """Return the sums of what leaves along a flow at each pixel that it reaches, shared among its four neighbours.

    values (B, C, H, W), flow (B, 2, H, W); returns (B, C, H, W).
    """
    batch, channels, height, width = values.shape
    # What leaves the frame falls into the first row and column, or the last two.
    rows, columns = height + 3, width + 3
    x = (flow[:, 0] + torch.arange(1, width + 1, device=flow.device)).clamp(0, width + 1)
    y = (flow[:, 1] + torch.arange(1, height + 1, device=flow.device)[:, None]).clamp(0, height + 1)
    left, top = x.long(), y.long()
    right_share, lower_share = (x - left).flatten(), (y - top).flatten()
    pixel = (torch.arange(batch, device=flow.device).view(-1, 1, 1) * rows + top).mul_(columns).add_(left).flatten()
    value = values.transpose(0, 1).flatten(1)
    arrived = flow.new_zeros(channels, batch * rows * columns)
    for first, share in ((0, value * (1 - lower_share)), (columns, value * lower_share)):
        on_right = share * right_share
        arrived.scatter_add_(1, (pixel + first).expand(channels, -1), share - on_right)
        arrived.scatter_add_(1, (pixel + (first + 1)).expand(channels, -1), on_right)
    return arrived.view(channels, batch, rows, columns)[..., 1:-2, 1:-2].transpose(0, 1)
