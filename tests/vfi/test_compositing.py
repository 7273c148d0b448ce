"""Frames composed from images to images, as PyTorch makes them from tensors."""

import cv2
import numpy as np
import pytest
import torch

from vfi.compositing import compose_image
from vfi.media.color import Color, from_rgb
from vfi.media.yuv import YuvImage
from vfi.models.mixture import Composition, compose


def composition(grid, motion):
    flows, weights = motion * torch.randn(1, 4, *grid).cumsum(3) / 8, torch.rand(1, 2, *grid) / 3
    still, rest = torch.rand(1, 2, *grid) / 6, 0.1 * torch.randn(1, 3, *grid)
    dragged = torch.rand(1, 1, 2 * grid[0], 2 * grid[1]) * (torch.arange(2 * grid[1]) < grid[1])
    return Composition(flows, weights, still, rest, torch.full((1, 1, 1, 1), 0.25), dragged)


def smooth(size, seed):
    grain = np.random.default_rng(seed).integers(0, 256, (size[0] // 8, size[1] // 8, 3), np.uint8)
    return cv2.resize(grain, size[::-1], interpolation=cv2.INTER_CUBIC)


def by_torch(found, images):
    levels = np.iinfo(images[0].dtype).max
    frames = tuple(torch.from_numpy(image.astype(np.float32) / levels).permute(2, 0, 1)[None] for image in images)
    return compose(found, frames).clamp(0, 1)[0].permute(1, 2, 0).numpy() * levels


@pytest.mark.parametrize(
    ("size", "grid"), [((144, 200), (72, 100)), ((271, 333), (68, 84)), ((65, 40), (65, 40)), ((264, 96), (66, 24))]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_images_are_those_of_pytorch_within_a_level(size, grid, dtype):
    torch.manual_seed(0)
    images = [(smooth(size, seed) * (np.iinfo(dtype).max / 255)).astype(dtype) for seed in (1, 2)]
    for motion in (1, 12):  # the second leads far out of the picture
        found = composition(grid, motion)
        made = compose_image(found, *images)
        assert (made.shape, made.dtype) == (images[0].shape, dtype)
        off = np.abs(made - by_torch(found, images)) * (255 / np.iinfo(dtype).max)
        assert (off <= 1).mean() > 0.999


@pytest.mark.parametrize(
    ("size", "grid"), [((144, 200), (72, 100)), ((270, 334), (68, 84)), ((271, 333), (68, 84)), ((264, 96), (66, 24))]
)
@pytest.mark.parametrize(
    ("pix_fmt", "color"),
    [
        ("yuv444p", Color(matrix=1, range=1)),
        ("yuv444p10le", Color(matrix=9, range=1)),
        ("yuv420p", Color(matrix=6, range=2)),
        ("yuv420p10le", Color(matrix=1, range=1)),
        ("yuv422p", Color(matrix=1, range=1)),
    ],
)
def test_what_is_composed_as_stored_is_what_is_composed_as_rgb(size, grid, pix_fmt, color):
    torch.manual_seed(0)
    # Grey is far from the limits of RGB, of which samples as stored know nothing.
    images = [(64 + smooth(size, seed) // 2) for seed in (1, 2)]
    stored = [YuvImage.of(from_rgb(image, pix_fmt, color, full_chroma=True), color) for image in images]
    found = composition(grid, 1)._replace(rest=0.02 * torch.randn(1, 3, *grid))
    made, other = compose_image(found, *stored), compose_image(found, *(image.rgb for image in stored))
    assert made.picture.format.name == pix_fmt
    off = np.abs(made.luma - np.float32(YuvImage(from_rgb(other, pix_fmt, color), color).luma)) * (255 / made.peak)
    assert (off <= 1).mean() > 0.999
    # Of colours that change within two pixels, such as these, fewer samples hold less.
    close = np.abs(made.rgb - other.astype(np.float32)) * (255 / np.iinfo(other.dtype).max)
    assert np.median(close) <= 1 if "444" in pix_fmt else close.mean() < 3


def test_what_is_whiter_than_white_stays_so():
    color, half = Color(matrix=1, range=1), torch.full((1, 1, 1, 1), 0.5)
    bright = YuvImage.of(from_rgb(np.full((16, 16, 3), 255, np.uint8), "yuv420p", color), color)
    bright = bright.like(np.full_like(bright.luma, 250), bright.chroma)
    still = Composition(torch.zeros(1, 4, 8, 8), torch.full((1, 2, 8, 8), 0.5), None, torch.zeros(1, 3, 8, 8), half)
    made = compose_image(still, bright, bright)
    assert np.all(made.luma == 250)
    assert np.array_equal(made.chroma, bright.chroma)


def test_what_a_frame_has_no_range_for_is_cut_not_wrapped():
    images = [np.full((40, 40, 3), level, np.uint8) for level in (2, 253)]
    for weight, level in ((1.5, 255), (-1.5, 0)):
        weights, half = torch.full((1, 2, 8, 8), weight), torch.full((1, 1, 1, 1), 0.5)
        still = Composition(torch.zeros(1, 4, 8, 8), weights, None, torch.zeros(1, 3, 8, 8), half)
        assert np.all(compose_image(still, *images) == level)
