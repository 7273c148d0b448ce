from fractions import Fraction

import av
import numpy as np
import pytest

from vfi.media import Color, Frame
from vfi.media.alpha import alpha_of, opaque_format, premultiplied, straight, with_alpha
from vfi.media.color import RGB, from_rgb

FORMATS = ["rgba", "bgra", "argb", "gbrap", "rgba64le", "rgba64be", "gbrap12le", "yuva420p", "yuva444p10le", "ya8"]


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def frame(image):
    return Frame(Fraction(0), Fraction(1), Color(matrix=RGB), pixels=image)


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_alpha_survives_every_format(pix_fmt):
    image = noise(9, 13, 4)
    picture = frame(image).encoded_as(pix_fmt, Color(matrix=6))
    assert picture.format.name == pix_fmt
    alpha = alpha_of(picture)
    if alpha.dtype == np.uint16:
        alpha = np.rint(alpha / 257)
    tolerance = 1 if pix_fmt == "ya8" else 0  # libswscale rounds down
    assert np.abs(alpha.astype(int) - image[..., 3]).max() <= tolerance


def test_a_format_without_alpha_has_none():
    assert alpha_of(av.VideoFrame(4, 4, "yuv420p")) is None
    assert opaque_format("yuv420p") == "yuv420p"


def test_without_alpha_a_picture_becomes_opaque():
    grey = from_rgb(np.full((4, 4, 3), 90, np.uint8), opaque_format("argb"), Color(matrix=RGB))
    assert (alpha_of(with_alpha(grey, None, "argb")) == 255).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_straight_colours_come_back_from_premultiplied_ones(dtype):
    rgb, alpha = noise(16, 16, 3, dtype=dtype), noise(16, 16, dtype=dtype)
    back = straight(premultiplied(rgb, alpha), alpha)
    assert back.dtype == dtype
    assert (back[alpha == 0] == 0).all()
    seen = alpha > np.iinfo(dtype).max // 8
    assert np.abs(back[seen].astype(int) - rgb[seen]).max() <= (0 if dtype == np.uint8 else 5)


def test_where_alpha_is_not_held_the_picture_is_seen_over_black():
    image = np.full((4, 4, 4), 200, np.uint8)
    image[..., 3] = [0, 128, 255, 255]
    shown = Frame(Fraction(0), Fraction(1), Color(matrix=RGB), frame(image).encoded_as("gbrp", Color(matrix=RGB)))
    assert shown.rgb[0, :, 0].tolist() == [0, 100, 200, 200]


def test_what_is_hidden_does_not_make_frames_differ():
    one, other = noise(16, 16, 4), noise(16, 16, 4)[::-1].copy()
    one[..., 3] = other[..., 3] = 0
    np.testing.assert_array_equal(frame(one).coarse, frame(other).coarse)
    other[..., 3] = 255
    assert np.abs(frame(one).coarse - frame(other).coarse).max() > 200


def test_a_turned_frame_keeps_its_alpha():
    image = noise(4, 6, 4)
    turned = frame(image).turned(90)
    np.testing.assert_array_equal(turned.rgba, np.rot90(image))
