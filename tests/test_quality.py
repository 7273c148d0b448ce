"""The shipped models on real video: known frames are hidden and made again."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from flow.synthetic import random_scene
from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.models import load_model
from vfi.triplets import Triplet

CLIP = Path(__file__).resolve().parent.parent / "samples" / "webb.mp4"


@pytest.fixture(scope="module")
def triplets():
    """Three frames four apart in time from the sample: the camera moves by some pixels between them."""
    with av.open(str(CLIP)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][:30]
    return [Triplet(f"{i}", frames[i], frames[i + 4], frames[i + 8], Fraction(1, 2)) for i in (0, 10, 20)]


@pytest.fixture(scope="module")
def blend(triplets):
    return evaluate(Interpolator.load("blend", "cpu", "float32"), triplets)


@pytest.mark.parametrize(
    ("name", "gain"),
    [("flow-fusion", 3), ("fast", 3), ("flow-fusion-scratch", 3), ("classical", 3), ("flow-free", 0.2)],
)
def test_a_shipped_model_beats_the_blend_on_every_frame_and_is_as_bright_as_its_neighbours(triplets, blend, name, gain):
    report = evaluate(Interpolator.load(name, "cpu", "float32"), triplets)
    for made, blended in zip(report.items, blend.items, strict=True):
        assert made.psnr > blended.psnr + gain
        assert made.ssim > blended.ssim
        assert abs(made.luma_step) < 0.5


def test_large_motion_is_found(triplets):
    """Scenes with known motion, all their layers moving by up to 12 % of the width."""
    model = load_model("flow-fusion")
    textures = [image for triplet in triplets for image in (triplet.before, triplet.after)]
    rng = np.random.default_rng(0)
    errors, gains = [], []
    for _ in range(6):
        scene = random_scene(textures, (360, 640), rng, slowest=0.06, largest=0.12, plain=True)
        first, middle, last = (torch.from_numpy(scene.picture(t)).permute(2, 0, 1)[None] / 255 for t in (0.0, 0.5, 1.0))
        true = np.concatenate([scene.flow(0.5, 0.0), scene.flow(0.5, 1.0)], axis=2)
        t = torch.full((1, 1, 1, 1), 0.5)
        with torch.inference_mode():
            pair = model.prepare(first, last)
            motion = model.motion(pair, t)
            made = model.synthesize(pair, t)
        error = (motion.flows[0].permute(1, 2, 0).numpy() - true).reshape(360, 640, 2, 2)
        errors.append(np.hypot(error[..., 0], error[..., 1]))
        mse = [(frame - middle).square().mean() for frame in (made, (first + last) / 2)]
        gains.append(10 * torch.log10(mse[1] / mse[0]).item())
    assert np.median(errors) < 1
    assert np.mean(gains) > 4
