"""How large the tiles of a frame may be: as large as the memory allows, and smaller when it does not after all."""

import torch
from torch import nn

from flow.memory import free_memory, resident
from vfi.choices import SMALLEST_TILE, parse_tile
from vfi.models.flow_free import FlowFree
from vfi.tiles import Tileable, plan_side

MOST = 750_000_000  # bytes that a tile takes on a CPU: larger ones were no faster
UNKNOWN = 2**31  # bytes taken to be free where the system does not tell


class TilePlan:
    """The side of the tiles of frames of each size, planned when the first one comes."""

    def __init__(self, model: nn.Module, device: torch.device, tile: str | int, memory: int | None) -> None:
        """tile, memory: as `Interpolator` takes them."""
        self._model, self._device, self._memory = model, device, memory
        self._auto, self._fixed = tile == "auto", parse_tile(tile)
        self._sides: dict[tuple[int, int], int | None] = {}
        self._fitting: dict[tuple[int, int], bool] = {}
        self.notes: tuple[str, ...] = ()

    def side(self, size: tuple[int, int]) -> int | None:
        """Return the side of the tiles of frames of ``size`` (height, width), None if they are made whole."""
        if size not in self._sides:
            self._sides[size] = self._planned(size)
        return self._sides[size]

    def fits_whole(self, size: tuple[int, int], bytes_per_pixel: int) -> bool:
        """Tell whether what cannot make tiles may make frames of ``size``, for which it takes so much memory."""
        if size not in self._fitting:  # asked when it takes that memory already, there would be less
            needed = size[0] * size[1] * bytes_per_pixel
            self._fitting[size] = needed <= self._free() // 2 if self._auto else self._planned(size) is None
        return self._fitting[size]

    def _planned(self, size: tuple[int, int]) -> int | None:
        # On a CPU the others are not computed by PyTorch, or at a reduced size.
        if not isinstance(self._model, FlowFree if self._device.type == "cpu" else Tileable):
            return None
        if not self._auto:
            return self._fixed if self._fixed is not None and max(size) > self._fixed else None
        return plan_side(self._model, size, self._budget())

    def _budget(self) -> int:
        """Return how many bytes a tile may take."""
        if self._device.type == "cuda":
            free = torch.cuda.mem_get_info(self._device)[0]
            held = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
            return int(0.8 * min(free + held, self._memory or free + held))
        # Half of it is left to decoders and encoders, and to motion that reaches far beyond a tile.
        return min(MOST, self._free() // 2)

    def _free(self) -> int:
        """Return how many bytes of the computer's memory there are to take."""
        known = free_memory()
        free = UNKNOWN if known is None else known
        return free if self._memory is None else min(free, max(0, self._memory - resident()))

    def shrink(self, size: tuple[int, int]) -> bool:
        """Halve the tiles after an attempt that was out of memory; returns whether there is another one to make."""
        side = self._sides[size]
        if not (self._auto and isinstance(self._model, Tileable)) or (side is not None and side <= SMALLEST_TILE):
            return False
        self._sides[size] = smaller = max(SMALLEST_TILE, (max(size) if side is None else side) // 2)
        self.notes = (f"memory was short: frames were made in tiles of {smaller} pixels",)
        return True
