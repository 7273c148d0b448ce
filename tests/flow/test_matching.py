"""Facts about descriptor matching, on pictures with known motion."""

import cv2
import numpy as np
import pytest
import torch

from flow.dis import dis_flow
from flow.matching import WAVES, Patches, match_lost
from flow.two_way import dis_two_way

SHIFT = (70, -24)  # pixels to the right and down


def texture(height: int, width: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def flying_square(side: int = 48) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice], tuple[slice, slice]]:
    """Two pictures of a square before a ground at rest, and the square's place in either."""
    ground, square = texture(360, 640, 0), texture(side, side, 1)
    places = []
    pictures = []
    for left, top in ((200, 180), (200 + SHIFT[0], 180 + SHIFT[1])):
        place = slice(top, top + side), slice(left, left + side)
        picture = ground.copy()
        picture[place] = square
        places.append(place)
        pictures.append(picture)
    return pictures[0], pictures[1], places[0], places[1]


def test_patches_are_told_apart_by_waves_of_their_own_and_not_by_their_mean() -> None:
    waves = WAVES.reshape(len(WAVES), -1)
    assert np.allclose(waves @ waves.T, np.eye(len(waves)), atol=1e-6)
    assert np.abs(WAVES.sum(axis=(2, 3))).max() < 1e-6
    image = texture(90, 120, 0)
    brighter = Patches(image // 2 + 90).descriptors
    assert np.abs(np.linalg.norm(brighter, axis=0) - 1).max() < 0.6  # flat patches are shorter
    alike = (Patches(image // 2).descriptors * brighter).sum(axis=0) / (brighter**2).sum(axis=0)
    assert np.abs(alike - 1).max() < 1e-3


def test_an_object_that_moves_further_than_it_is_large_is_found_both_ways() -> None:
    first, second, before, after = flying_square()
    alone = np.median(dis_flow(first, second, patch_stride=2)[before].reshape(-1, 2), axis=0)
    assert np.abs(alone - SHIFT).max() > 10  # without matching it follows the ground
    tensors = [torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in (first, second)]
    on, back = (flow[0].permute(1, 2, 0).numpy() for flow in dis_two_way(*tensors))
    assert np.median(np.abs(on[before] - SHIFT)) < 1
    assert np.median(np.abs(back[after] + SHIFT)) < 1
    assert np.abs(on[:80]).max() < 0.5  # and the ground stays where it was


def test_matches_are_put_only_where_the_flow_is_lost() -> None:
    first, second, before, after = flying_square()
    flow = dis_flow(first, second)
    guess = match_lost(Patches(first), Patches(second), flow)
    assert guess is not None
    assert guess.dtype == np.float32
    changed = (guess != flow).any(2)
    assert changed[before].mean() > 0.5
    changed[before] = changed[after] = False
    assert changed.mean() < 0.02


def test_what_has_no_counterpart_is_hardly_matched() -> None:
    still = np.zeros((360, 640, 2), np.float32)
    guess = match_lost(Patches(texture(360, 640, 0)), Patches(texture(360, 640, 2)), still)
    assert guess is None or (guess != still).any(2).mean() < 0.02


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (33, 17)])
def test_images_of_any_size_and_without_anything_in_common_are_taken(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, *shape, 3), np.uint8)
    flow = rng.normal(0, 20, (*shape, 2)).astype(np.float32)
    guess = match_lost(Patches(first), Patches(second), flow)
    assert guess is None or guess.shape == flow.shape
