import subprocess
import sys
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from vfi.interpolator import Interpolator
from vfi.models import load_model
from vfi.tiles import SEAM, Tiled, place_tile, plan_side, plan_tiles

IN_TILES = ["flow-free"]  # on the CPU
FINDING_MOTION = ["classical", "fast", "flow-fusion", "flow-fusion-scratch"]
THIRD = torch.full((1, 1, 1, 1), 1 / 3)


def moving_pictures(size=(300, 452), step=(5, 9), dtype=np.uint8):
    """A texture that pans, something that crosses it by 25 pixels, and a bar that stands still."""
    coarse = np.random.default_rng(0).integers(0, 256, (size[0] // 6, size[1] // 6, 3), np.uint8)
    scene = cv2.resize(coarse, (size[1] + 20, size[0] + 20), interpolation=cv2.INTER_CUBIC)
    before = scene[: size[0], : size[1]].copy()
    after = scene[step[0] : size[0] + step[0], step[1] : size[1] + step[1]].copy()
    top, left = size[0] // 3, size[1] // 3
    after[top : top + 60, left : left + 80] = before[top : top + 60, left - 25 : left + 55] = scene[:60, :80]
    before[10:30, 10:90] = after[10:30, 10:90] = 255
    return tuple(image.astype(dtype) * (np.iinfo(dtype).max // 255) for image in (before, after))


def made(name, pictures, **options):
    return next(Interpolator.load(name, "cpu", **{"precision": "float32", **options}).make(*pictures, [Fraction(1, 3)]))


def as_tensor(image):
    return torch.from_numpy(image.astype(np.float32) / np.iinfo(image.dtype).max).permute(2, 0, 1)[None]


@torch.inference_mode()
def in_tiles(model, pictures, side):
    """What a model makes of pictures tile by tile on any device, in levels of 8 bits, and its confidence."""
    tiles, confidence = Tiled(model, pictures, as_tensor, side).make(THIRD)
    image = np.zeros(pictures[0].shape, np.uint16)
    for tile, made in tiles:
        place_tile(image, tile, made[0].mul(65535).permute(1, 2, 0).numpy())
    return image / 257, confidence


@torch.inference_mode()
def as_a_whole(model, pictures):
    return model(*map(as_tensor, pictures), THIRD)[0].mul(255).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("name", IN_TILES)
def test_tiles_make_what_the_whole_frame_is(name):
    pictures = moving_pictures()
    whole, tiled = made(name, pictures, tile="off"), made(name, pictures, tile=128)
    off = np.abs(whole.image.astype(int) - tiled.image)
    assert off.max() <= 1
    assert np.mean(off > 0) < 0.005
    assert whole.confidence == (tiled.confidence and pytest.approx(tiled.confidence, abs=1e-5))


@pytest.mark.parametrize("name", ["blend", "flow-free"])
def test_on_any_device_tiles_of_what_finds_no_motion_are_what_the_whole_frame_is(name):
    pictures, model = moving_pictures(), load_model(name)
    assert np.abs(as_a_whole(model, pictures) - in_tiles(model, pictures, 128)[0]).max() < 0.5


@pytest.mark.parametrize("name", FINDING_MOTION)
@pytest.mark.parametrize(
    ("scale", "size"),
    [((2, True), (200, 300)), ((1, True), (200, 300)), ((1, False), (201, 303))],
    ids=["reduced flow", "coarse networks", "odd size"],
)
def test_tiles_differ_by_less_than_a_level_on_999_of_1000_pixels(name, scale, size):
    pictures, model = moving_pictures(size), load_model(name)
    model.flow_scale, model.coarse = scale
    tiled, confidence = in_tiles(model, pictures, 64)
    assert np.mean(np.abs(as_a_whole(model, pictures) - tiled) >= 1) < 0.001
    assert (confidence is None) == (name in ("classical", "flow-fusion-scratch"))


@pytest.mark.parametrize("name", FINDING_MOTION)
def test_on_the_cpu_what_finds_motion_needs_no_tiles(name):
    whole, tiled = (made(name, moving_pictures(), tile=tile) for tile in ("off", 128))
    assert np.array_equal(whole.image, tiled.image)
    assert whole.confidence == tiled.confidence


def test_motion_from_beyond_a_tile_and_its_margin_is_found():
    coarse = np.random.default_rng(1).integers(0, 256, (16, 60, 3), np.uint8)
    scene = cv2.resize(coarse, (640, 128), interpolation=cv2.INTER_CUBIC)
    before, middle, after = (scene[:, left : left + 480] for left in (160, 80, 0))  # 160 pixels, tiles of 64
    model = load_model("classical")
    model.follow(lambda first, _: known(first, 160))
    with torch.inference_mode():
        tiles, _ = Tiled(model, (before, after), as_tensor, 64).make(torch.full((1, 1, 1, 1), 0.5))
        image = np.zeros_like(before)
        for tile, pixels in tiles:
            place_tile(image, tile, pixels[0].mul(255).permute(1, 2, 0).numpy())
    assert np.abs(image.astype(int) - middle)[:, 90:-90].max() <= 1


def known(frame, pixels):
    right = frame.new_tensor([float(pixels), 0.0]).view(1, 2, 1, 1).expand(1, 2, *frame.shape[-2:])
    return right, -right


@pytest.mark.parametrize("size", [(64, 64), (65, 200), (301, 433), (720, 1281)])
@pytest.mark.parametrize("name", ["blend", "flow-free", "flow-fusion"])
def test_every_pixel_is_of_one_tile_that_the_network_sees_all_around(size, name):
    model = load_model(name)
    seen = np.zeros(size, int)
    for tile in plan_tiles(model, size, 100):
        seen[tile.core.slices] += 1
        for core, window, axis in ((tile.core.top, tile.made.top, 0), (tile.core.left, tile.made.left, 1)):
            assert window == 0 or core - window >= model.reach + SEAM
            assert window % model.multiple == 0
            end = window + tile.made.size[axis]
            assert end == size[axis] or end - core - tile.core.size[axis] >= model.reach + SEAM
    assert (seen == 1).all()


def test_a_larger_budget_makes_larger_tiles_until_the_frame_fits():
    model = load_model("fast")
    sides = [plan_side(model, (2160, 3840), budget * 10**5) for budget in (1, 3000, 8000, 60000)]
    assert sides[0] == 64 < sides[1] < sides[2]
    assert sides[3] is None


def test_one_tile_fades_into_the_next():
    image = np.zeros((32, 64, 3), np.uint8)
    for tile, level in zip(plan_tiles(load_model("blend"), (32, 64), 64)[:1] * 2, (10, 10), strict=True):
        place_tile(image, tile, np.full((*tile.shown.size, 3), level, np.float32))
    assert (image == 10).all()
    image, tiles = np.zeros((16, 128, 3), np.uint8), plan_tiles(load_model("blend"), (16, 128), 64)
    for tile, level in zip(tiles, (100, 116), strict=True):
        place_tile(image, tile, np.full((*tile.shown.size, 3), level, np.float32))
    row = image[4, :, 0].astype(int)
    assert row[:56].tolist() == [100] * 56
    assert row[72:].tolist() == [116] * 56
    assert (np.diff(row[55:73]) <= 2).all()


SHORT_OF_MEMORY = """
import resource
from fractions import Fraction
import cv2
import numpy as np
import torch
from vfi.interpolator import Interpolator
from vfi.tile_plan import TilePlan

cv2.setNumThreads(1)  # each has 64 MB of addresses of its own
torch.set_num_threads(1)
maker = Interpolator.load("flow-free", "cpu", "float32", backend="torch")
coarse = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
before = cv2.resize(coarse, (1600, 1200), interpolation=cv2.INTER_CUBIC)
pictures = np.stack([before, np.roll(before, 5, axis=1)])
list(maker.make(*pictures[:, :64, :64], [Fraction(1, 2)]))  # libraries are loaded
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 400_000_000,) * 2)
TilePlan._budget = lambda plan: 10**12  # what is free is misjudged
images = list(maker.make(*pictures, [Fraction(1, 3), Fraction(2, 3)]))
print(len(images), images[0].image.shape, maker.notes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit no process's memory")
def test_out_of_memory_is_tried_again_with_smaller_tiles_and_said_once():
    done = subprocess.run([sys.executable, "-c", SHORT_OF_MEMORY], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 (1200, 1600, 3) ('memory was short: frames were made in tiles of ")
    assert done.stdout.count("memory was short") == 1


@pytest.mark.parametrize("tile", ["small", "-3", 8])
def test_tiles_that_make_no_sense_are_refused(tile):
    with pytest.raises(ValueError, match="use auto, off, or a side of 64 pixels or more"):
        Interpolator.load("blend", tile=tile)
