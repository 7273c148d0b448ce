import numpy as np
import pytest

from flow.color import color_legend, flow_to_color, largest_motion

# What flow-vis 0.1 paints for motion of -12..12 px across and -9..9 px down, scaled to the fastest and to 10 px.
GRID = np.stack(np.meshgrid(np.linspace(-12, 12, 5), np.linspace(-9, 9, 4)), axis=2)
FLOW_VIS = [
    [[0, 80, 255], [71, 80, 255], [154, 102, 255], [206, 71, 255], [244, 0, 255]],
    [[44, 177, 255], [140, 193, 255], [221, 204, 255], [255, 140, 235], [255, 44, 153]],
    [[44, 255, 249], [140, 255, 198], [255, 249, 204], [255, 171, 140], [255, 74, 44]],
    [[0, 255, 29], [146, 255, 71], [255, 239, 102], [255, 174, 71], [255, 94, 0]],
]
FLOW_VIS_TO_10 = [
    [[0, 60, 191], [0, 9, 191], [104, 25, 255], [140, 0, 191], [183, 0, 191]],
    [[0, 120, 191], [83, 162, 255], [204, 178, 255], [255, 83, 226], [191, 0, 99]],
    [[0, 191, 186], [83, 255, 169], [255, 247, 178], [255, 129, 83], [191, 26, 0]],
    [[0, 191, 22], [78, 191, 0], [255, 232, 25], [191, 107, 0], [191, 70, 0]],
]
# The same for motion at full speed in 16 directions, clockwise from the right.
FLOW_VIS_AROUND = [
    *([255, 0, 0], [255, 57, 0], [255, 114, 0], [255, 172, 0], [255, 229, 0], [175, 255, 0], [32, 255, 0]),
    *([0, 255, 167], [0, 209, 255], [0, 131, 255], [0, 52, 255], [21, 0, 255], [88, 0, 255], [153, 0, 255]),
    *([220, 0, 255], [255, 0, 186]),
]


def around(count, speed=1.0):
    """Motion (1, count, 2) in all directions, clockwise from the right."""
    angle = 2 * np.pi * np.arange(count) / count
    return speed * np.stack([np.cos(angle), np.sin(angle)], axis=1)[None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("flow", "max_flow", "expected"),
    [(GRID, None, FLOW_VIS), (GRID, 10, FLOW_VIS_TO_10), (around(16), 1, [FLOW_VIS_AROUND])],
)
def test_colors_are_those_of_flow_vis_within_a_level(flow, max_flow, expected, dtype):
    picture = flow_to_color(flow.astype(dtype), max_flow=max_flow)
    assert picture.dtype == np.uint8
    np.testing.assert_allclose(picture.astype(int), expected, rtol=0, atol=1)


def test_the_wheel_has_55_colors_in_six_runs():
    # Along each run one channel changes, in this many steps.
    picture = flow_to_color(around(54, speed=3.0), max_flow=3.0)[0].astype(int)
    np.testing.assert_array_equal(picture[0], [255, 0, 0])
    for at, color in ((15, [255, 255, 0]), (21, [0, 255, 0]), (25, [0, 255, 255]), (36, [0, 0, 255])):
        np.testing.assert_allclose(picture[at], color, atol=1)
    np.testing.assert_allclose(picture[49], [255, 0, 255], atol=1)
    assert ((picture == 0).any(axis=1) & (picture == 255).any(axis=1)).all()


def test_levels_are_rounded():
    # Half way from white to red is 127.5 in green and blue; a quarter is 191.25, three quarters 63.75.
    flow = np.array([[[1.0, 0], [3.0, 0]]])
    assert flow_to_color(flow, max_flow=4).tolist() == [[[255, 191, 191], [255, 64, 64]]]


def test_faster_is_more_saturated_up_to_the_scale_and_darker_beyond():
    flow = np.zeros((1, 5, 2))
    flow[0, :, 0] = (0, 2, 4, 8, 8.1)
    picture = flow_to_color(flow, max_flow=8)[0]
    assert picture[:4, 1].tolist() == [255, 191, 128, 0]
    assert picture[4].tolist() == [191, 0, 0]


@pytest.mark.parametrize("seed", range(40))
def test_the_fastest_pixel_is_never_beyond_the_scale(seed):
    flow = np.random.default_rng(seed).normal(0, 700, (20, 20, 2)).astype(np.float32)
    fastest = np.hypot(flow[..., 0], flow[..., 1]).argmax()
    assert flow_to_color(flow).reshape(-1, 3)[fastest].max() > 191


def test_one_scale_gives_equal_motion_one_color_in_all_frames():
    slow, fast = np.full((2, 2, 2), 3.0), np.full((2, 2, 2), 3.0)
    fast[0, 0] = 40
    scale = max(largest_motion(slow), largest_motion(fast))
    np.testing.assert_array_equal(flow_to_color(slow, max_flow=scale)[1], flow_to_color(fast, max_flow=scale)[1])
    assert (flow_to_color(slow)[1] != flow_to_color(fast)[1]).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e10, 1e300])
def test_unknown_pixels_are_black_and_leave_the_scale_alone(value):
    flow = GRID.copy()
    flow[1, 1, 0] = value
    flow[2, 2] = 77
    valid = np.ones(flow.shape[:2], bool)
    valid[2, 2] = False
    picture = flow_to_color(flow, valid)
    assert not picture[1, 1].any()
    assert not picture[2, 2].any()
    others = picture.any(axis=2)
    assert others.sum() == 18
    np.testing.assert_array_equal(picture[others], flow_to_color(GRID)[others])
    assert largest_motion(flow, valid) == 15


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, int])
def test_a_still_field_is_white(dtype):
    assert (flow_to_color(np.zeros((3, 4, 2), dtype)) == 255).all()


def test_a_field_without_known_pixels_is_black():
    assert not flow_to_color(np.full((3, 4, 2), np.nan)).any()
    assert largest_motion(np.full((3, 4, 2), np.nan)) == 0


@pytest.mark.parametrize("max_flow", [0, -1, np.nan, np.inf])
def test_a_scale_is_a_positive_speed(max_flow):
    with pytest.raises(ValueError, match="give a speed above 0"):
        flow_to_color(GRID, max_flow=max_flow)


def test_a_field_has_two_channels():
    with pytest.raises(ValueError, match=r"bring it to \(height, width, 2\)"):
        flow_to_color(np.zeros((4, 4, 3)))


@pytest.mark.parametrize("size", [3, 64, 151])
def test_the_legend_shows_each_motion_where_it_points(size):
    legend = color_legend(size)
    assert legend.shape == (size, size, 3)
    middle = (size - 1) / 2
    for x, y in ((0.5, 0.0), (0.0, 0.5), (-0.5, 0.25), (0.3, -0.6)):
        column, row = round(middle + x * middle), round(middle + y * middle)
        motion = np.array([[[column - middle, row - middle]]]) / middle
        assert legend[row, column].tolist() == flow_to_color(motion, max_flow=1)[0, 0].tolist()
    assert (legend[0, 0] == 255).all()
    assert (legend[-1, -1] == 255).all()


def test_a_legend_needs_three_pixels():
    with pytest.raises(ValueError, match="3 pixels"):
        color_legend(2)
