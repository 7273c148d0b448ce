from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from flow.augment import PLAIN, Augmentation, augment, change_light, draw_geometry, move, softened
from flow.datasets import Sample
from flow.synthetic import random_scene
from flow.warp import backward_warp

SIZE = (120, 160)


def soft_picture(seed, size=(300, 300)):
    image = np.random.default_rng(seed).integers(0, 255, (*size, 3)).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), 4)
    return ((image - image.min()) / (image.max() - image.min()) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def samples():
    """Scenes in which only the motion changes the pictures."""
    rng = np.random.default_rng(3)
    textures = [soft_picture(seed) for seed in range(3)]
    scenes = [random_scene(textures, SIZE, rng, own=0.0, plain=True, largest=0.06) for _ in range(4)]
    return [Sample("s", s.picture(0), s.picture(1), s.flow(0, 1), np.ones(SIZE, bool)) for s in scenes]


def misfit(sample):
    """The median difference, in 8-bit levels, of the first frame and the second one warped to it, and of both."""
    frame0, frame1 = sample.frame0.astype(np.float32), sample.frame1.astype(np.float32)
    flow = torch.from_numpy(sample.flow).permute(2, 0, 1)[None]
    warped = backward_warp(torch.from_numpy(frame1).permute(2, 0, 1)[None], flow)[0].permute(1, 2, 0).numpy()
    height, width = sample.valid.shape
    ends = sample.flow + np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    inside = sample.valid & ((ends >= 0) & (ends <= (width - 1, height - 1))).all(axis=-1)
    assert inside.mean() > 0.5
    by_flow, by_none = (np.median(np.abs(other - frame0)[inside]) for other in (warped, frame1))
    return by_flow, by_none


GEOMETRIC = {
    "crop": {},
    "flip_x": {"flip_x": 1.0},
    "flip_y": {"flip_y": 1.0},
    "enlarge": {"zoom": (1.5, 2.0)},
    "shrink": {"zoom": (0.8, 0.9), "crop": (64, 96)},
    "rotation": {"rotation": 40.0, "zoom": (1.3, 1.3)},
    "relative_zoom": {"relative_zoom": 0.08},
    "relative_rotation": {"relative_rotation": 5.0},
    "relative_translation": {"relative_translation": 0.08},
    "all": {
        "zoom": (0.9, 2.0),
        "rotation": 30.0,
        "flip_x": 0.5,
        "flip_y": 0.5,
        "relative_zoom": 0.04,
        "relative_rotation": 3.0,
        "relative_translation": 0.03,
    },
}


@pytest.mark.parametrize("name", GEOMETRIC)
def test_the_second_frame_warped_by_the_augmented_flow_is_the_first(samples, name):
    augmentation = replace(PLAIN, **({"crop": (80, 112)} | GEOMETRIC[name]))
    misfits = []
    for number, sample in enumerate(samples * 3):
        made = augment(sample, augmentation, np.random.default_rng(number))
        assert made.frame0.shape == made.frame1.shape == (*augmentation.crop, 3)
        assert made.flow.shape == (*augmentation.crop, 2)
        assert made.valid.all()
        misfits.append(misfit(made))
    by_flow, by_none = np.mean(misfits, axis=0)
    assert by_flow < 1.5
    assert by_none > 4 * by_flow


def test_a_crop_is_a_part_of_the_sample(samples):
    sample = replace(samples[0], occluded=np.random.default_rng(0).random(SIZE) < 0.5)
    made = augment(sample, replace(PLAIN, crop=(50, 70)), np.random.default_rng(1))
    windows = np.lib.stride_tricks.sliding_window_view(sample.frame0[..., 0], (50, 70))
    found = np.argwhere((windows == made.frame0[..., 0]).all(axis=(2, 3)))
    assert len(found) == 1
    part = tuple(slice(start, start + side) for start, side in zip(found[0], (50, 70), strict=True))
    np.testing.assert_array_equal(made.frame1, sample.frame1[part])
    np.testing.assert_allclose(made.flow, sample.flow[part], atol=1e-5)
    np.testing.assert_array_equal(made.occluded, sample.occluded[part])


def test_all_places_are_cropped():
    corners = {
        tuple(draw_geometry(replace(PLAIN, crop=(4, 4)), (6, 6), np.random.default_rng(n)).first[:2, 2])
        for n in range(200)
    }
    assert corners == {(x, y) for x in range(3) for y in range(3)}


def test_a_flip_mirrors_frames_and_flow(samples):
    sample = samples[0]
    made = augment(sample, replace(PLAIN, crop=SIZE, flip_x=1.0), np.random.default_rng(0))
    np.testing.assert_array_equal(made.frame0, sample.frame0[:, ::-1])
    np.testing.assert_array_equal(made.frame1, sample.frame1[:, ::-1])
    np.testing.assert_allclose(made.flow, sample.flow[:, ::-1] * (-1, 1), atol=1e-4)


def test_flow_grows_with_the_picture():
    sample = Sample("", np.zeros((60, 60, 3), np.uint8), np.zeros((60, 60, 3), np.uint8), *still((60, 60), 3.0))
    made = augment(sample, replace(PLAIN, crop=(60, 60), zoom=(2.0, 2.0)), np.random.default_rng(0))
    np.testing.assert_allclose(made.flow, np.broadcast_to([6, 0], (60, 60, 2)), atol=1e-5)


def still(size, dx):
    flow = np.zeros((*size, 2), np.float32)
    flow[..., 0] = dx
    return flow, np.ones(size, bool)


def test_a_mean_of_two_motions_never_comes_out():
    flow, valid = still((80, 80), 2.0)
    flow[:, 40:] = (-20, 10)
    frame = np.zeros((80, 80, 3), np.uint8)
    for n in range(5):
        rng = np.random.default_rng(n)
        geometry = draw_geometry(replace(PLAIN, crop=(60, 60), rotation=25.0, zoom=(1.2, 1.9)), (80, 80), rng)
        made = move(Sample("", frame, frame, flow, valid), geometry, (60, 60))
        back = made.flow @ geometry.first[:2, :2].T
        distance = np.minimum(np.abs(back - (2, 0)).max(axis=2), np.abs(back - (-20, 10)).max(axis=2))
        assert distance.max() < 1e-3


def test_unknown_pixels_stay_unknown_and_lend_nothing_to_their_neighbours():
    flow, _ = still((80, 80), 7.0)
    valid = np.random.default_rng(0).random((80, 80)) < 0.3
    flow[~valid] = 0
    frame = np.zeros((80, 80, 3), np.uint8)
    geometry = draw_geometry(replace(PLAIN, crop=(60, 60), rotation=20.0), (80, 80), np.random.default_rng(2))
    made = move(Sample("", frame, frame, flow, valid), geometry, (60, 60))
    assert 0.2 < made.valid.mean() < 0.4
    assert not made.flow[~made.valid].any()
    np.testing.assert_allclose(np.hypot(*made.flow[made.valid].T), 7, atol=1e-3)


@pytest.mark.parametrize("size", [(60, 90), (64, 64), (200, 40), (320, 448)])
def test_the_first_frame_shows_nothing_from_beyond_its_edge(size):
    corners = np.array([[0, 0, 1], [0, 319, 1], [447, 0, 1], [447, 319, 1]])
    for n in range(50):
        geometry = draw_geometry(Augmentation(), size, np.random.default_rng(n))
        places = (corners @ geometry.first.T)[:, :2]
        assert (places >= -1e-6).all()
        assert (places <= np.array([size[1] - 1, size[0] - 1]) + 1e-6).all()


def test_the_same_seed_makes_the_same_sample(samples):
    one, two, other = (
        augment(samples[1], Augmentation(crop=(64, 64)), np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(one.frame1, two.frame1)
    np.testing.assert_array_equal(one.flow, two.flow)
    assert not np.array_equal(one.frame0, other.frame0)


LIGHT = {
    "noise": {"noise": 0.1},
    "brightness": {"brightness": 0.3},
    "contrast": {"contrast": (-0.6, -0.2)},
    "color": {"color": (0.5, 0.8)},
    "gamma": {"gamma": (1.3, 1.6)},
    "relative_light": {"relative_light": 0.1},
}


@pytest.mark.parametrize("name", LIGHT)
def test_light_changes_pictures_and_not_the_flow(samples, name):
    made = change_light(samples[0], replace(PLAIN, **LIGHT[name]), np.random.default_rng(0))
    assert np.abs(made.frame1.astype(int) - samples[0].frame1).mean() > 1
    assert made.frame0.dtype == np.uint8
    assert made.flow is samples[0].flow


def test_without_relative_light_both_frames_change_alike():
    frame = soft_picture(0, (50, 60))
    sample = Sample("", frame, frame, *still((50, 60), 0.0))
    made = change_light(sample, replace(Augmentation(), noise=0.0, relative_light=0.0), np.random.default_rng(4))
    np.testing.assert_array_equal(made.frame0, made.frame1)
    assert not np.array_equal(made.frame0, frame)
    noisy = change_light(sample, replace(PLAIN, noise=0.1), np.random.default_rng(4))
    assert not np.array_equal(noisy.frame0, noisy.frame1)


def test_softened_to_nothing_only_the_motion_changes_the_pictures(samples):
    dark = softened(Augmentation(), 0.0)
    assert change_light(samples[0], dark, np.random.default_rng(0)).frame1 is samples[0].frame1
    assert (
        draw_geometry(replace(dark, crop=(64, 64)), SIZE, np.random.default_rng(0)).first[0, 1] != 0
    )  # it still turns
    assert softened(Augmentation(), 1.0) == Augmentation()


def test_noise_is_white_and_as_strong_as_told():
    grey = np.full((128, 128, 3), 128, np.uint8)
    sample = Sample("", grey, grey, *still((128, 128), 0.0))
    augmentation = replace(PLAIN, noise=0.1)
    strengths = []
    for n in range(20):
        made = change_light(sample, augmentation, np.random.default_rng(n)).frame0.astype(float) - 128
        strengths.append(made.std() / 255)
        assert abs(np.mean(made[:, 1:] * made[:, :-1])) < 0.03 * made.var() + 0.5
    assert 0.08 < max(strengths) < 0.105  # spread evenly up to the most
    assert min(strengths) < 0.03


def test_plain_light_changes_nothing(samples):
    made = change_light(samples[0], PLAIN, np.random.default_rng(0))
    np.testing.assert_array_equal(made.frame0, samples[0].frame0)
    np.testing.assert_array_equal(made.frame1, samples[0].frame1)
