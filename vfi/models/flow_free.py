"""Flow-free interpolation: a U-Net turns two frames and a time straight into the frame between."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from flow.padding import crop_to, pad_to_multiple
from vfi.models.unet import UNet

FUSIONS = ("encoder", "decoder")


@dataclass(frozen=True)
class FlowFreeConfig:
    """Sizes of the network."""

    widths: tuple[int, ...] = (48, 80, 128, 192)  # channels at half size and each halving below
    fusion: str = "encoder"  # where the frames meet: in its features, or after its "decoder", which sees each alone


class FlowFree(nn.Module):
    """U-Net on the two frames; it corrects their blend in time and chooses between them."""

    def __init__(self, config: FlowFreeConfig) -> None:
        super().__init__()
        if config.fusion not in FUSIONS:
            raise ValueError(f"unknown fusion {config.fusion!r}: use {' or '.join(FUSIONS)}")
        self.config = config
        self.unet = UNet(7 if config.fusion == "encoder" else 4, 4, config.widths)

    @property
    def multiple(self) -> int:
        """What a tile's place must be divisible by, to be what the frame is there."""
        return self.unet.multiple

    @property
    def reach(self) -> int:
        """How many pixels from its edge a tile may differ from the frame."""
        return self.unet.reach

    def prepare(self, frame0: Tensor, frame1: Tensor) -> tuple[Tensor, Tensor]:
        """Keep what all times of a pair share: the frames themselves."""
        return frame0, frame1

    def synthesize(self, state: tuple[Tensor, Tensor], t: Tensor) -> Tensor:
        """Return the frame at t (B, 1, 1, 1), (B, 3, H, W) in [0, 1] when evaluating."""
        frame0, frame1 = state
        times = t.expand(-1, 1, frame0.shape[-2], frame0.shape[-1])
        if self.config.fusion == "encoder":
            out = self._see(frame0, frame1, times)
            weight = torch.sigmoid(out[:, :1] + torch.logit(t))
            residual = out[:, 1:]
        else:
            first, second = self._see(frame0, times), self._see(frame1, 1 - times)
            weight = torch.sigmoid(second[:, :1] - first[:, :1] + torch.logit(t))
            residual = torch.lerp(first[:, 1:], second[:, 1:], weight)
        frame = frame0 + weight * (frame1 - frame0) + residual
        return frame if self.training else frame.clamp(0, 1)

    def _see(self, *planes: Tensor) -> Tensor:
        """Return a logit and a residual (B, 4, H, W) from planes (B, C, H, W) in [0, 1]."""
        seen = torch.cat(planes, dim=1) - 0.5
        size = (seen.shape[-2], seen.shape[-1])
        return crop_to(self.unet(pad_to_multiple(seen, self.unet.multiple)), size).float()

    def forward(self, frame0: Tensor, frame1: Tensor, t: Tensor) -> Tensor:
        """frame0, frame1 (B, 3, H, W) in [0, 1], t (B, 1, 1, 1) in (0, 1); returns (B, 3, H, W)."""
        return self.synthesize(self.prepare(frame0, frame1), t)
