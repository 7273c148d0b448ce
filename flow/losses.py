"""Losses of optical flow: how far an estimate is from the truth, at full size or at every level of a decoder.

Flows are (B, 2, H, W) float32 in pixels; valid is (B, 1, H, W), not 0 where the truth is known.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = (0.005, 0.01, 0.02, 0.08, 0.32)  # of the levels, finest (a quarter of the frame's size) to coarsest
REDUCTIONS = ("sum", "mean")


def endpoint_loss(estimate: Tensor, truth: Tensor, valid: Tensor | None = None, reduction: str = "mean") -> Tensor:
    """Return the end-point error: the mean over known pixels, or the sum over them divided by the size of the batch.

    estimate, truth (B, 2, H, W), valid (B, 1, H, W) or None for all; returns a scalar in the unit of the flows, 0 if
    no pixel is known. Raises ValueError if the sizes differ or the reduction is neither mean nor sum.

    >>> estimate, truth = torch.tensor([3., 4.]).view(1, 2, 1, 1).expand(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)
    >>> endpoint_loss(estimate, truth).item(), endpoint_loss(estimate, truth, reduction="sum").item()
    (5.0, 10.0)
    """
    if estimate.shape != truth.shape or (valid is not None and valid.shape[-2:] != truth.shape[-2:]):
        sizes = [tuple(tensor.shape) for tensor in (estimate, truth, valid) if tensor is not None]
        raise ValueError(f"estimate, truth and valid differ in size: {sizes}; bring them to one")
    if reduction not in REDUCTIONS:
        raise ValueError(f"unknown reduction {reduction!r}: use {' or '.join(REDUCTIONS)}")
    # The norm's gradient at 0 is 0, where that of a square root would be infinite.
    error = torch.linalg.vector_norm(estimate.float() - truth, dim=1, keepdim=True)
    if valid is not None:
        known = valid != 0
        error = error.where(known, 0)
        count = known.sum()
    else:
        count = error.new_tensor(error.numel())
    total = error.sum()
    return total / count.clamp(min=1) if reduction == "mean" else total / len(truth)


def multiscale_loss(
    levels: Sequence[Tensor],
    truth: Tensor,
    valid: Tensor | None = None,
    *,
    weights: Sequence[float] = WEIGHTS,
    div_flow: float = 20.0,
    sparse: bool = False,
    reduction: str = "sum",
) -> Tensor:
    """Return the weighted sum of the end-point errors of all levels, in units of ``div_flow`` pixels.

    levels (B, 2, h, w), finest first, on ever coarser grids but in pixels of the frames, as `FlowNet.levels` returns
    them; truth (B, 2, H, W); valid (B, 1, H, W) or None for all. The truth is brought to each grid: averaged over the
    known pixels, or if ``sparse``, as KITTI's is, by what is largest. Of the weights, finest first, those are used that
    there are levels for. The reduction "sum" adds up the pixels of a level and divides by the size of the batch, as
    FlowNetPytorch does, so that a level of half the size counts a quarter on top of its weight; "mean" takes the mean
    over known pixels, as the NVIDIA form does. Raises ValueError if a level has no weight or another batch.
    Sources: Dosovitskiy 2015, arXiv:1504.06852; FlowNetPytorch (multiscaleloss.py), whose weights these are.

    >>> levels = [torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 1, 1)]
    >>> truth = torch.full((1, 2, 4, 4), 20.0)
    >>> loss = multiscale_loss(levels, truth, weights=(1.0, 10.0))  # 4 pixels and 1, each off by the root of 2
    >>> round(loss.item() / 2 ** 0.5, 4)
    14.0
    """
    if not levels or len(levels) > len(weights):
        raise ValueError(f"there are {len(levels)} levels and {len(weights)} weights: give one for each, finest first")
    known = truth.new_ones(len(truth), 1, *truth.shape[-2:]) if valid is None else (valid != 0).to(truth.dtype)
    truth = truth.where(known > 0, 0)
    total = truth.new_zeros(())
    for level, weight in zip(levels, weights, strict=False):
        size = (level.shape[-2], level.shape[-1])
        pooled, pooled_valid = _pool(truth, known, size, sparse)
        total = total + weight * endpoint_loss(level / div_flow, pooled / div_flow, pooled_valid, reduction)
    return total


def pool_flow(flow: Tensor, valid: Tensor, size: tuple[int, int], *, sparse: bool = False) -> tuple[Tensor, Tensor]:
    """Return the flow on a coarser grid of ``size`` (height, width), its values as they are, and where it is known.

    flow (B, 2, H, W); valid (B, 1, H, W), 0 or 1; returns (B, 2, h, w) and (B, 1, h, w). A pixel is known if any of
    those that it covers is. Its flow is their mean, or if ``sparse`` in each direction the largest positive less the
    largest negative one, which a mean over few would blur. Source: FlowNetPytorch, sparse_max_pool.

    >>> flow = torch.tensor([[[[4., 99.], [2., 99.]], [[-1., 99.], [-3., 99.]]]])
    >>> valid = torch.tensor([[[[1., 0.], [1., 0.]]]])
    >>> [pool_flow(flow, valid, (1, 1), sparse=sparse)[0].flatten().tolist() for sparse in (False, True)]
    [[3.0, -2.0], [4.0, -3.0]]
    """
    return _pool(flow.where(valid > 0, 0), valid, size, sparse)


def _pool(flow: Tensor, valid: Tensor, size: tuple[int, int], sparse: bool) -> tuple[Tensor, Tensor]:
    """As `pool_flow`, of a flow that is 0 where unknown."""
    share = F.adaptive_avg_pool2d(valid, size)
    known = (share > 0).to(valid.dtype)
    if sparse:
        return F.adaptive_max_pool2d(flow.clamp(min=0), size) - F.adaptive_max_pool2d(-flow.clamp(max=0), size), known
    return F.adaptive_avg_pool2d(flow, size) / share.clamp(min=1e-6), known
