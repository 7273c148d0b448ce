from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from vfi.examples import Example, crop_batch
from vfi.models import build_model
from vfi.triplets import Triplet


@pytest.fixture(scope="module")
def model():
    """The classical candidates of flow fusion, which turn with the frames as no trained network does."""
    return build_model("flow-fusion", {"start": "dis", "refine_levels": 0, "fusion": [8, 8], "context": [8, 8]}).eval()


@pytest.fixture(scope="module", params=[1, 2], ids=["full size", "half size"])
def example(request, model):
    """A soft pattern that moves by (3, 2) pixels a frame, and its motion."""
    noise = np.random.default_rng(0).normal(120, 50, (18, 24, 3)).astype(np.float32)
    wall = cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    images = [wall[8 - 2 * i : 104 - 2 * i, 12 - 3 * i : 140 - 3 * i] for i in range(3)]
    model.flow_scale = request.param
    start = model.start(tensor(images[0]), tensor(images[2]))
    return Example(Triplet("wall", *images, Fraction(1, 2)), start, request.param)


def tensor(image):
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


@torch.no_grad()
def made(model, example):
    """(H, W, 3) in 0..1"""
    triplet = example.triplet
    model.flow_scale = example.scale
    pair = model.prepare(tensor(triplet.before), tensor(triplet.after), example.start)
    return model.synthesize(pair, torch.full((1, 1, 1, 1), float(triplet.time)))[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize(("across", "down"), [(True, False), (False, True), (True, True)])
def test_what_is_made_of_mirrored_frames_is_mirrored(model, example, across, down):
    whole = made(model, example)[:: -1 if down else 1, :: -1 if across else 1]
    np.testing.assert_allclose(made(model, example.mirrored(across, down)), whole, atol=2 / 255)


def test_what_is_made_backward_in_time_is_the_same(model, example):
    np.testing.assert_allclose(made(model, example.reversed()), made(model, example), atol=1e-5)


def test_what_is_made_of_a_part_is_the_part(model, example):
    part = made(model, example.cut(16, 32, 64, 64))
    whole = made(model, example)[16:80, 32:96]
    np.testing.assert_allclose(part[12:-12, 12:-12], whole[12:-12, 12:-12], atol=2 / 255)


def test_the_centre_reaches_no_further_than_the_frame(example):
    assert example.centre(64).size == (64, 64)
    assert example.centre(500).size == (96, 128)


def test_each_crop_of_a_batch_comes_with_its_opposite(example):
    batch = crop_batch([example], 3, 48, np.random.default_rng(0))
    assert batch.before.shape == (6, 3, 48, 48)
    assert batch.start.shape == (6, 4, 48 // example.scale, 48 // example.scale)
    turned = torch.rot90(batch.middle[1::2], 2, (2, 3))
    assert torch.equal(batch.middle[0::2], turned)
    assert torch.equal(batch.before[0::2], torch.rot90(batch.after[1::2], 2, (2, 3)))
    mean = batch.start.unflatten(1, (2, 2)).mean(dim=(3, 4))
    assert torch.allclose(mean[0::2, 0], -mean[1::2, 1], atol=1e-5)


def test_of_two_places_the_one_that_changes_more_is_taken():
    before, after = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    after[:, 32:] = np.linspace(0, 200, 32, dtype=np.uint8)[:, None]
    example = Example(Triplet("right", before, before, after, Fraction(1, 2)), None, 1)
    batch = crop_batch([example], 40, 16, np.random.default_rng(0))
    changed = (batch.before - batch.after).abs().mean(dim=(1, 2, 3)) > 0.02
    assert batch.start is None
    assert changed.float().mean() > 0.8  # of single places it would be 0.65
