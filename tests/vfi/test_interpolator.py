import os
import subprocess
import sys
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from flow.checkpoint import save_checkpoint
from flow.models import build_flow_model
from vfi.interpolator import Interpolator
from vfi.models import build_model

HALF = [Fraction(1, 2)]


class Constant(nn.Module):
    """Makes every frame of one grey."""

    def __init__(self, grey: float) -> None:
        super().__init__()
        self.grey = grey

    def prepare(self, frame0, frame1):
        return frame0

    def synthesize(self, state, t):
        return torch.full_like(state, self.grey)


@pytest.mark.parametrize(("grey", "level"), [(0.499 / 255, 0), (0.501 / 255, 1), (254.6 / 255, 255)])
def test_colours_are_rounded_not_truncated(grey, level):
    image = np.zeros((4, 4, 3), np.uint8)
    (made,) = Interpolator(Constant(grey), "cpu", "float32")(image, image, HALF)
    assert (made == level).all()


def test_sixteen_bit_images_stay_exact():
    before = np.full((4, 4, 3), 65535, np.uint16)
    after = np.full((4, 4, 3), 65531, np.uint16)
    (made,) = Interpolator.load("blend", "cpu", "float32")(before, after, HALF)
    assert made.dtype == np.uint16
    assert (made == 65533).all()


def test_every_time_gets_its_image_in_order():
    before, after = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 200, np.uint8)
    times = [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]
    made = Interpolator.load("blend", "cpu", "float32")(before, after, times)
    assert [int(image.mean()) for image in made] == [50, 100, 150]


def test_red_stays_in_the_first_channel():
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    (made,) = Interpolator.load("classical", "cpu", "float32")(red, red, HALF)
    assert np.array_equal(made, red)


def test_bfloat16_differs_from_float32_by_little():
    rng = np.random.default_rng(0)
    before = np.kron(rng.integers(0, 255, (12, 16, 3)), np.ones((6, 6, 1))).astype(np.uint8)
    after = np.roll(before, 3, axis=1)
    (exact,), (rough,) = (
        Interpolator.load("flow-fusion", "cpu", precision)(before, after, HALF) for precision in ("float32", "bfloat16")
    )
    assert np.abs(exact.astype(int) - rough).mean() < 2


def test_images_of_unequal_size_are_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"6x4.*8x4"):
        Interpolator.load("blend")(np.zeros((4, 6, 3), np.uint8), np.zeros((4, 8, 3), np.uint8), HALF)


@pytest.mark.parametrize(("device", "precision"), [("gpu7", "auto"), ("cpu", "float8")])
def test_unknown_devices_and_precisions_are_refused(device, precision):
    with pytest.raises(ValueError, match="unknown"):
        Interpolator.load("blend", device, precision)


def test_a_flow_scale_for_a_model_without_motion_is_refused():
    with pytest.raises(ValueError, match="no motion"):
        Interpolator.load("blend", "cpu", "float32", flow_scale="1/2")


@pytest.mark.parametrize("scale", ["1", "1/2", "1/4", "1/8"])
@pytest.mark.parametrize("size", [(1, 1), (37, 91)])
def test_frames_of_any_size_come_back_at_their_size_whatever_the_flow_scale(scale, size):
    image = np.full((*size, 3), 100, np.uint8)
    (made,) = Interpolator(build_model("flow-fusion", {"start": "dis"}), "cpu", "float32", scale)(image, image, HALF)
    assert made.shape == image.shape
    assert (made == 100).all()


def texture(size=(64, 96)):
    coarse = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    soft = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic").clamp(0, 1)
    return soft[0].permute(1, 2, 0).mul(255).byte().numpy()


