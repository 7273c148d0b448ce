"""A U-Net that works at half size and below and answers at full size.

Its first convolution halves the image and its last one is shuffled back to full size, so that the
expensive full-size layers are not needed. Source: Ronneberger 2015, arXiv:1505.04597; Shi 2016,
arXiv:1609.05158 (pixel shuffle).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flow.models.layers import conv, silent_conv


class UNet(nn.Module):
    """Encoder-decoder with additive skips; further features can join at quarter size and below."""

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int], extra: Sequence[int] | None = None) -> None:
        """``widths`` are the channels at 1/2, 1/4, ...; ``extra`` those that join at 1/4, 1/8, ..."""
        super().__init__()
        self.inputs = inputs
        steps = list(zip(widths[:-1], widths[1:], extra or [0] * (len(widths) - 1), strict=True))
        self.first = nn.Sequential(conv(inputs, widths[0], stride=2, planar=True), conv(widths[0], widths[0]))
        self.down = nn.ModuleList(conv(fine, coarse, stride=2) for fine, coarse, _ in steps)
        self.join = nn.ModuleList(
            nn.Sequential(conv(coarse + more, coarse), conv(coarse, coarse)) for _, coarse, more in steps
        )
        self.up = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse, _ in steps)
        self.merge = nn.ModuleList(conv(fine, fine) for fine, _, _ in steps)
        # The model around it then starts from its plain blend.
        self.head = silent_conv(widths[0], 4 * outputs)

    @property
    def multiple(self) -> int:
        """What the image's sides must be divisible by."""
        return 2 ** (len(self.down) + 1)

    @property
    def reach(self) -> int:
        """How many pixels away what it answers may depend on, at most."""
        # 5 at full and half size and in the head, then 8 pixels of each finer grid: down, two joins, up and merge.
        return 5 + 8 * (self.multiple - 2)

    def forward(self, image: Tensor, extra: Sequence[Tensor] | None = None) -> Tensor:
        """image (B, inputs, H, W), extra[i] at 1/4, 1/8, ... of it; returns (B, outputs, H, W)."""
        features = self.first(image)
        skips = []
        for i, (down, join) in enumerate(zip(self.down, self.join, strict=True)):
            skips.append(features)
            features = down(features)
            features = join(features if extra is None else torch.cat([features, extra[i]], dim=1))
        for skip, up, merge in reversed(list(zip(skips, self.up, self.merge, strict=True))):
            coarse = F.interpolate(up(features), size=skip.shape[-2:], mode="bilinear", align_corners=False)
            features = merge(skip + coarse)
        return F.pixel_shuffle(self.head(features), 2)
