"""FlowNet2-CS and -CSS: each network corrects the flow of the one before, having seen the second frame warped by it.

Source: Ilg 2016, arXiv:1612.01925, figure 2.
"""

import torch
from torch import Tensor

from flow.models.flownet import FlowNet2Family, FlowNetConfig, enlarge
from flow.models.flownet_c import CorrelationNetwork
from flow.models.flownet_s import SimpleNetwork
from flow.models.layers import channel_norm
from flow.warp import backward_warp

STACKED = 12  # channels a later network sees: both frames, the warped one, the flow, the error


def warp_error(pair: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Return the second frame of a pair (B, 6, H, W) warped by a flow in pixels, and how far it is from the first."""
    warped = backward_warp(pair[:, 3:], flow)
    return warped, channel_norm(pair[:, :3] - warped)


class FlowNet2CS(FlowNet2Family):
    """FlowNetC, then FlowNetS."""

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__()
        self.config = config
        self.flownetc = CorrelationNetwork(config)
        self.flownets_1 = SimpleNetwork(config, inputs=STACKED)

    def flows(self, pair: Tensor) -> list[Tensor]:
        return self.flownets_1.flows(self.look(pair, self.flownetc.flows(pair)[0]))

    def look(self, pair: Tensor, flow: Tensor) -> Tensor:
        """Return what the next network sees, given the last one's finest flow in units of the network."""
        full = enlarge(flow * self.config.div_flow, 4, "bilinear")
        warped, error = warp_error(pair, full)
        return torch.cat([pair, warped, full / self.config.div_flow, error], dim=1)


class FlowNet2CSS(FlowNet2CS):
    """FlowNetC, then FlowNetS twice."""

    enlarging = "nearest"  # the last flow alone; between the networks it is bilinear

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__(config)
        self.flownets_2 = SimpleNetwork(config, inputs=STACKED)

    def flows(self, pair: Tensor) -> list[Tensor]:
        return self.flownets_2.flows(self.look(pair, super().flows(pair)[0]))
