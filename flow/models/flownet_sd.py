"""FlowNet2-SD: FlowNetS for small displacements, with small kernels and smoothed flows.

Source: Ilg 2016, arXiv:1612.01925, section 4.
"""

from torch import Tensor

from flow.models.flownet import FlowNet2Family, FlowNetConfig
from flow.models.layers import conv
from flow.models.trunk import Trunk


class SmallDisplacementNetwork(Trunk):
    """The network itself: a pair (B, 6, H, W) in, flows in units of the network out."""

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__(config, smooth=True)
        full, quarter, eighth = (config.channels(paper) for paper in (64, 128, 256))
        self.conv0 = conv(6, full, exact=True)
        self.conv1 = conv(full, full, stride=2)
        self.conv1_1 = conv(full, quarter)
        self.conv2 = conv(quarter, quarter, stride=2)
        self.conv2_1 = conv(quarter, quarter)
        self.conv3 = conv(quarter, eighth, stride=2)
        self.conv3_1 = conv(eighth, eighth)

    def flows(self, pair: Tensor) -> list[Tensor]:
        """Return the flows of levels 2 to 6."""
        half = self.conv1_1(self.conv1(self.conv0(pair)))
        quarter = self.conv2_1(self.conv2(half))
        return self.descend(quarter, self.conv3_1(self.conv3(quarter)))


class FlowNet2SD(SmallDisplacementNetwork, FlowNet2Family):
    """FlowNet2-SD."""
