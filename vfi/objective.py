"""What a model is trained to minimise on a batch."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flow.models.intermediate import STRIDE, IntermediateFlows
from flow.padding import pad_to_multiple
from flow.warp import resize, resize_flows
from vfi.corpus import Batch
from vfi.losses import Loss, laplacian
from vfi.models.flow_fusion import FlowFusion, blend, warp_both


@dataclass(frozen=True)
class Weights:
    """How much each part of flow fusion's loss counts."""

    frame: float = 1.0  # of the fused frame; at 0 the U-Net is left out and only the flow is trained
    levels: float = 0.5  # of the finest level's blend; each coarser one half of that
    teacher: float = 0.02  # of the distance to the teacher's flows, per pixel of a level's grid


def objective(model: nn.Module, batch: Batch, loss: Loss, weights: Weights) -> Tensor:
    """Return the loss of a model on a batch, a scalar.

    Any model is judged by its frame. Flow fusion also by the blend of the warped frames at every level
    of its pyramid (deep supervision, by Laplacian L1) and, where the batch brings a teacher, by its flows.
    """
    if not isinstance(model, FlowFusion):
        return loss(model(batch.before, batch.after, batch.t), batch.middle)
    pair = model.prepare(batch.before, batch.after, batch.start)
    motion = model.motion(pair, batch.t)
    total = torch.zeros((), device=batch.t.device)
    if weights.frame:
        total = total + weights.frame * loss(model.fuse(pair, motion, batch.t).frame, batch.middle)
    if not (weights.levels or weights.teacher):
        return total
    weight = weights.levels
    target = resize(batch.middle, pair.grid)
    first, last, target = (pad_to_multiple(frame, pair.multiple) for frame in (*pair.small, target))
    frames = first, last
    for level in reversed(motion.levels):
        if weight:
            made = blend(warp_both(frames, level.flows), level.mask.float() + torch.logit(batch.t))
            total = total + weight * laplacian(made, target)
        if weights.teacher and batch.flows is not None and batch.valid is not None:
            total = total + weights.teacher * _teacher_distance(level, batch.flows, batch.valid)
        weight /= 2
        frames = (F.avg_pool2d(frames[0], 2), F.avg_pool2d(frames[1], 2))
        target = F.avg_pool2d(target, 2)
    return total


def _teacher_distance(level: IntermediateFlows, flows: Tensor, valid: Tensor) -> Tensor:
    """Mean end-point distance on the level's own grid, where the teacher holds; in pixels of that grid."""
    height, width = level.flows.shape[-2] // STRIDE, level.flows.shape[-1] // STRIDE
    found = resize_flows(level.flows, (height, width))
    taught = resize_flows(flows, (height, width))
    sure = F.interpolate(valid, size=(height, width), mode="area")
    distance = (found - taught).unflatten(1, (2, 2)).square().sum(2).add(1e-4).sqrt()
    return (distance * sure).mean()
