"""Correlation layer: how well each feature of one image fits its neighbours in the other."""

import torch
from torch import Tensor
from torch.nn import functional as F

from flow.warp import is_exporting

BLOCK = 16  # columns that meet each other in one product of matrices, and those around them


def correlation(features0: Tensor, features1: Tensor, radius: int, stride: int = 1) -> Tensor:
    """Return the mean product over channels for every displacement within ``radius * stride`` pixels.

    features (B, C, H, W); returns (B, (2 * radius + 1) ** 2, H, W), displacements row by row from the
    top left. Outside the image features are zero. Source: Dosovitskiy 2015, arXiv:1504.06852, eq. 1.

    >>> correlation(torch.ones(1, 4, 3, 3), torch.ones(1, 4, 3, 3), radius=1)[0, :, 1, 1]
    tensor([1., 1., 1., 1., 1., 1., 1., 1., 1.])
    """
    if is_exporting() and stride == 1 and 2 * radius <= BLOCK:
        return blocked_correlation(features0, features1, radius)
    height, width = features0.shape[-2:]
    reach = radius * stride
    padded = F.pad(features1, (reach, reach, reach, reach))
    offsets = range(0, 2 * reach + 1, stride)
    return torch.stack(
        [(features0 * padded[..., dy : dy + height, dx : dx + width]).mean(1) for dy in offsets for dx in offsets],
        dim=1,
    )


def blocked_correlation(features0: Tensor, features1: Tensor, radius: int) -> Tensor:
    """Return the same as `correlation` of stride 1 and a radius up to half a `BLOCK`, in the few steps OpenVINO likes.

    Blocks of a row are multiplied with what is around them in the other image, and a band of the products is kept.
    """
    (batch, channels, height, width), count = features0.shape, 2 * radius + 1
    spare = -width % BLOCK
    blocks = F.pad(features0 / channels, (0, spare)).permute(0, 2, 3, 1)
    blocks = blocks.reshape(batch, height, -1, BLOCK, channels)
    padded = F.pad(features1, (radius, BLOCK - radius + spare, radius, radius))
    here, next_block = (
        part.reshape(batch, channels, height + 2 * radius, -1, BLOCK)
        for part in (padded[..., :-BLOCK], padded[..., BLOCK:])
    )
    around = torch.cat([here, next_block[..., : 2 * radius]], dim=4).permute(0, 2, 3, 1, 4)
    products = torch.stack([blocks @ around[:, dy : dy + height] for dy in range(count)], dim=1)
    # What x meets at x + dx lies one step right and one step down at once, as in `wide_correlation`.
    skewed = F.pad(products.flatten(4), (0, BLOCK)).reshape(batch, count, height, -1, BLOCK, BLOCK + count)
    bands = skewed[..., :count].permute(0, 1, 5, 2, 3, 4)
    return bands.reshape(batch, count**2, height, -1)[..., :width]


def wide_correlation(features0: Tensor, features1: Tensor, radius: int, stride: int = 1) -> Tensor:
    """Return the same as `correlation`; several times faster where the radius is large, slower where it is small.

    Every row is multiplied with a whole row of the other image, and a band of the products is kept: matrix products
    are that much faster, forward and backward. float32 even under autocast.
    """
    batch, channels, height, width = features0.shape
    reach = radius * stride
    with torch.autocast(features0.device.type, enabled=False):
        # What is at x meets what is whole strides away alone, so that every phase of x is an image of stride 1.
        spare = -width % stride
        across = (width + spare) // stride
        # One row of zeros more, so that a diagonal of the products becomes a column of the same numbers laid out anew.
        rows0 = F.pad(_phases(F.pad(features0.float() / channels, (0, spare)), stride), (0, 0, 0, 1))
        rows1 = _phases(F.pad(features1.float(), (reach, reach + spare, reach, reach)), stride)
        rows1 = rows1.transpose(3, 4).contiguous()
        skew = across + 2 * radius + 1
        bands = []
        for dy in range(0, 2 * reach + 1, stride):
            products = rows0 @ rows1[:, dy : dy + height]  # (B, H, phase, x of 0, padded x of 1)
            # What x meets at x + dx lies one step right and one step down at once.
            skewed = products.flatten(3).narrow(3, 0, across * skew).reshape(batch, height, stride, across, skew)
            bands.append(skewed[..., : 2 * radius + 1].permute(0, 4, 1, 3, 2).flatten(3)[..., :width])
        return torch.cat(bands, dim=1)


def _phases(features: Tensor, stride: int) -> Tensor:
    """Return features (B, C, H, W) as (B, H, phase, x, C), their columns by what is left of x after whole strides."""
    return features.reshape(*features.shape[:3], -1, stride).permute(0, 2, 4, 3, 1)
