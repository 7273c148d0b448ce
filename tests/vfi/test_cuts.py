"""Cuts on generated films; scenes are soft random textures, different for every seed."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from vfi.cuts import find_cuts, with_cuts
from vfi.media import Color, Frame

SIZE = (160, 96)


def texture(seed, width=SIZE[0]):
    """Shapes of all sizes; RGB (H, width, 3) float32 in 0..255."""
    rng, image = np.random.default_rng(seed), np.zeros((SIZE[1], width, 3), np.float32)
    for cells, strength in ((4, 60), (12, 40), (30, 25)):
        noise = rng.normal(size=(cells, cells * width // SIZE[1], 3)).astype(np.float32)
        image += strength * cv2.resize(noise, (width, SIZE[1]), interpolation=cv2.INTER_CUBIC)
    return (image + 120).clip(0, 255)


def pan(seed, count, step=2):
    """A shot that moves by ``step`` pixels per frame."""
    wide = texture(seed, SIZE[0] + step * count)
    return [wide[:, step * i : step * i + SIZE[0]] for i in range(count)]


def film(images):
    for i, image in enumerate(images):
        pixels = np.ascontiguousarray(image.round().clip(0, 255).astype(np.uint8))
        yield Frame(Fraction(i, 25), Fraction(1, 25), Color(), pixels=pixels)


def cut_frames(images):
    return [int(cut.time * 25) for cut in find_cuts(film(images))]


def test_every_cut_is_found_at_the_first_frame_of_the_new_scene():
    shots = [pan(seed, 5 + seed) for seed in range(6)]
    starts = np.cumsum([len(shot) for shot in shots])[:-1]
    assert cut_frames([image for shot in shots for image in shot]) == starts.tolist()


def test_a_cut_is_found_at_the_very_start_and_end():
    assert cut_frames(pan(0, 1) + pan(1, 6) + pan(2, 1)) == [1, 7]


def test_a_shot_of_two_frames_has_a_cut_on_both_sides():
    assert cut_frames(pan(0, 6) + pan(1, 2) + pan(2, 6)) == [6, 8]


@pytest.mark.parametrize("step", [0, 2, 8, 16])
def test_a_pan_of_up_to_a_tenth_of_the_width_is_no_cut(step):
    assert cut_frames(pan(0, 15, step)) == []


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_is_no_cut(length):
    images = pan(0, 15)
    for i in range(7, 7 + length):
        images[i] = 200 + images[i] / 4
    assert cut_frames(images) == []


def test_a_picture_of_something_else_for_one_or_two_frames_is_no_change_of_scene():
    images = pan(0, 15)
    images[7:9] = pan(1, 2)
    assert cut_frames(images) == []


def test_a_strobe_is_no_cut():
    assert cut_frames([image * (0.2 if i % 2 else 1) for i, image in enumerate(pan(0, 15))]) == []


@pytest.mark.parametrize("length", [12, 25])
def test_a_fade_through_black_is_no_cut(length):
    light = np.concatenate([np.ones(5), np.linspace(1, 0, length)])
    out = [image * level for image, level in zip(pan(0, length + 5), light, strict=True)]
    back = [image * level for image, level in zip(pan(1, length + 5), light[::-1], strict=True)]
    assert cut_frames(out + back) == []


@pytest.mark.parametrize("length", [8, 16])
def test_a_dissolve_is_no_cut(length):
    one, other = texture(0), texture(1)
    assert cut_frames([one * (1 - t) + other * t for t in np.linspace(0, 1, length)]) == []


def test_a_cut_scores_far_above_the_threshold_and_a_higher_threshold_hides_it():
    images = pan(0, 6) + pan(1, 6)
    (cut,) = find_cuts(film(images))
    assert list(find_cuts(film(images), cut.score + 0.01)) == []
    assert [one.time for one in find_cuts(film(images), cut.score)] == [cut.time]


def test_frames_come_out_two_late_and_all_of_them():
    read = []

    def counted():
        for frame in film(pan(0, 10)):
            read.append(frame)
            yield frame

    for number, (frame, _) in enumerate(with_cuts(counted())):
        assert frame is read[number]
        assert len(read) == min(number + 3, 10)
    assert number == 9


def test_deep_and_grey_pictures_are_cut_like_others():
    images = pan(0, 6) + pan(1, 6)
    deep = (
        Frame(Fraction(i), Fraction(1), Color(), pixels=(image * 257).round().astype(np.uint16))
        for i, image in enumerate(images)
    )
    assert [cut.time for cut in find_cuts(deep)] == [6]
    assert cut_frames([image.mean(axis=2, keepdims=True).repeat(3, axis=2) for image in images]) == [6]
