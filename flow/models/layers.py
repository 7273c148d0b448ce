"""Building blocks shared by the networks."""

from torch import nn

SLOPE = 0.1  # of every leaky ReLU, as in FlowNet


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution and leaky ReLU, keeping the size but for the stride; signals keep their strength.

    Source: He 2015, arXiv:1502.01852, eq. 14.
    """
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    return nn.Sequential(layer, nn.LeakyReLU(SLOPE, inplace=True))


def silent_conv(inputs: int, outputs: int) -> nn.Conv2d:
    """A last convolution that answers zero until it is trained: what it corrects starts as it is."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
