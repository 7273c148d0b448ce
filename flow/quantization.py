"""Convolutions in 8 bits: what goes into them and their weights are rounded to few steps, as integers would be.

In PyTorch they still are floating-point numbers, rounded. In a file (`flow.network_file`) the rounding is ONNX's
QuantizeLinear and DequantizeLinear, which tell a runtime that it may multiply integers, more of them at once. Source:
Jacob 2018, arXiv:1712.05877.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

STEPS = 255  # from the least to the largest number that goes in
# From zero to the largest weight of an output: a CPU without instructions for that adds up two products in 16 bits.
WEIGHT_STEPS = 63


class Int8Conv(nn.Conv2d):
    """A convolution of rounded numbers."""

    def __init__(self, layer: nn.Conv2d, low: float, high: float) -> None:
        """Take the layer, and between which numbers what goes into it lies; beyond these it is cut off."""
        super().__init__(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,  # type: ignore[arg-type]
            layer.stride,  # type: ignore[arg-type]
            layer.padding,  # type: ignore[arg-type]
            layer.dilation,  # type: ignore[arg-type]
            layer.groups,
            layer.bias is not None,
        )
        self.load_state_dict(layer.state_dict())
        # Zero is one of the steps: what is padded, or off, stays what it is.
        low, high = min(low, 0.0), max(high, 0.0)
        self.step = max(high - low, 1e-9) / STEPS
        self.zero = round(-low / self.step)
        largest = self.weight.detach().abs().amax(dim=(1, 2, 3))
        self.weight_steps = nn.Buffer(largest.clamp_min(1e-9) / WEIGHT_STEPS, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        rounded = torch.fake_quantize_per_tensor_affine(features, self.step, self.zero, 0, STEPS)
        zeros = torch.zeros_like(self.weight_steps, dtype=torch.int32)
        weight = torch.fake_quantize_per_channel_affine(self.weight, self.weight_steps, zeros, 0, -128, 127)
        return self._conv_forward(rounded, weight, self.bias)


@contextmanager
def quantized(network: nn.Module, use: Callable[[], object], exact: nn.Module | None = None) -> Iterator[None]:
    """Have a network convolve in 8 bits, but for ``exact``, a part of it, until the context ends.

    use: runs the network on examples of what it is for, all of it: they tell how large the numbers are that go into
    each convolution.
    """
    others = set() if exact is None else set(exact.modules())
    ranges: dict[nn.Conv2d, tuple[float, float]] = {}

    def look(layer: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
        low, high = ranges.get(layer, (0.0, 0.0))
        ranges[layer] = min(low, inputs[0].min().item()), max(high, inputs[0].max().item())

    # Under all its names, of which a layer that is used in two places may have two.
    layers = {
        name: layer
        for name, layer in network.named_modules(remove_duplicate=False)
        if isinstance(layer, nn.Conv2d) and layer not in others
    }
    hooks = [layer.register_forward_pre_hook(look) for layer in set(layers.values())]
    try:
        use()
    finally:
        for hook in hooks:
            hook.remove()
    rounded = {layer: Int8Conv(layer, *found) for layer, found in ranges.items()}
    try:
        for name, layer in layers.items():
            network.set_submodule(name, rounded[layer])
        yield
    finally:
        for name, layer in layers.items():
            network.set_submodule(name, layer)
