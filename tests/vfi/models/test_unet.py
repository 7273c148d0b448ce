import pytest
import torch

from vfi.models.unet import UNet


def test_an_untrained_network_answers_zero_at_full_size():
    unet = UNet(5, 2, (8, 12, 16))
    assert torch.equal(unet(torch.rand(1, 5, 16, 24)), torch.zeros(1, 2, 16, 24))


def test_extra_features_join_from_quarter_size_on():
    unet = UNet(5, 2, (8, 12, 16), extra=(3, 4))
    torch.nn.init.ones_(unet.head.weight)
    image = torch.rand(1, 5, 16, 24)
    without = unet(image, [torch.zeros(1, 3, 4, 6), torch.zeros(1, 4, 2, 3)])
    joined = unet(image, [torch.rand(1, 3, 4, 6), torch.rand(1, 4, 2, 3)])
    assert not torch.equal(without, joined)


@pytest.mark.parametrize("widths", [(4,), (4, 4), (4, 4, 4, 4)])
def test_the_smallest_image_it_takes_is_its_multiple(widths):
    unet = UNet(3, 1, widths)
    assert unet(torch.rand(1, 3, unet.multiple, unet.multiple)).shape[-1] == unet.multiple
