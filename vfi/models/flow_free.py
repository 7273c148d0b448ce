"""Flow-free interpolation: a U-Net turns two frames and a time straight into the frame between."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from flow.padding import crop_to, pad_to_multiple
from vfi.models.unet import UNet


@dataclass(frozen=True)
class FlowFreeConfig:
    """Sizes of the network."""

    widths: tuple[int, ...] = (48, 80, 128, 192)  # channels at half size and each halving below


class FlowFree(nn.Module):
    """U-Net on the two frames; it corrects their blend in time and chooses between them."""

    def __init__(self, config: FlowFreeConfig) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet(7, 4, config.widths)

    def prepare(self, frame0: Tensor, frame1: Tensor) -> tuple[Tensor, Tensor]:
        """Keep what all times of a pair share: the frames themselves."""
        return frame0, frame1

    def synthesize(self, state: tuple[Tensor, Tensor], t: Tensor) -> Tensor:
        """Return the frame at t (B, 1, 1, 1), (B, 3, H, W) in [0, 1] when evaluating."""
        frame0, frame1 = state
        size = (frame0.shape[-2], frame0.shape[-1])
        planes = torch.cat([frame0, frame1, t.expand(-1, 1, *size)], dim=1) - 0.5
        out = crop_to(self.unet(pad_to_multiple(planes, self.unet.multiple)), size).float()
        weight = torch.sigmoid(out[:, :1] + torch.logit(t))
        blend = frame0 + weight * (frame1 - frame0)
        frame = blend + out[:, 1:]
        return frame if self.training else frame.clamp(0, 1)

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """frame0, frame1 (B, 3, H, W) in [0, 1], t (B, 1, 1, 1) in (0, 1); returns (B, 3, H, W)."""
        return self.synthesize(self.prepare(frame0, frame1), t)
