import pytest
import torch

from flow.models.flownet_stack import warp_error


@pytest.mark.parametrize("name", ["flownet2-cs", "flownet2-css"])
def test_a_stack_answers_as_the_original(name, parity_error):
    assert parity_error(name) < 1e-3


def test_the_true_flow_leaves_no_error():
    first = torch.rand(1, 3, 8, 12)
    second = torch.roll(first, shifts=2, dims=3)
    flow = torch.zeros(1, 2, 8, 12)
    flow[:, 0] = 2
    warped, error = warp_error(torch.cat([first, second], dim=1), flow)
    torch.testing.assert_close(warped[..., :-2], first[..., :-2])
    assert error.shape == (1, 1, 8, 12)
    assert error[..., :-2].max() < 1e-5
