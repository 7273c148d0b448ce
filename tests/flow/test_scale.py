import pytest
import torch

from flow.choices import parse_flow_scale
from flow.scale import choose_flow_scale, shrink


@pytest.mark.parametrize(
    ("size", "scale"),
    [((360, 640), 1), ((540, 960), 1), ((541, 960), 2), ((720, 1280), 2), ((1080, 1920), 2), ((2160, 3840), 4)],
)
def test_flow_is_estimated_at_540_lines_or_fewer(size, scale):
    assert choose_flow_scale(*size) == choose_flow_scale(*size[::-1]) == scale
    assert min(size) / scale <= 540


@pytest.mark.parametrize(("text", "scale"), [("auto", None), ("1", 1), ("1/2", 2), ("0.5", 2), ("1/8", 8)])
def test_a_scale_can_be_a_fraction_or_a_decimal(text, scale):
    assert parse_flow_scale(text) == scale


@pytest.mark.parametrize("text", ["2", "0", "1/3", "-1", "half", ""])
def test_other_scales_are_refused_with_the_known_ones(text):
    with pytest.raises(ValueError, match="auto, 1, 1/2, 1/4, 1/8"):
        parse_flow_scale(text)


def test_shrinking_averages():
    image = torch.rand(2, 3, 8, 12)
    torch.testing.assert_close(shrink(image, 2), torch.nn.functional.avg_pool2d(image, 2))


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (100, 3)])
def test_frames_of_any_size_shrink_to_at_least_a_pixel(size):
    small = shrink(torch.ones(1, 3, *size), 8)
    assert min(small.shape[-2:]) >= 1
    assert (small == 1).all()
