"""Convolutions in 8 bits."""

import numpy as np
import pytest
import torch
from torch import nn

from flow.quantization import STEPS, WEIGHT_STEPS, Int8Conv, quantized


@pytest.fixture
def identity():
    layer = nn.Conv2d(1, 1, 1)
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.bias.zero_()
    return layer


def test_what_goes_in_is_rounded_to_256_numbers_of_which_zero_is_one(identity):
    ramp = torch.linspace(-1, 3, 5001).view(1, 1, 1, -1)
    rounded = Int8Conv(identity, -1, 3)(ramp)
    assert len(rounded.unique()) == STEPS + 1
    assert (rounded - ramp).abs().max() <= 4 / STEPS  # half a step, and as much by which zero was moved
    assert not Int8Conv(identity, -1, 3)(torch.zeros(1, 1, 2, 2)).any()


def test_what_lies_beyond_the_range_is_cut_off(identity):
    found = Int8Conv(identity, 0, 1)(torch.tensor([-5.0, 0.5, 7.0]).view(1, 1, 1, 3))
    assert found.flatten().tolist() == pytest.approx([0, 0.5, 1], abs=0.5 / STEPS)


def test_weights_are_rounded_by_the_largest_of_each_output():
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 3, 3, bias=False)
    with torch.no_grad():
        layer.weight[1] *= 100
    ones = torch.eye(72).view(72, 8, 3, 3)
    weights = Int8Conv(layer, 0, 1)(ones).view(72, 3).T
    for rounded, plain in zip(weights, layer.weight.flatten(1), strict=True):
        steps = rounded / (plain.abs().max() / WEIGHT_STEPS)
        assert torch.allclose(steps, steps.round(), atol=1e-3)
        assert (rounded - plain).abs().max() <= plain.abs().max() / WEIGHT_STEPS / 2 * 1.001


def test_a_network_answers_nearly_as_before_and_then_exactly():
    torch.manual_seed(0)
    shared = nn.Conv2d(8, 8, 3, padding=1)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), shared, nn.Tanh(), shared, nn.Conv2d(8, 2, 1)).eval()
    layers, frames = list(network), torch.rand(4, 3, 32, 48)
    with torch.no_grad():
        expected = network(frames)
        with quantized(network, lambda: network(frames), exact=network[4]):
            assert network[4] is layers[4]
        with quantized(network, lambda: network(frames)):
            assert [type(layer) for layer in network] == [Int8Conv, Int8Conv, nn.Tanh, Int8Conv, Int8Conv]
            assert network[1] is network[3]  # what is used twice still is one layer
            found = network(frames)
    error = (found - expected).square().mean().sqrt() / expected.std()
    assert 0 < error < 0.05
    assert list(network) == layers
    assert np.array_equal(network(frames).detach(), expected)
