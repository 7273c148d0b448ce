"""FlowNet2: the stack CSS for large displacements, SD for small ones, and a network that fuses the two.

Source: Ilg 2016, arXiv:1612.01925, figure 2.
"""

import torch
from torch import Tensor

from flow.models.flownet import FlowNetConfig, enlarge
from flow.models.flownet_sd import SmallDisplacementNetwork
from flow.models.flownet_stack import FlowNet2CSS, warp_error
from flow.models.layers import channel_norm, conv
from flow.models.refinement import Refinement

FUSED = 11  # channels: the first frame, two flows, their lengths, their errors


class FusionNetwork(Refinement):
    """A small encoder-decoder at full size: (B, 11, H, W) in, flows in pixels out."""

    def __init__(self, config: FlowNetConfig) -> None:
        full, half, quarter = (config.channels(paper) for paper in (64, 128, 128))
        super().__init__(0, (full, half, quarter), (config.channels(16), config.channels(32)), smooth=True)
        self.conv0 = conv(FUSED, full, exact=True)
        self.conv1 = conv(full, full, stride=2)
        self.conv1_1 = conv(full, half)
        self.conv2 = conv(half, quarter, stride=2)
        self.conv2_1 = conv(quarter, quarter)

    def flows(self, seen: Tensor) -> list[Tensor]:
        """Return the flows of levels 0 to 2."""
        full = self.conv0(seen)
        half = self.conv1_1(self.conv1(full))
        return self.refine([full, half, self.conv2_1(self.conv2(half))])


class FlowNet2(FlowNet2CSS):
    """FlowNet2."""

    finest = 0

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__(config)
        self.flownets_d = SmallDisplacementNetwork(config)
        self.flownetfusion = FusionNetwork(config)

    def flows(self, pair: Tensor) -> list[Tensor]:
        unit = self.config.div_flow
        large = enlarge(super().flows(pair)[0] * unit, 4, "nearest")
        # SD was trained on flows times 20, where all others were on flows by 20; so this divides.
        small = enlarge(self.flownets_d.flows(pair)[0] / unit, 4, "nearest")
        errors = [warp_error(pair, flow)[1] for flow in (small, large)]
        seen = [pair[:, :3], small, large, channel_norm(small), channel_norm(large), *errors]
        # Alone of all networks the fusion speaks in pixels.
        return [flow / unit for flow in self.flownetfusion.flows(torch.cat(seen, dim=1))]
