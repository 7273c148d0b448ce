"""Refinement: FlowNet's decoder, from the features of an encoder coarse to fine to a flow on every level.

Level n is the grid 2**n times coarser than the frames. Names of the parts are those of the public checkpoints.
Source: Dosovitskiy 2015, arXiv:1504.06852, figure 3.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flow.models.layers import FlowUpsampling, deconv, flow_head
from flow.padding import crop_to


class Refinement(nn.Module):
    """A decoder for others to derive from: they add the encoder.

    finest: the level it ends on. features: channels the encoder has from there to the coarsest level; decoded: channels
    the decoder adds on every level but the coarsest. biases: of deconvolutions and flows, upsampling_biases: of the
    flows' enlargement. smooth: whether a convolution stands between the features and the flow read off them, which
    calms it in flat regions (Ilg 2016, arXiv:1612.01925, FlowNet2-SD).
    """

    def __init__(
        self,
        finest: int,
        features: Sequence[int],
        decoded: Sequence[int],
        biases: bool = True,
        upsampling_biases: bool = True,
        smooth: bool = False,
    ) -> None:
        super().__init__()
        self.finest, self.smooth = finest, smooth
        coarsest = finest + len(decoded)
        channels = features[-1]
        self.add_module(f"predict_flow{coarsest}", flow_head(channels, biases))
        for level in reversed(range(finest, coarsest)):
            encoded, added = features[level - finest], decoded[level - finest]
            self.add_module(f"upsampled_flow{level + 1}_to_{level}", FlowUpsampling(upsampling_biases))
            # The finest ones' rounding would show in the flow: up to 1.2 % of it in FlowNet2.
            self.add_module(f"deconv{level}", deconv(channels, added, biases, exact=level < finest + 2))
            channels = encoded + added + 2
            if smooth:
                self.add_module(f"inter_conv{level}", nn.Sequential(nn.Conv2d(channels, added, 3, padding=1)))
            self.add_module(f"predict_flow{level}", flow_head(added if smooth else channels, biases))

    def refine(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return the flow (B, 2, h, w) float32 of every level, from features (B, C, h, w); both finest first.

        The flows are in units of the network.
        """
        coarsest = self.finest + len(features) - 1
        seen = features[-1]
        flows = [self._part("predict_flow", coarsest)(seen)]
        for level in reversed(range(self.finest, coarsest)):
            encoded = features[level - self.finest]
            size = (encoded.shape[-2], encoded.shape[-1])
            # An odd grid is half of one that is a pixel larger.
            flow = crop_to(self.get_submodule(f"upsampled_flow{level + 1}_to_{level}")(flows[0]), size)
            decoded = crop_to(self._part("deconv", level)(seen), size)
            seen = torch.cat([encoded, decoded, flow.to(encoded.dtype)], dim=1)
            read = self._part("inter_conv", level)(seen) if self.smooth else seen
            flows.insert(0, self._part("predict_flow", level)(read))
        return flows

    def _part(self, name: str, level: int) -> nn.Module:
        return self.get_submodule(f"{name}{level}")
