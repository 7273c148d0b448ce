import pytest
import torch

from flow.choices import parse_flow_scale
from flow.scale import Scale, choose_scale, shrink


@pytest.mark.parametrize(
    ("size", "scale"),
    [
        ((360, 640), Scale(1, coarse=False, dense=False)),
        ((480, 854), Scale(1, coarse=False, dense=False)),  # 16:9 of as many lines as NTSC
        ((576, 720), Scale(1, coarse=True, dense=True)),  # PAL
        ((540, 960), Scale(1, coarse=True, dense=True)),
        ((536, 1280), Scale(1, coarse=True, dense=True)),  # 2.39:1, as films have it
        ((720, 1280), Scale(2, coarse=True, dense=True)),
        ((800, 1920), Scale(2, coarse=True, dense=True)),
        ((1080, 1920), Scale(2, coarse=True, dense=True)),
        ((1440, 2560), Scale(4, coarse=True, dense=True)),
        ((2160, 3840), Scale(4, coarse=True, dense=True)),
        ((4320, 7680), Scale(8, coarse=True, dense=True)),
    ],
)
def test_large_frames_are_looked_at_in_less_detail_whatever_their_shape(size, scale):
    assert choose_scale(*size) == choose_scale(*size[::-1]) == scale


def test_networks_look_closely_at_what_is_small_alone_wherever_motion_is_found():
    assert not choose_scale(480, 854, flow=1).coarse
    assert choose_scale(720, 1280, flow=1).coarse
    assert choose_scale(480, 854, flow=2).coarse
    assert choose_scale(480, 854, flow=1, coarse=True).coarse
    assert choose_scale(360, 640, fine=480 * 270).coarse
    assert not choose_scale(270, 480, fine=480 * 270).coarse


@pytest.mark.parametrize(
    ("size", "flow"),
    [
        ((360, 640), 1),
        ((480, 854), 1),
        ((540, 960), 2),
        ((720, 1280), 4),
        ((1080, 1920), 4),
        ((2160, 3840), 8),
    ],
)
def test_who_is_sparing_finds_the_motion_of_high_definition_at_half_the_size_of_others(size, flow):
    assert choose_scale(*size, sparing=True).flow == flow
    assert choose_scale(*size, flow=1, sparing=True).flow == 1  # unless told otherwise
    assert choose_scale(*size, sparing=True)[1:] == choose_scale(*size)[1:]


def test_motion_is_found_down_to_every_pixel_of_large_frames_that_are_looked_at_coarsely_alone():
    assert choose_scale(720, 1280).dense
    assert not choose_scale(360, 640, fine=480 * 270).dense
    assert not choose_scale(720, 1280, flow=1, coarse=False).dense


@pytest.mark.parametrize(("flow", "coarse", "times"), [(1, False, 1), (1, True, 2), (2, True, 4), (4, False, 4)])
def test_networks_look_at_frames_so_many_times_smaller(flow, coarse, times):
    assert Scale(flow, coarse, dense=False).times == times


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
