"""Trunk: the coarse half of FlowNetS, FlowNetC and FlowNet2-SD, from an eighth of the size down, and their decoder.

Source: Dosovitskiy 2015, arXiv:1504.06852, figure 2.
"""

from torch import Tensor

from flow.models.flownet import FlowNetConfig
from flow.models.layers import conv
from flow.models.refinement import Refinement


class Trunk(Refinement):
    """For others to derive from: they add what leads to quarter and eighth size."""

    def __init__(
        self,
        config: FlowNetConfig,
        batch_norm: bool = False,
        biases: bool = True,
        upsampling_biases: bool = True,
        smooth: bool = False,
    ) -> None:
        encoded = [config.channels(paper) for paper in (128, 256, 512, 512, 1024)]
        decoded = [config.channels(paper) for paper in (64, 128, 256, 512)]
        super().__init__(2, encoded, decoded, biases, upsampling_biases, smooth)
        self.config = config
        _, eighth, level4, level5, level6 = encoded
        self.conv4 = conv(eighth, level4, stride=2, batch_norm=batch_norm)
        self.conv4_1 = conv(level4, level4, batch_norm=batch_norm)
        self.conv5 = conv(level4, level5, stride=2, batch_norm=batch_norm)
        self.conv5_1 = conv(level5, level5, batch_norm=batch_norm)
        self.conv6 = conv(level5, level6, stride=2, batch_norm=batch_norm)
        self.conv6_1 = conv(level6, level6, batch_norm=batch_norm)

    def descend(self, quarter: Tensor, eighth: Tensor) -> list[Tensor]:
        """Return the flows of levels 2 to 6, from the features at quarter and at eighth size."""
        level4 = self.conv4_1(self.conv4(eighth))
        level5 = self.conv5_1(self.conv5(level4))
        level6 = self.conv6_1(self.conv6(level5))
        return self.refine([quarter, eighth, level4, level5, level6])
