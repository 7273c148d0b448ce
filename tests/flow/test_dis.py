from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from flow.dis import _unused, dis_flow, refine_on_half


def scene(height, width, seed=0):
    """A random texture with detail of about 4 pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


@pytest.mark.parametrize(("dx", "dy"), [(5, 0), (0, -4), (-7, 3)])
def test_the_flow_points_to_where_the_texture_went(dx, dy):
    image = scene(140, 160)
    flow = dis_flow(image[20:120, 20:140], image[20 - dy : 120 - dy, 20 - dx : 140 - dx])
    inner = flow[15:-15, 15:-15]
    assert flow.shape == (100, 120, 2)
    assert flow.dtype == np.float32
    np.testing.assert_allclose(np.median(inner, axis=(0, 1)), (dx, dy), atol=0.2)


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (11, 11), (16, 16), (17, 33), (300, 5)])
def test_an_image_of_any_size_has_a_flow(size):
    flow = dis_flow(scene(*size), scene(*size, seed=1))
    assert flow.shape == (*size, 2)
    assert np.isfinite(flow).all()


def test_equal_images_do_not_move():
    image = scene(64, 64)
    assert np.abs(dis_flow(image, image)).max() < 0.05


def test_images_of_unequal_size_are_refused():
    with pytest.raises(ValueError, match="one size"):
        dis_flow(scene(64, 64), scene(64, 60))


def test_a_flow_is_the_same_whatever_was_found_before_it_and_beside_it():
    sizes = [(40, 60), (64, 48), (40, 40)] * 3  # the last is so small that DIS changes its own settings
    pairs = [(scene(*size, seed=i), scene(*size, seed=i + 9)) for i, size in enumerate(sizes)]
    guessed = [(*pair, 3, np.full((*pair[0].shape[:2], 2), 3, np.float32)) for pair in pairs]
    calls = [call for both in zip(pairs, guessed, strict=True) for call in both]
    alone = []
    for call in calls:
        _unused.cache_clear()
        alone.append(dis_flow(*call))
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for found, expected in zip(pool.map(lambda call: dis_flow(*call), calls), alone, strict=True):
                np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(alone[0], alone[1])  # a guess does change what is found


@pytest.mark.parametrize("size", [(96, 128), (95, 127), (1, 1), (2, 90)])
def test_refined_on_half_a_flow_has_one_vector_for_four_pixels(size):
    flow = np.random.default_rng(0).normal(3, 1, (*size, 2)).astype(np.float32)
    refined = refine_on_half(scene(*size), scene(*size, seed=1), flow)
    assert (refined.shape, refined.dtype) == (flow.shape, np.float32)
    np.testing.assert_array_equal(refined, refined[::2, ::2].repeat(2, 0).repeat(2, 1)[: size[0], : size[1]])


def test_refined_on_half_a_noisy_flow_is_nearer_to_the_truth_than_its_mean():
    image, truth = scene(120, 160), np.array([3, 0], np.float32)
    noisy = np.random.default_rng(0).normal(truth, 0.5, (120, 160, 2)).astype(np.float32)
    mean = noisy.reshape(60, 2, 80, 2, 2).mean(axis=(1, 3))
    refined = refine_on_half(image, np.roll(image, 3, axis=1), noisy)
    assert np.abs(refined - truth)[10:-10, 10:-10].mean() < 0.6 * np.abs(mean - truth)[5:-5, 5:-5].mean()
