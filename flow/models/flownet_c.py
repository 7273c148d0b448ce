"""FlowNetC: the features of either frame apart, then how they correlate, then one encoder-decoder.

Source: Dosovitskiy 2015, arXiv:1504.06852; Ilg 2016, arXiv:1612.01925 for FlowNet2-C.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from flow.models.correlation import wide_correlation
from flow.models.flownet import FlowNet1, FlowNet2Family, FlowNetConfig
from flow.models.layers import SLOPE, conv
from flow.models.trunk import Trunk

RADIUS, STRIDE = 10, 2  # of the correlation: 21 x 21 displacements, up to 20 pixels of the eighth-size grid


class CorrelationNetwork(Trunk):
    """The network itself: a pair (B, 6, H, W) in, flows in units of the network out."""

    def __init__(
        self,
        config: FlowNetConfig,
        batch_norm: bool = False,
        biases: bool = True,
        upsampling_biases: bool = True,
    ) -> None:
        super().__init__(config, batch_norm, biases, upsampling_biases)
        half, quarter, eighth, redirected = (config.channels(paper) for paper in (64, 128, 256, 32))
        self.conv1 = conv(3, half, kernel=7, stride=2, batch_norm=batch_norm, exact=True)
        self.conv2 = conv(half, quarter, kernel=5, stride=2, batch_norm=batch_norm, exact=True)
        self.conv3 = conv(quarter, eighth, kernel=5, stride=2, batch_norm=batch_norm)
        self.conv_redir = conv(eighth, redirected, kernel=1, batch_norm=batch_norm)
        self.conv3_1 = conv(redirected + (2 * RADIUS + 1) ** 2, eighth, batch_norm=batch_norm)

    def flows(self, pair: Tensor) -> list[Tensor]:
        """Return the flows of levels 2 to 6."""
        return self.decode(*self.encode(pair))

    def encode(self, pair: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features of frame 0 at a quarter of the size, and those of either frame at an eighth to compare."""
        quarter = self.conv2(self.conv1(pair[:, :3]))
        return quarter, self.conv3(quarter), self.conv3(self.conv2(self.conv1(pair[:, 3:])))

    def decode(self, quarter: Tensor, eighth0: Tensor, eighth1: Tensor) -> list[Tensor]:
        """Return the flows for what `encode` returned."""
        matches = wide_correlation(eighth0, eighth1, RADIUS, STRIDE)
        matches = F.leaky_relu(matches, SLOPE).to(eighth0.dtype)
        return self.descend(quarter, self.conv3_1(torch.cat([self.conv_redir(eighth0), matches], dim=1)))


class FlowNetC(CorrelationNetwork, FlowNet1):
    """FlowNetCorr."""

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__(config, biases=False, upsampling_biases=False)


class FlowNetCBatchNorm(CorrelationNetwork, FlowNet1):
    """FlowNetCorr with batch norm after every convolution of the encoder."""

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__(config, batch_norm=True, biases=False, upsampling_biases=False)


class FlowNet2C(CorrelationNetwork, FlowNet2Family):
    """FlowNetCorr as FlowNet 2.0 has it."""

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__(config)
