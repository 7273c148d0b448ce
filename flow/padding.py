"""Pad images to a multiple of a network's stride, and crop its output back."""

import torch
from torch import Tensor
from torch.nn import functional as F


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Return the image (B, C, H, W) with its right and bottom border repeated up to a multiple.

    >>> import torch
    >>> pad_to_multiple(torch.zeros(1, 3, 5, 8), 4).shape[-2:]
    torch.Size([8, 8])
    """
    height, width = image.shape[-2:]
    # As multiples, not as remainders: an export reckons with these as symbols, and all grids below stay simple terms.
    bottom, right = ((side + multiple - 1) // multiple * multiple - side for side in (height, width))
    if not torch.compiler.is_compiling() and not torch.jit.is_tracing() and bottom == right == 0:
        return image  # padding by nothing would copy it
    return F.pad(image, (0, right, 0, bottom), mode="replicate")


def crop_to(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the top left ``size`` (height, width) of an image (B, C, H, W): undoes the padding."""
    # Unlike a slice, this tells an export to files the size without a look at its value.
    return image.narrow(-2, 0, size[0]).narrow(-1, 0, size[1])
