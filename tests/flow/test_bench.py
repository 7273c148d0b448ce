"""Methods side by side."""

import json

import cv2
import numpy as np
import pytest
import torch

from flow.bench import bench_flow
from flow.by_name import CLASSICAL
from flow.checkpoint import save_checkpoint
from flow.evaluate import evaluate_flow
from flow.models import build_flow_model
from flow.noise import NoiseDataset
from flow.side_by_side import side_by_side

SCENES = NoiseDataset(((64, 96), (64, 96), (70, 80)))


@pytest.fixture
def network(tmp_path):
    torch.manual_seed(0)
    model = build_flow_model("flownets", {"width": 0.05})
    save_checkpoint(tmp_path / "net.safetensors", "flownets", model, {})
    return str(tmp_path / "net.safetensors"), sum(weights.numel() for weights in model.parameters())


def test_every_method_scores_as_it_does_alone(network):
    name, size = network
    found = bench_flow([name, "zero"], SCENES, device="cpu", precision="float32")
    rows = {row.name: row for row in found.rows}
    assert rows["DIS, stride 2"].report == evaluate_flow(CLASSICAL["dis"], SCENES).report
    assert rows["zero"].report == evaluate_flow(CLASSICAL["zero"], SCENES).report
    assert {row.name: row.parameters for row in found.rows} == {
        "DIS, medium": 0,
        "DIS, stride 2": 0,
        "DIS, filled": 0,
        "Farneback": 0,
        name: size,
        "zero": 0,
    }
    times = [row.milliseconds for row in found.rows]
    assert times == sorted(times)
    assert (found.pairs, found.dataset) == (3, "scenes of noise")


def test_the_table_the_json_and_the_picture_tell_of_every_method(network, tmp_path):
    name, _ = network
    seen = []
    found = bench_flow([name], SCENES, limit=2, device="cpu", progress=lambda *now: seen.append(now))
    assert seen == [(1, 2), (2, 2)]
    lines = str(found).splitlines()
    assert len({len(line) for line in lines[1:-1]}) == 1  # columns end where those above end
    for row, line in zip(found.rows, lines[1:-1], strict=True):
        assert line.startswith(row.name)
        assert f"{row.report.epe:.3f}" in line
    told = json.loads(found.to_json())
    assert set(told["rows"]) == {"DIS, medium", "DIS, stride 2", "DIS, filled", "Farneback", name}
    assert told["rows"][name]["report"]["s40_plus"]["epe"] is None
    found.draw(tmp_path / "bench.png")
    picture = cv2.imread(str(tmp_path / "bench.png"))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.png", "net.safetensors"]


def test_methods_take_turns_and_warm_up_on_every_size():
    calls = []

    def noting(name):
        def estimate(frame0, frame1):
            calls.append((name, frame0.shape[0]))
            return CLASSICAL["zero"](frame0, frame1)

        return estimate

    for _, answers in side_by_side({name: noting(name) for name in "ab"}, SCENES, 3, repeats=2):
        assert [set(answer) for answer in answers] == [{"a", "b"}] * 2
    warm = ["a", "a", "b", "b"]
    turns = ["a", "b"] * 2
    assert [name for name, height in calls if height == 64] == warm + turns + turns
    assert [name for name, height in calls if height == 70] == warm + turns
