"""The shipped models on real video: known frames are hidden and made again."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
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
    ("name", "gain"), [("flow-fusion", 3), ("flow-fusion-scratch", 3), ("classical", 3), ("flow-free", 0.2)]
)
def test_a_shipped_model_beats_the_blend_on_every_frame(triplets, blend, name, gain):
    report = evaluate(Interpolator.load(name, "cpu", "float32"), triplets)
    for made, blended in zip(report.items, blend.items, strict=True):
        assert made.psnr > blended.psnr + gain
        assert made.ssim > blended.ssim
