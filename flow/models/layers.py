"""Building blocks shared by the networks."""

import torch
from torch import Tensor, nn

SLOPE = 0.1  # of every leaky ReLU, as in FlowNet


class ExactConv(nn.Conv2d):
    """A convolution in float32 even under autocast; float32 out.

    It stands where rounding costs most: at a network's input and on its fine grids, whose rounding all layers pass on,
    and at its flows, since 8 bits cannot hold 100.3 pixels.
    """

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.float())


class LateExactConv(ExactConv):
    """One that trains in the precision of the rest, where rounding is one noise among others, and is exact in use."""

    def forward(self, features: Tensor) -> Tensor:
        return nn.Conv2d.forward(self, features) if self.training else super().forward(features)


class PlanarConv(nn.Conv2d):
    """A convolution of planes that were just put together, when all others have a pixel's channels side by side.

    On a CPU it takes half as long to read planes as to lay them out anew before.
    """

    def forward(self, features: Tensor) -> Tensor:
        weight = self.weight.contiguous() if features.device.type == "cpu" else self.weight
        return self._conv_forward(features, weight, self.bias)


def conv(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    batch_norm: bool = False,
    exact: bool = False,
    planar: bool = False,
) -> nn.Sequential:
    """Convolution, batch norm if wanted, and leaky ReLU; keeps the size but for the stride, and signals' strength.

    exact: as `LateExactConv`; planar: as `PlanarConv`. Source: He 2015, arXiv:1502.01852, eq. 14.
    """
    kind = LateExactConv if exact else PlanarConv if planar else nn.Conv2d
    # Batch norm brings its own offset.
    layer = kind(inputs, outputs, kernel, stride, padding=kernel // 2, bias=not batch_norm)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
    return nn.Sequential(layer, *norm, nn.LeakyReLU(SLOPE, inplace=True))


def silent_conv(inputs: int, outputs: int) -> nn.Conv2d:
    """A last convolution that answers zero until it is trained: what it corrects starts as it is."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class ExactDeconv(nn.ConvTranspose2d):
    """A transposed convolution in float32 even under autocast; float32 out."""

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.float(), output_size)


def deconv(inputs: int, outputs: int, bias: bool = True, exact: bool = False) -> nn.Sequential:
    """Transposed convolution to twice the size and leaky ReLU; signals keep their strength.

    exact: in float32 even under autocast.
    """
    kind = ExactDeconv if exact else nn.ConvTranspose2d
    layer = kind(inputs, outputs, 4, stride=2, padding=1, bias=bias)
    # Every output sees a quarter of the 4 x 4 taps.
    nn.init.normal_(layer.weight, std=(2 / ((1 + SLOPE**2) * inputs * 4)) ** 0.5)
    return nn.Sequential(layer, nn.LeakyReLU(SLOPE, inplace=True))


def flow_head(inputs: int, bias: bool = True) -> nn.Conv2d:
    """The convolution that reads a flow (B, 2, h, w) off features (B, inputs, h, w)."""
    return ExactConv(inputs, 2, 3, padding=1, bias=bias)


class FlowUpsampling(ExactDeconv):
    """A learnt enlargement of a flow (B, 2, h, w) to (B, 2, 2h, 2w), bilinear until trained; always float32.

    The values stay: FlowNet's flows count pixels of the frame on every grid.
    """

    def __init__(self, bias: bool = True) -> None:
        super().__init__(2, 2, 4, stride=2, padding=1, bias=bias)
        ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
        with torch.no_grad():
            self.weight.copy_(torch.eye(2)[:, :, None, None] * ramp[:, None] * ramp)
            if self.bias is not None:
                self.bias.zero_()


def channel_norm(image: Tensor) -> Tensor:
    """Return the Euclidean length (B, 1, H, W) of every pixel's channels.

    >>> channel_norm(torch.tensor([3., 4.]).view(1, 2, 1, 1))
    tensor([[[[5.]]]])
    """
    return torch.linalg.vector_norm(image.float(), dim=1, keepdim=True)
