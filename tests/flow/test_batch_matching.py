"""Facts about descriptor matching of batches: it is that of single pairs."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from flow.batch_matching import match_lost_of_batch
from flow.matching import Patches, match_lost

SHIFT = (70, -24)  # pixels to the right and down


def texture(height: int, width: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def flying_square(side: int) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]]:
    """Two pictures of a square before a ground at rest, and the square's place in the first."""
    ground, square = texture(360, 640, 0), texture(side, side, 1)
    pictures = []
    for left, top in ((200, 180), (200 + SHIFT[0], 180 + SHIFT[1])):
        picture = ground.copy()
        picture[top : top + side, left : left + side] = square
        pictures.append(picture)
    return pictures[0], pictures[1], (slice(180, 180 + side), slice(200, 200 + side))


def tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("side", [48, 130])  # few places to match, and more than are matched
def test_it_finds_what_the_matching_of_one_pair_finds(side: int) -> None:
    first, second, place = flying_square(side)
    still = np.zeros((360, 640, 2), np.float32)
    expected = match_lost(Patches(first), Patches(second), still)
    assert expected is not None
    guess, matched = match_lost_of_batch(tensor(first), tensor(second), tensor(still))
    found = guess[0].permute(1, 2, 0).numpy()
    assert matched.item()
    changed, should = ((flow != 0).any(2) for flow in (found, expected))
    assert np.mean(changed != should) < 0.01
    assert (changed & should)[place].mean() > 0.4
    error = np.linalg.norm(found - SHIFT, axis=2)[place][changed[place]]
    assert np.median(error) < 4  # places of patches are this far apart


def test_a_pair_that_lost_nothing_keeps_its_flow_beside_one_that_did() -> None:
    first, second, _ = flying_square(48)
    flow = torch.randn(1, 2, 360, 640) * 0.01
    firsts = torch.cat([tensor(first), tensor(first)])
    seconds = torch.cat([tensor(first), tensor(second)])
    guess, matched = match_lost_of_batch(firsts, seconds, torch.cat([flow, flow]))
    assert matched.flatten().tolist() == [False, True]
    assert torch.equal(guess[:1], flow)
    torch.testing.assert_close(guess[1:], match_lost_of_batch(firsts[1:], seconds[1:], flow)[0])


def test_what_has_no_counterpart_is_hardly_matched() -> None:
    still = torch.zeros(1, 2, 360, 640)
    guess, _ = match_lost_of_batch(tensor(texture(360, 640, 0)), tensor(texture(360, 640, 2)), still)
    assert (guess != still).any(1).float().mean() < 0.02


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (33, 17)])
def test_images_of_any_size_and_without_anything_in_common_are_taken(shape: tuple[int, int]) -> None:
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 1, 3, *shape))).float()
    guess, matched = match_lost_of_batch(*images, torch.randn(1, 2, *shape) * 20)
    assert guess.shape == (1, 2, *shape)
    assert matched.shape == (1, 1, 1, 1)
