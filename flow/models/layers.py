"""Building blocks shared by the networks."""

from torch import nn


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution and leaky ReLU (slope 0.1, FlowNet's), keeping the size but for the stride."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2), nn.LeakyReLU(0.1, inplace=True)
    )
