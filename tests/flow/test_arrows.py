import cv2
import numpy as np
import pytest

from flow.arrows import draw_arrows, evident_motion
from flow.dis import dis_flow


def frame(height=60, width=80, dtype=np.uint8, value=40):
    return np.full((height, width, 3), value, dtype)


def uniform(dx, dy, height=60, width=80):
    return np.broadcast_to(np.array([dx, dy], np.float32), (height, width, 2)).copy()


def painted(before, after):
    """Rows and columns that an arrow touches."""
    return np.nonzero((before != after).any(axis=2))


@pytest.mark.parametrize(("dx", "dy"), [(12, 0), (-12, 0), (0, 9), (0, -9), (6, -8)])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_an_arrow_goes_from_the_pixel_to_where_it_moves(dx, dy, scale):
    image = frame(61, 81)
    drawn = draw_arrows(image, uniform(dx, dy, 61, 81), spacing=100, scale=scale)
    rows, columns = painted(image, drawn)
    end = (40 + scale * dx, 30 + scale * dy)
    tip = 6 / 2**0.5 + 1.5  # what the head adds on either side
    for start, stop, found in ((40, end[0], columns), (30, end[1], rows)):
        assert abs(found.min() - min(start, stop)) <= tip
        assert abs(found.max() - max(start, stop)) <= tip
    assert (drawn[30, 40] != 40).any()
    assert (drawn[round(end[1]), round(end[0])] != 40).any()


def test_the_image_given_is_not_drawn_on():
    image = frame()
    assert (draw_arrows(image, uniform(5, 5)) != image).any()
    assert (image == 40).all()


@pytest.mark.parametrize("threshold", [0.0, 0.5, 3.0])
def test_only_motion_above_the_threshold_has_an_arrow(threshold):
    image = frame()
    assert (draw_arrows(image, uniform(threshold, 0), threshold=threshold) == image).all()
    assert (draw_arrows(image, uniform(threshold + 1, 0), threshold=threshold) != image).any()


@pytest.mark.parametrize("spacing", [1, 7, 16, 33, 200])
def test_arrows_are_spaced_and_centred(spacing):
    # Dots instead of arrows: motion of a hundredth of a pixel; in 16 bits lines have no soft edges.
    image = frame(dtype=np.uint16)
    rows, columns = painted(image, draw_arrows(image, uniform(0.01, 0), spacing=spacing, threshold=0))
    for found, side in ((np.unique(rows), 60), (np.unique(columns), 80)):
        assert (np.diff(found) == spacing).all()
        assert abs(found[0] - (side - 1 - found[-1])) <= 1
        assert len(found) == -(-side // spacing)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e10])
def test_unknown_motion_has_no_arrow(value):
    image = frame()
    assert (draw_arrows(image, uniform(value, 0)) == image).all()
    assert (draw_arrows(image, uniform(5, 0), np.zeros((60, 80), bool)) == image).all()


@pytest.mark.parametrize("motion", [1e3, 1e6, 9e8])
def test_an_arrow_that_leaves_the_frame_runs_to_its_edge(motion):
    image = frame(dtype=np.uint16)
    rows, columns = painted(image, draw_arrows(image, uniform(motion, 0), spacing=100))
    assert columns.max() == 79
    assert columns.min() == 39
    assert set(rows) == {29}


@pytest.mark.parametrize(("dtype", "level"), [(np.uint8, 1), (np.uint16, 257)])
def test_the_color_is_rgb_of_8_bits_in_either_depth(dtype, level):
    drawn = draw_arrows(frame(dtype=dtype), uniform(12, 0), color=(200, 100, 0), thickness=3)
    assert drawn.dtype == dtype
    assert (drawn.reshape(-1, 3) == np.array([200, 100, 0]) * level).all(axis=1).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 3)])
def test_a_frame_of_any_size_takes_arrows(size):
    assert draw_arrows(frame(*size), uniform(4, 4, *size)).shape == (*size, 3)


def test_a_part_of_a_larger_image_takes_arrows():
    image = frame(120, 160)[::2, ::2, ::-1]
    assert (draw_arrows(image, uniform(5, 5)) != image).any()


@pytest.mark.parametrize(
    "image", [np.zeros((60, 80), np.uint8), np.zeros((60, 80, 3)), np.zeros((60, 80, 4), np.uint8)]
)
def test_an_image_of_another_kind_is_refused(image):
    with pytest.raises(ValueError, match="uint8 or uint16"):
        draw_arrows(image, uniform(1, 1))


def test_sizes_that_differ_are_refused():
    with pytest.raises(ValueError, match="one size"):
        draw_arrows(frame(60, 81), uniform(1, 1))


@pytest.mark.parametrize("options", [{"spacing": 0}, {"thickness": 0}, {"scale": 0}, {"scale": float("inf")}])
def test_options_are_positive(options):
    with pytest.raises(ValueError, match="give positive numbers"):
        draw_arrows(frame(), uniform(1, 1), **options)


def test_what_moves_between_the_middles_of_the_squares_has_an_arrow():
    image, flow = frame(), np.zeros((60, 80, 2))
    flow[16:19, 46:49, 0] = 5  # as far from the points of the grid as can be
    rows, columns = painted(image, draw_arrows(image, flow, spacing=16))
    assert 16 <= rows.mean() <= 19
    assert 46 <= columns.min() <= 48


def test_enlarged_noise_is_no_more_evident():
    rng = np.random.default_rng(0)
    noisy = [np.clip(rng.normal(20, 8, (90, 120, 1)), 0, 255).astype(np.uint8).repeat(3, 2) for _ in range(2)]
    large = [cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) for image in noisy]
    assert not evident_motion(*large, dis_flow(*large), grain=3).any()


def test_motion_found_in_noise_alone_is_not_evident():
    rng = np.random.default_rng(0)
    first, second = (np.full((120, 160, 3), 20.0) for _ in range(2))
    first[50:58, 40:48], second[50:58, 42:50] = 70, 70
    noisy = [np.clip(image + rng.normal(0, 8, (120, 160, 1)), 0, 255).astype(np.uint8) for image in (first, second)]
    evident = evident_motion(*noisy, dis_flow(*noisy))
    assert evident[50:58, 40:50].all()
    assert not np.delete(np.delete(evident, slice(40, 68), 0), slice(30, 60), 1).any()
    with pytest.raises(ValueError, match="one size"):
        evident_motion(*noisy, np.zeros((120, 161, 2)))


def test_a_clean_pan_is_evident_wherever_there_is_texture():
    texture = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    texture = cv2.GaussianBlur(texture, (0, 0), 2)
    first, second = (np.ascontiguousarray(texture[:, at : at + 140]) for at in (3, 0))
    assert evident_motion(first, second, dis_flow(first, second)).mean() > 0.95
