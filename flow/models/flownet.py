"""What every FlowNet is from outside: two frames in, their full-size flow in pixels out.

Inside, flows are in units of ``div_flow`` pixels and frames have no mean; sizes are what the strides allow. The two
families differ in this: FlowNet (Dosovitskiy 2015, arXiv:1504.06852) in the form of FlowNetPytorch, and FlowNet 2.0
(Ilg 2016, arXiv:1612.01925) in the form of flownet2-pytorch. Their public checkpoints fit these networks.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flow.padding import crop_to, pad_to_multiple


@dataclass(frozen=True)
class FlowNetConfig:
    """Sizes of a network."""

    width: float = 1.0  # times the channels of the paper
    div_flow: float = 20.0  # pixels in one unit of the network's flow
    bgr: bool = False  # whether it was trained on frames whose blue comes first, as those of Caffe are

    def channels(self, paper: int) -> int:
        """Return how many channels a layer has that has ``paper`` in the paper.

        >>> FlowNetConfig(width=0.375).channels(64)
        24
        """
        return max(1, round(paper * self.width))


class FlowNet(nn.Module, ABC):
    """A network that finds the flow from one frame to another."""

    config: FlowNetConfig
    enlarging = "bilinear"  # how the finest flow comes to full size
    finest = 2  # the finest flow is on the grid 2**finest times coarser than the frames

    @abstractmethod
    def prepare(self, frame0: Tensor, frame1: Tensor) -> Tensor:
        """Return the frames (B, 3, H, W) in [0, 1] as the network sees them: one (B, 6, h, w) without its mean."""

    @abstractmethod
    def flows(self, pair: Tensor) -> list[Tensor]:
        """Return the flows in units of the network, finest first, for what `prepare` returned."""

    def levels(self, frame0: Tensor, frame1: Tensor) -> list[Tensor]:
        """Return what a multi-scale loss compares: the flows of all levels of the (last) decoder, finest first.

        frames (B, 3, H, W) in [0, 1]; flows (B, 2, h, w) float32, on ever coarser grids but all in pixels of the
        frames. The grids are those of the padded frames: train on sides that are multiples of 64.
        Raises ValueError if the frames differ in size.
        """
        return [flow * self.config.div_flow for flow in self.flows(self.pair(frame0, frame1))]

    def pair(self, frame0: Tensor, frame1: Tensor) -> Tensor:
        """Return what `prepare` does of frames (B, 3, H, W) in [0, 1], in the order of colours that it was trained on.

        Raises ValueError if the frames differ in size.
        """
        if frame0.shape != frame1.shape:
            raise ValueError(f"the frames differ in shape: {tuple(frame0.shape)} and {tuple(frame1.shape)}")
        if self.config.bgr:
            frame0, frame1 = frame0.flip(1), frame1.flip(1)
        return self.prepare(frame0, frame1)

    def forward(self, frame0: Tensor, frame1: Tensor) -> Tensor:
        """Return the flow 0->1, (B, 2, H, W) float32 in pixels, for frames (B, 3, H, W) in [0, 1] of any size."""
        return self.fill(self.levels(frame0, frame1)[0], (frame0.shape[-2], frame0.shape[-1]))

    def fill(self, flow: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the finest flow (B, 2, h, w) on the frames' own grid of ``size`` (height, width)."""
        return crop_to(enlarge(flow, 2**self.finest, self.enlarging), size)


class FlowNet1(FlowNet):
    """The frames less the mean colour of FlyingChairs; any size fits, since the decoder crops to its encoder."""

    def prepare(self, frame0: Tensor, frame1: Tensor) -> Tensor:
        mean = frame0.new_tensor([0.411, 0.432, 0.45]).view(1, 3, 1, 1)
        return torch.cat([frame0 - mean, frame1 - mean], dim=1)

    def fill(self, flow: Tensor, size: tuple[int, int]) -> Tensor:
        # As FlowNetPytorch does, also where the coarse grid reaches beyond a frame of another size.
        return F.interpolate(flow, size=size, mode=self.enlarging, align_corners=False)


class FlowNet2Family(FlowNet):
    """The frames less the mean colour of the two, padded to a multiple of 64."""

    def prepare(self, frame0: Tensor, frame1: Tensor) -> Tensor:
        mean = torch.stack([frame0, frame1]).mean(dim=(0, 3, 4))[:, :, None, None]
        return pad_to_multiple(torch.cat([frame0 - mean, frame1 - mean], dim=1), 64)


def enlarge(flow: Tensor, factor: int, mode: str) -> Tensor:
    """Return the flow (B, 2, h, w) on a grid ``factor`` times finer, its values as they are."""
    if factor == 1:
        return flow
    if mode == "nearest":
        return F.interpolate(flow, scale_factor=factor, mode=mode)
    return F.interpolate(flow, scale_factor=factor, mode=mode, align_corners=False)
