"""Correlation layer: how well each feature of one image fits its neighbours in the other."""

import torch
from torch import Tensor
from torch.nn import functional as F


def correlation(features0: Tensor, features1: Tensor, radius: int, stride: int = 1) -> Tensor:
    """Return the mean product over channels for every displacement within ``radius * stride`` pixels.

    features (B, C, H, W); returns (B, (2 * radius + 1) ** 2, H, W), displacements row by row from the
    top left. Outside the image features are zero. Source: Dosovitskiy 2015, arXiv:1504.06852, eq. 1.

    >>> correlation(torch.ones(1, 4, 3, 3), torch.ones(1, 4, 3, 3), radius=1)[0, :, 1, 1]
    tensor([1., 1., 1., 1., 1., 1., 1., 1., 1.])
    """
    height, width = features0.shape[-2:]
    reach = radius * stride
    padded = F.pad(features1, (reach, reach, reach, reach))
    offsets = range(0, 2 * reach + 1, stride)
    return torch.stack(
        [(features0 * padded[..., dy : dy + height, dx : dx + width]).mean(1) for dy in offsets for dx in offsets],
        dim=1,
    )
