"""FlowNetS: the frames stacked, one encoder-decoder over them.

Source: Dosovitskiy 2015, arXiv:1504.06852; Ilg 2016, arXiv:1612.01925 for FlowNet2-S.
"""

from torch import Tensor

from flow.models.flownet import FlowNet1, FlowNet2Family, FlowNetConfig
from flow.models.layers import conv
from flow.models.trunk import Trunk


class SimpleNetwork(Trunk):
    """The network itself: a tensor (B, inputs, H, W) in, flows in units of the network out."""

    def __init__(self, config: FlowNetConfig, inputs: int = 6, batch_norm: bool = False, biases: bool = True) -> None:
        super().__init__(config, batch_norm, biases, upsampling_biases=False)
        half, quarter, eighth = (config.channels(paper) for paper in (64, 128, 256))
        self.conv1 = conv(inputs, half, kernel=7, stride=2, batch_norm=batch_norm, exact=True)
        self.conv2 = conv(half, quarter, kernel=5, stride=2, batch_norm=batch_norm, exact=True)
        self.conv3 = conv(quarter, eighth, kernel=5, stride=2, batch_norm=batch_norm)
        self.conv3_1 = conv(eighth, eighth, batch_norm=batch_norm)

    def flows(self, seen: Tensor) -> list[Tensor]:
        """Return the flows of levels 2 to 6."""
        quarter = self.conv2(self.conv1(seen))
        return self.descend(quarter, self.conv3_1(self.conv3(quarter)))


class FlowNetS(SimpleNetwork, FlowNet1):
    """FlowNetSimple."""

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__(config, biases=False)


class FlowNetSBatchNorm(SimpleNetwork, FlowNet1):
    """FlowNetSimple with batch norm after every convolution of the encoder."""

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__(config, batch_norm=True, biases=False)


class FlowNet2S(SimpleNetwork, FlowNet2Family):
    """FlowNetSimple as FlowNet 2.0 has it."""

    def __init__(self, config: FlowNetConfig) -> None:
        super().__init__(config)
