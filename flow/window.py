"""Windows: rectangular parts of images too large to be worked on whole."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Window(NamedTuple):
    """A part of a grid, in its pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def of(self, image: Tensor) -> Tensor:
        """Return what is seen in it of an image (..., H, W)."""
        return image[(..., *self.slices)]

    def grown(self, size: tuple[int, int], rows: int, columns: int, multiple: int = 1) -> "Window":
        """Return it with so many more rows and columns on each side, but for what lies outside a grid of ``size``.

        It begins and, unless the grid does, ends at multiples.

        >>> Window(8, 8, 4, 4).grown((16, 14), 3, 3, 4)
        Window(top=4, left=4, height=12, width=10)
        """
        edges = []
        for first, count, more, side in zip((self.top, self.left), self.size, (rows, columns), size, strict=True):
            begin = max(0, first - more) // multiple * multiple
            edges.append((begin, min(side, -(-(first + count + more) // multiple) * multiple)))
        (top, bottom), (left, right) = edges
        return Window(top, left, bottom - top, right - left)

    def within(self, other: "Window") -> "Window":
        """Return it as a part of another window."""
        return self._replace(top=self.top - other.top, left=self.left - other.left)

    def scaled(self, size: tuple[int, int], grid: tuple[int, int]) -> "Window":
        """Return what of a smaller ``grid`` it is interpolated from if that is enlarged to ``size``."""
        edges = []
        for first, count, side, small in zip((self.top, self.left), self.size, size, grid, strict=True):
            begin, end = max(0, first * small // side - 1), min(small, -(-(first + count) * small // side) + 1)
            edges.append((begin, end - begin))
        (top, height), (left, width) = edges
        return Window(top, left, height, width)


class Place(NamedTuple):
    """Where a tile lies in a whole image, and from how far around it there are pixels."""

    whole: tuple[int, int]  # height and width
    tile: Window
    around: Window

    @property
    def corner(self) -> tuple[int, int]:
        """Where the tile begins in the pixels from around it (row, column)."""
        return self.tile.top - self.around.top, self.tile.left - self.around.left

    def of(self, images: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return what the tile shows of pixels from around it."""
        seen = self.tile.within(self.around)
        return seen.of(images[0]), seen.of(images[1])


def enlarge(image: Tensor, size: tuple[int, int], window: Window | None = None) -> Tensor:
    """Return the image (B, C, h, w) enlarged to ``size`` (height, width), bilinearly, or what a window sees of that.

    >>> image = torch.rand(1, 1, 3, 4)
    >>> part = enlarge(image, (7, 8), Window(2, 1, 4, 5))
    >>> torch.allclose(part, F.interpolate(image, size=(7, 8), mode="bilinear")[..., 2:6, 1:6], atol=1e-5)
    True
    """
    if (image.shape[-2], image.shape[-1]) == tuple(size):
        return image if window is None else window.of(image)
    top, left, height, width = window or (0, 0, *size)
    # By sampling, of which a window is no special case, and which is the fastest way in OpenVINO.
    x = (torch.arange(width, device=image.device) + (left + 0.5)) * (2 / size[1]) - 1
    y = (torch.arange(height, device=image.device) + (top + 0.5)) * (2 / size[0]) - 1
    places = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)
    places = places.expand(image.shape[0], height, width, 2)
    enlarged = F.grid_sample(image.float(), places, mode="bilinear", padding_mode="border", align_corners=False)
    return enlarged.to(image.dtype)


def enlarge_flow(flow: Tensor, size: tuple[int, int], window: Window | None = None) -> Tensor:
    """Return what `enlarge` does of a flow (B, 2, h, w), its vectors scaled along with the grid."""
    height, width = flow.shape[-2:]
    if (height, width) != tuple(size):
        flow = torch.cat([flow[:, :1] * (size[1] / width), flow[:, 1:] * (size[0] / height)], dim=1)
    return enlarge(flow, size, window)
