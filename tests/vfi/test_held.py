"""Held frames, decoded from real encodings of generated pictures."""

import itertools
from fractions import Fraction

import cv2
import numpy as np
import pytest

from vfi.held import alike
from vfi.media import Color, Frame, VideoReader


def scene(index, size):
    """A textured disc that moves by a pixel per index over still texture."""
    _, height = size
    rng = np.random.default_rng(3)
    ground = cv2.resize(rng.integers(0, 256, (9, 16, 3)).astype(np.uint8), size, interpolation=cv2.INTER_CUBIC)
    cv2.circle(ground, (16 * (20 + index), 16 * (height // 2)), 16 * 10, (240, 220, 30), -1, cv2.LINE_AA, 4)
    return ground


@pytest.mark.parametrize(("codec", "options"), [("libx264", {"crf": "18", "preset": "medium"}), ("ffv1", {})])
def test_a_picture_shown_twice_is_recognised_in_spite_of_the_codec(codec, options, film):
    path = film("twos.mkv", codec=codec, options=options, picture=lambda i, size: scene(i // 2, size), frames=16)
    with VideoReader(path) as reader:
        found = [alike(one, other) for one, other in itertools.pairwise(reader)]
    assert found == [True, False] * 7 + [True]


def flat(*levels):
    return Frame(Fraction(0), Fraction(1, 25), Color(), pixels=np.full((48, 64, 3), levels, np.uint8))


def test_a_slow_fade_is_no_repeat():
    assert not alike(flat(100, 100, 100), flat(101, 101, 101))


def test_a_change_of_colour_alone_is_no_repeat():
    grey, tinted = flat(100, 100, 100), flat(120, 90, 100)
    assert abs(float(grey.coarse[..., 0].mean() - tinted.coarse[..., 0].mean())) < 0.5
    assert not alike(grey, tinted)


def test_one_small_moving_thing_is_no_repeat():
    one, other = np.full((2, 480, 640, 3), 90, np.uint8)
    one[100:106, 200:206], other[100:106, 204:210] = 160, 160
    first, second = (Frame(Fraction(0), Fraction(1), Color(), pixels=pixels) for pixels in (one, other))
    assert not alike(first, second)


def test_deep_video_is_measured_in_the_same_levels(film):
    path = film("deep.mkv", pix_fmt="yuv420p10le", codec="ffv1", options={}, frames=3)
    with VideoReader(path) as reader:
        frames = list(reader)
    assert 0 < frames[0].coarse.min() < frames[0].coarse.max() < 256
    assert not alike(frames[0], frames[1])
