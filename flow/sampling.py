"""Sampling of an image between its pixels at many places at once, by flow."""

import torch
from torch import Tensor
from torch.nn import functional as F


class Sampler:
    """An image (B, C, H, W) to be looked up bilinearly; beyond its edge the border repeats."""

    def __init__(self, image: Tensor) -> None:
        self.image = image
        height, width = image.shape[-2:]
        # What grid_sample takes: -1 and 1 are the centres of the first and the last pixel.
        self.unit = (2 / max(1, width - 1), 2 / max(1, height - 1))

    def places(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the pixels' places (h, w, 2), x then y, as the sampler counts them; rows and columns (h, w)."""
        return torch.stack([columns * self.unit[0] - 1, rows * self.unit[1] - 1], dim=-1)

    def dense(self, flow: Tensor) -> Tensor:
        """Return the image (B, C, H, W) where the flow (B, 2, H, W), pixels, points."""
        height, width = flow.shape[-2:]
        rows = torch.arange(height, device=flow.device, dtype=torch.float32)[:, None].expand(height, width)
        columns = torch.arange(width, device=flow.device, dtype=torch.float32).expand(height, width)
        across, down = flow[:, 0] * self.unit[0], flow[:, 1] * self.unit[1]
        return self.at(self.places(rows, columns) + torch.stack([across, down], dim=-1))

    def at(self, places: Tensor) -> Tensor:
        """Return the image at places (B, h, w, 2), (B, C, h, w)."""
        return F.grid_sample(self.image, places, mode="bilinear", padding_mode="border", align_corners=True)
