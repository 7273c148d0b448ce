"""Descriptor matching of many pairs at once, on whatever device they are: what `flow.matching` does for one pair.

It looks for the same things by the same rules and constants. What that leaves out because there is nothing to do, this
does in vain and masks, and the number of places matched is bounded beforehand: no shape depends on what the images
show, and a GPU never waits for the host.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from flow.matching import ALIKE, BETTER, FAINT, LINES, PATCH, QUERIES, SMALLEST, UNEXPLAINED, WAVES
from flow.sampling import Sampler

_STEPS = 16  # coarsest grid of places to match
_MOST = QUERIES + QUERIES // 2  # places matched at most; a grid may catch more of what is lost than its share


def match_lost_of_batch(first: Tensor, second: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Return the flows with matches in the places that they lost, and of which pairs anything was matched.

    first, second: (B, 3, H, W) in levels of 255; flow: (B, 2, H, W) from the first to the second, in pixels. Returns
    (B, 2, H, W) and (B, 1, 1, 1) bool; flows of the other pairs are as they were. Matches are coarse, a guess for an
    estimator to refine: those that are found both ways and explain the image clearly better than the flow does.
    """
    height, width = flow.shape[-2:]
    scale = max(1, round(min(height, width) / LINES))
    size = max(1, round(height / scale)), max(1, round(width / scale))
    sampler = Sampler(second)
    left = _unexplained(first, sampler, flow, PATCH * scale)
    lost = F.interpolate((left > UNEXPLAINED).float(), size, mode="area")[:, 0] > 0.5
    queries, known, step = _spread(lost)
    matched, shifts = _match(_descriptors(first, size), _descriptors(second, size), queries, known, size)
    # A match holds for its cell of the grid of queries.
    rows, columns = (torch.arange(side, device=flow.device) for side in size)
    down, across = (
        torch.minimum(_on_grid(places, step), places.new_full((), len(places) - 1)) for places in (rows, columns)
    )
    cell = (down[:, :, None] * size[1] + across[:, None]).flatten(1)
    cells = torch.cat([shifts, matched[:, None].float()], dim=1).gather(2, cell[:, None].expand(-1, 3, -1))
    cells = F.interpolate(cells.unflatten(2, size), (height, width), mode="nearest-exact")
    guess = torch.cat([cells[:, :1] * (width / size[1]), cells[:, 1:2] * (height / size[0])], dim=1)
    better = (cells[:, 2:] > 0.5) & (_unexplained(first, sampler, guess, 2 * scale + 1) < BETTER * left)
    better = _without_specks(better.float()) > 0.5
    return torch.where(better, guess, flow), better.flatten(1).any(1)[:, None, None, None]


def _unexplained(first: Tensor, second: Sampler, flow: Tensor, window: int) -> Tensor:
    """Mean difference in a window around each pixel, in levels (B, 1, H, W), between the image and what flow finds."""
    difference = (second.dense(flow) - first).abs().mean(1, keepdim=True)
    before, after = window // 2, window - 1 - window // 2
    padded = F.pad(difference, (before, after, before, after), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(padded, (1, window), 1), (window, 1), 1)


def _on_grid(places: Tensor, step: Tensor) -> Tensor:
    """Return which place of a grid of this step (B, 1) stands for each one (N,): (B, N)."""
    return places // step * step + step // 2


def _spread(lost: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return indices (B, N) of lost places (B, h, w) on the sparsest grid that they need, and its step (B, 1).

    Which of the indices are of such places is second, (B, N) bool: there may be fewer of them.
    """
    count = lost.flatten(1).sum(1, keepdim=True)
    step = (count / QUERIES).sqrt().ceil().clamp(1, _STEPS).long()
    height, width = lost.shape[-2:]
    rows, columns = (torch.arange(side, device=lost.device) for side in (height, width))
    chosen = lost & (_on_grid(rows, step) == rows)[:, :, None] & (_on_grid(columns, step) == columns)[:, None]
    # Chosen places come first, in order, by keys that no two places share.
    order = torch.arange(height * width, device=lost.device)
    keys = torch.where(chosen.flatten(1), order, order + height * width)
    keys, queries = keys.topk(min(_MOST, height * width), largest=False)
    return queries, keys < height * width, step


def _descriptors(images: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, H * W, len(WAVES)): what each patch has of every wave, at unit length unless it is flat."""
    margin = PATCH // 2
    small = F.pad(F.interpolate(images, size, mode="area"), (margin,) * 4, mode="replicate")
    found = F.conv2d(small, torch.from_numpy(WAVES).to(small)).flatten(2)
    return (found / (found.norm(dim=1, keepdim=True) + FAINT)).transpose(1, 2).contiguous()


def _match(
    first: Tensor, second: Tensor, queries: Tensor, known: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Which places are matched (B, h * w), and by how much they are shifted there (B, 2, h * w) float32."""
    width = size[1]
    likeness, found = (_taken(first, queries) @ second.transpose(1, 2)).max(2)
    returned = (_taken(second, found) @ first.transpose(1, 2)).argmax(2)
    mutual = ((returned % width - queries % width).abs() <= 1) & ((returned // width - queries // width).abs() <= 1)
    good = known & mutual & (likeness > ALIKE)
    shift = torch.stack([found % width - queries % width, found // width - queries // width], dim=1).float()
    places = first.new_zeros(len(first), 3, first.shape[1])
    values = torch.cat([shift, good[:, None].float()], dim=1) * good[:, None]
    places = places.scatter(2, queries[:, None].expand(-1, 3, -1), values)
    return places[:, 2] > 0.5, places[:, :2]


def _taken(descriptors: Tensor, places: Tensor) -> Tensor:
    return descriptors.gather(1, places[..., None].expand(-1, -1, descriptors.shape[-1]))


def _without_specks(mask: Tensor) -> Tensor:
    """Return the mask (B, 1, H, W) of 0 and 1 without what is smaller than `SMALLEST` in either direction."""
    eroded = -F.max_pool2d(-mask, SMALLEST, 1, SMALLEST // 2)
    return F.max_pool2d(eroded, SMALLEST, 1, SMALLEST // 2)
