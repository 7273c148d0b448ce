import json
import math
import time

import cv2
import numpy as np
import pytest
import torch

from flow.by_name import CLASSICAL, find_estimator
from flow.checkpoint import save_checkpoint
from flow.datasets import Sample
from flow.evaluate import evaluate_flow
from flow.metrics import measure_flow
from flow.models import build_flow_model
from flow.synthetic import random_scene

SIZE = (96, 128)


class Scenes:
    name = "scenes"

    def __init__(self, count=4, occlusions=False):
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 255, (200, 200, 3)).astype(np.float32)
        texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
        scenes = [
            random_scene([texture], SIZE, rng, slowest=0.02, largest=0.06, own=0.0, plain=True) for _ in range(count)
        ]
        hidden = np.broadcast_to(np.arange(SIZE[1]) < 32, SIZE) if occlusions else None
        self.samples = [
            Sample(f"{n}", s.picture(0), s.picture(1), s.flow(0, 1), np.ones(SIZE, bool), hidden)
            for n, s in enumerate(scenes)
        ]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


@pytest.fixture(scope="module")
def scenes():
    return Scenes()


def test_classical_estimators_beat_no_motion(scenes):
    found = {name: evaluate_flow(estimate, scenes).report for name, estimate in CLASSICAL.items()}
    assert found["dis"].epe < 0.3 * found["zero"].epe
    assert found["farneback"].epe < 0.6 * found["zero"].epe
    assert found["dis"].fl_all < found["zero"].fl_all


def test_the_error_of_no_motion_is_the_mean_speed(scenes):
    found = evaluate_flow(CLASSICAL["zero"], scenes)
    speeds = [np.linalg.norm(sample.flow, axis=2).mean() for sample in scenes.samples]
    assert found.report.epe == pytest.approx(np.mean(speeds), rel=1e-5)
    assert [name for name, _ in found.by_pair] == ["0", "1", "2", "3"]
    assert [epe for _, epe in found.by_pair] == pytest.approx(speeds, rel=1e-5)
    assert (
        found.report.pixels
        == 4 * SIZE[0] * SIZE[1]
        == sum(band.pixels for band in (found.report.s0_10, found.report.s10_40, found.report.s40_plus))
    )
    assert (found.matched.pixels, found.unmatched.pixels) == (0, 0)


def test_what_is_hidden_is_measured_apart():
    scenes = Scenes(2, occlusions=True)
    found = evaluate_flow(CLASSICAL["zero"], scenes)
    hidden = np.mean([np.linalg.norm(sample.flow[:, :32], axis=2).mean() for sample in scenes.samples])
    assert found.unmatched.pixels * 3 == found.matched.pixels
    assert found.unmatched.epe == pytest.approx(hidden, rel=1e-5)


def test_the_same_is_told_in_words_and_in_json(scenes):
    found = evaluate_flow(CLASSICAL["zero"], scenes)
    told = json.loads(found.to_json())
    assert told["report"]["epe"] == found.report.epe
    assert told["matched"] == {"pixels": 0, "epe": None}
    assert told["by_pair"] == dict(found.by_pair)
    assert f"EPE {found.report.epe:.3f} px" in str(found)
    assert "hidden" not in str(found)


def test_a_network_is_measured_as_it_answers(scenes, tmp_path):
    torch.manual_seed(0)
    model = build_flow_model("flownets", {"width": 0.05})
    save_checkpoint(tmp_path / "a.safetensors", "flownets", model, {})
    estimate, device = find_estimator(str(tmp_path / "a.safetensors"), "cpu", "float32")
    found = evaluate_flow(estimate, scenes, device=device)
    sample = scenes[1]
    assert device == "cpu"
    assert found.by_pair[1][1] == measure_flow(estimate(sample.frame0, sample.frame1), sample.flow).epe
    assert found.milliseconds > 0
    assert math.isnan(found.peak_mebibytes) or found.peak_mebibytes > 10


def test_the_median_time_leaves_out_the_first_runs(scenes):
    calls = []

    def slow_at_first(frame0, frame1):
        calls.append(frame0)
        if len(calls) <= 2:
            time.sleep(0.1)
        return CLASSICAL["zero"](frame0, frame1)

    assert evaluate_flow(slow_at_first, scenes).milliseconds < 50
    assert len(calls) == len(scenes) + 2


def test_a_limit_spreads_over_the_data_set(scenes):
    seen = []
    found = evaluate_flow(CLASSICAL["zero"], scenes, limit=2, progress=lambda *now: seen.append(now))
    assert [name for name, _ in found.by_pair] == ["0", "2"]
    assert seen == [(1, 2), (2, 2)]
    assert evaluate_flow(CLASSICAL["zero"], scenes, limit=99).pairs == 4
    with pytest.raises(ValueError, match="no pairs of scenes"):
        evaluate_flow(CLASSICAL["zero"], scenes, limit=0)
