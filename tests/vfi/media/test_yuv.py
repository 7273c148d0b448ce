"""Pictures as video stores them."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from vfi.media.color import Color, from_rgb, stored_planes
from vfi.media.frame import Frame
from vfi.media.yuv import YuvImage

TAGS = [Color(matrix=1, range=1), Color(matrix=6, range=2)]


def smooth(size, seed=0):
    grain = np.random.default_rng(seed).integers(80, 170, (size[0] // 16, size[1] // 16, 3), np.uint8)
    return cv2.resize(grain, size[::-1], interpolation=cv2.INTER_CUBIC)


def stored(rgb, pix_fmt, color):
    return YuvImage.of(from_rgb(rgb, pix_fmt, color, full_chroma=True), color)


@pytest.mark.parametrize("color", TAGS)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "nv12", "p010le"])
def test_small_is_the_mean_of_rgb_within_its_rounding(pix_fmt, color):
    image = stored(smooth((96, 160)), pix_fmt, color)
    for times in (2, 4, 8):
        mean = cv2.resize(
            image.rgb.astype(np.float32) / np.iinfo(image.dtype).max,
            (160 // times, 96 // times),
            interpolation=cv2.INTER_AREA,
        )
        difference = np.abs(image.small(times) - mean) * 255
        assert image.small(times).shape == (96 // times, 160 // times, 3)
        assert difference.mean() < 0.5
        assert (difference < 2).mean() > 0.99  # rows of chroma are not interpolated for it


@pytest.mark.parametrize("color", TAGS)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p10le"])
def test_rgb_that_adds_to_a_weighted_sum_adds_the_same_in_samples(pix_fmt, color):
    images = [np.full((16, 16, 3), level, np.uint8) for level in ((90, 40, 30), (60, 120, 200))]
    both = [stored(image, pix_fmt, color) for image in images]
    rest = (0.75 * images[1] / 255).astype(np.float32)
    luma, chroma = both[0].in_samples(rest, np.full((16, 16), 0.75, np.float32))
    levels = 4 if pix_fmt.endswith("10le") else 1
    expected = stored(np.rint(0.25 * images[0] + 0.75 * images[1]).astype(np.uint8), pix_fmt, color)
    assert np.abs(0.25 * both[0].luma + luma - expected.luma).max() <= 1.5 * levels
    assert np.abs(0.25 * both[0].chroma[0, 0] + chroma[0, 0] - expected.chroma[0, 0]).max() <= 1.5 * levels


def test_another_picture_of_the_kind_holds_the_samples_given():
    image = stored(smooth((48, 80)), "yuv420p10le", TAGS[0])
    other = image.like(image.luma // 2, image.chroma // 3)
    assert other.picture.format.name == "yuv420p10le"
    assert np.array_equal(other.luma, image.luma // 2)
    assert np.array_equal(other.chroma, image.chroma // 3)
    assert other.peak == 1023


@pytest.mark.parametrize("pix_fmt", ["rgb24", "gbrp", "gray", "gray10le"])
def test_what_is_rgb_or_grey_is_not_taken(pix_fmt):
    picture = av.VideoFrame.from_ndarray(smooth((32, 32)), "rgb24").reformat(format=pix_fmt)
    assert Frame(Fraction(0), Fraction(1), Color(), picture=picture).yuv is None


def test_only_opaque_pictures_are_taken():
    for level, taken in ((255, True), (100, False)):
        picture = av.VideoFrame(32, 32, "yuva420p")
        for plane in stored_planes(picture):
            plane[...] = level
        frame = Frame(Fraction(0), Fraction(1), Color(), picture=picture)
        assert (frame.yuv is not None) == taken
        if taken:  # what is made of it has no alpha that nobody wrote
            new = frame.yuv.like(frame.yuv.luma, frame.yuv.chroma).picture
            assert new.format.name == "yuv420p"
            again = Frame(Fraction(0), Fraction(1), Color(), picture=new).encoded_as("yuva420p", Color())
            assert np.all(stored_planes(again)[3] == 255)