@pytest.mark.parametrize("name", ["classical", "flow-fusion", "fast"])
def test_with_true_flow_a_shifted_image_is_a_quarter_on_its_way(name):
    scene = texture()
    before, quarter, after = (scene[:, 16 - shift : 80 - shift] for shift in (0, 4, 16))

    def known(frame0, frame1):
        right = torch.tensor([16.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, *frame0.shape[-2:])
        return right, -right

    (made,) = Interpolator.load(name, "cpu", "float32", flow=known)(before, after, [Fraction(1, 4)])
    off = np.abs(made.astype(int) - quarter)[8:-8, 20:-20]
    assert off.max() <= 1 if name == "classical" else off.mean() < 2
    assert np.abs(before.astype(int) - quarter)[8:-8, 20:-20].mean() > 10


@pytest.mark.parametrize("name", ["classical", "flow-fusion", "fast"])
@pytest.mark.parametrize("scale", ["1", "1/2"])
def test_a_flow_network_takes_the_place_of_dis_by_the_name_of_its_file(tmp_path, name, scale):
    file = tmp_path / "net.safetensors"
    save_checkpoint(file, "flownets", build_flow_model("flownets", {"width": 0.05}), {})
    scene = texture()
    before, after = scene[:, 16:80], scene[:, :64]
    (of_dis,), (of_net,) = (
        Interpolator.load(name, "cpu", "float32", scale, flow)(before, after, HALF) for flow in ("dis", str(file))
    )
    (alone,) = Interpolator.load(name, "cpu", "float32", scale)(before, after, HALF)
    assert np.array_equal(of_dis, alone)
    assert of_net.shape == before.shape
    assert np.abs(of_net.astype(int) - of_dis).mean() > 1


@pytest.mark.parametrize("name", ["blend", "flow-free", "flow-fusion-scratch"])
def test_another_flow_for_a_model_that_starts_from_none_is_refused(name):
    with pytest.raises(ValueError, match="leave out the flow"):
        Interpolator.load(name, "cpu", "float32", flow="dis")


@pytest.mark.parametrize(("name", "knows"), [("classical", True), ("fast", True), ("flow-free", False)])
def test_the_motion_behind_a_frame_is_that_from_before_to_after(name, knows):
    coarse = np.random.default_rng(0).integers(0, 255, (16, 24, 3), np.uint8)
    before = cv2.resize(coarse, (192, 128), interpolation=cv2.INTER_CUBIC)
    after = np.roll(before, (2, 4), axis=(0, 1))
    motion = Interpolator.load(name, "cpu", "float32").motion(before, after, Fraction(1, 2))
    assert (motion is not None) == knows
    if motion is not None:
        assert motion.shape == (128, 192, 2)
        assert np.median(motion[16:-16, 16:-16], axis=(0, 1)) == pytest.approx([4, 2], abs=0.25)


def test_a_frame_between_unlike_pictures_is_trusted_less_than_one_between_like_ones():
    scene = texture()
    first, second, other = scene[:, 16:80], scene[:, 14:78], texture()[::-1, 32:96]
    maker = Interpolator.load("flow-fusion", "cpu", "float32")
    (like,), (unlike,) = maker.make(first, second, HALF), maker.make(first, other, HALF)
    assert 0 < unlike.confidence < like.confidence - 0.1 < 1
    assert np.array_equal(maker(first, second, HALF)[0], like.image)


def test_without_confidence_there_is_none_and_no_fallback():
    scene = texture()
    (made,) = Interpolator.load("classical").make(scene, scene, HALF)
    assert made.confidence is None
    with pytest.raises(ValueError, match="leave out the fallback"):
        Interpolator.load("classical", fallback="hold")
    with pytest.raises(ValueError, match="use soft, blend, hold, off"):
        Interpolator.load("flow-fusion", fallback="guess")


def test_where_it_is_not_trusted_a_frame_falls_back_as_asked():
    first, second = texture()[:, 16:80], texture()[::-1, 32:96]
    made = {
        way: Interpolator.load("flow-fusion", "cpu", "float32", fallback=way)(first, second, HALF)[0].astype(int)
        for way in ("soft", "blend", "hold", "off")
    }
    blended = (first.astype(int) + second) / 2
    away = {way: np.abs(image - blended).mean() for way, image in made.items()}
    assert away["blend"] < away["off"]
    assert np.abs(made["hold"] - second).mean() < np.abs(made["off"] - second).mean()
    detail = {way: np.abs(np.diff(image, axis=1)).mean() for way, image in made.items()}
    assert detail["soft"] < detail["off"]


MADE_OF_NOISE = """
import sys
from fractions import Fraction
import numpy as np
from vfi.interpolator import Interpolator

noise = np.kron(np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
model = Interpolator.load("flow-fusion", "cpu", "float32", backend="torch")
np.save(sys.argv[1], model(noise, np.roll(noise, 3, 1), [Fraction(1, 2)])[0])
"""


def test_a_cpu_that_has_only_avx2_makes_the_same_frame(tmp_path):
    images = []
    for name, limits in (("all", {}), ("avx2", {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"})):
        file = tmp_path / f"{name}.npy"
        subprocess.run([sys.executable, "-c", MADE_OF_NOISE, str(file)], check=True, env={**os.environ, **limits})
        images.append(np.load(file).astype(int))
    difference = np.abs(images[0] - images[1])
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001
