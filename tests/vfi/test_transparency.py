from fractions import Fraction

import numpy as np
import pytest

from vfi.media import Color, Frame
from vfi.pipeline import interpolate
from vfi.timing import Factor

TWICE, FOUR_TIMES = Factor(Fraction(2)), Factor(Fraction(4))


def frames(*images):
    return [Frame(Fraction(i), Fraction(1), Color(), pixels=image) for i, image in enumerate(images)]


def rgba(color, alpha, dtype=np.uint8):
    image = np.empty((16, 32, 4), dtype)
    image[..., :3], image[..., 3] = color, alpha
    return image


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_are_mixed_as_they_are_seen_and_rounded(dtype, blend):
    peak = np.iinfo(dtype).max
    red, nothing = rgba((peak, 0, 0), peak, dtype), rgba((0, peak, 0), 0, dtype)
    made = [frame.rgba[0, 0] for frame in interpolate(frames(red, nothing), blend, FOUR_TIMES)][:5]
    # What is hidden, green, never shows: red stays red as it fades.
    assert all(int(pixel[0]) >= peak - 1 and pixel[1] == pixel[2] == 0 for pixel in made[:4])
    exact = [peak, 0.75 * peak, 0.5 * peak, 0.25 * peak, 0]
    assert np.abs([int(pixel[3]) - alpha for pixel, alpha in zip(made, exact, strict=True)]).max() <= 0.5


def test_frames_of_the_source_keep_hidden_colours_as_well(blend):
    source = frames(rgba((1, 2, 3), 0), rgba((200, 10, 20), 9), rgba((7, 8, 9), 255))
    made = list(interpolate(source, blend, TWICE))
    assert all(one.pixels is other.pixels for one, other in zip(made[::2], source, strict=True))


def test_a_shape_that_shows_by_its_alpha_alone_is_no_still_picture(blend):
    one, other = rgba(0, 0), rgba(0, 0)
    one[:, :16, 3] = other[:, 16:, 3] = 255
    made = list(interpolate(frames(one, other), blend, TWICE))
    assert made[1].origin == "made"
    assert set(made[1].alpha.ravel().tolist()) == {128}


def test_the_same_alpha_needs_no_interpolation(blend):
    asked = []

    def between(before, after, times):
        asked.append(before.dtype)
        return blend(before, after, times)

    list(interpolate(frames(rgba(0, 100), rgba(200, 100), rgba(90, 50)), between, TWICE))
    assert asked == [np.uint16, np.uint16, np.uint8]


def test_opaque_frames_are_interpolated_as_they_are(blend):
    asked = []

    def between(before, after, times):
        asked.append(before.dtype)
        return blend(before, after, times)

    made = list(interpolate(frames(rgba(0, 255), rgba(200, 255)), between, TWICE))
    assert asked == [np.uint8]
    assert made[1].rgb.max() == 100


def test_confidence_is_that_of_the_colours():
    class Maker:
        def make(self, before, after, times):
            return [(before, 0.5 if before.dtype == np.uint16 else 0.1) for _ in times]

        def __call__(self, before, after, times):
            raise AssertionError

    made = list(interpolate(frames(rgba(0, 100), rgba(200, 50)), Maker(), TWICE))
    assert made[1].confidence == 0.5
