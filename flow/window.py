"""Windows: rectangular parts of images too large to be worked on whole."""

from typing import NamedTuple

import torch
from torch import Tensor

from flow.warp import resize


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

    def corner(self, stride: int = 1) -> tuple[int, int]:
        """Return where the tile begins in the pixels from around it (row, column), on a grid so many times coarser."""
        return (self.tile.top - self.around.top) // stride, (self.tile.left - self.around.left) // stride

    def of(self, images: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return what the tile shows of pixels from around it."""
        seen = self.tile.within(self.around)
        return seen.of(images[0]), seen.of(images[1])


def resize_window(
    image: Tensor,
    size: tuple[int, int],
    window: Window,
    grid: tuple[int, int] | None = None,
    corner: tuple[int, int] = (0, 0),
) -> Tensor:
    """Return what a window sees of an image (B, C, h, w) enlarged to ``size`` by `flow.warp.resize`.

    Of an image on a larger ``grid`` the part from a ``corner`` (row, column) on will do, if it goes beyond the window.

    >>> image = torch.rand(1, 1, 3, 4)
    >>> part = resize_window(image, (7, 8), Window(2, 1, 4, 5))
    >>> torch.allclose(part, resize(image, (7, 8))[..., 2:6, 1:6])
    True
    """
    grid = grid or (image.shape[-2], image.shape[-1])
    if grid == size:
        return window.of(image)
    if window.size == size:
        return resize(image, size)
    low, high, share = _sources(grid[0], size[0], window.top, window.height, image.device)
    low, high = ((place - corner[0]).clamp(0, image.shape[-2] - 1) for place in (low, high))
    rows = torch.lerp(image[..., low, :].float(), image[..., high, :].float(), share[:, None])
    low, high, share = _sources(grid[1], size[1], window.left, window.width, image.device)
    low, high = ((place - corner[1]).clamp(0, image.shape[-1] - 1) for place in (low, high))
    return torch.lerp(rows[..., low], rows[..., high], share).to(image.dtype)


def resize_flow_window(flow: Tensor, size: tuple[int, int], window: Window) -> Tensor:
    """Return what a window sees of a flow (B, 2, h, w) enlarged to ``size`` by `flow.warp.resize_flow`."""
    height, width = flow.shape[-2:]
    scale = flow.new_tensor([size[1] / width, size[0] / height]).view(1, 2, 1, 1)
    return resize_window(flow, size, window) * scale


def _sources(side: int, large: int, first: int, count: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Between which two of ``side`` pixels ``count`` of ``large`` ones lie, and how far towards the second."""
    middles = torch.arange(first, first + count, device=device) + 0.5
    places = (middles * (side / large) - 0.5).clamp_min(0)
    low = places.long().clamp_max(side - 1)
    return low, (low + 1).clamp_max(side - 1), places - low
