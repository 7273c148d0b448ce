from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from vfi.study import study
from vfi.study.plan import Plan, all_variants
from vfi.study.study import study_losses

PLAN = Plan(12, widths=(8, 8), crop=32)


def write(path, count=30):
    """A soft pattern that drifts: the blend of two frames is far from the one between."""
    y, x = np.mgrid[:48, :64]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for i in range(count):
            wave = np.stack([np.sin((x + k * y - 2 * i) / 4) for k in (-1, 0, 1)], axis=2)
            picture = (127 + 100 * wave).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    return write(tmp_path_factory.mktemp("films") / "<b>clip&.mkv")


@pytest.fixture(scope="session")
def variants():
    return all_variants(["mse"], ["adam", "sgd"], ["encoder"])


@pytest.fixture(scope="session")
def learn(clip):
    """learn(folder, variants, **what of the plan) -> study, with one rate for each optimizer."""

    def run(folder: Path, variants, stop=None, tell=None, **plan):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(study, "RATES", {"adam": (3e-3,), "sgd": (0.1,)})
            return study_losses(clip, variants, folder, replace(PLAN, **plan), device="cpu", stop=stop, tell=tell)

    return run


@pytest.fixture(scope="session")
def learnt(learn, variants, tmp_path_factory):
    """A study, and the folder of its runs."""
    folder = tmp_path_factory.mktemp("runs")
    return learn(folder, variants), folder
