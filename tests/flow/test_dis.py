from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from flow.dis import _unused, dis_flow


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
    pairs = [(scene(*size, seed=i), scene(*size, seed=i + 9)) for i, size in enumerate([(40, 60), (64, 48)] * 3)]
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
