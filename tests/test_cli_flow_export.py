"""Exporting flow networks, and comparing them, from the command line."""

import json

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from flow.checkpoint import save_checkpoint
from flow.files import read_flow
from flow.models import build_flow_model
from flow.noise import NoiseDataset
from vfi.commands.app import app


def vfi(*arguments):
    return CliRunner().invoke(app, ["flow", *(str(argument) for argument in arguments)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a network and two frames."""
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "net.safetensors", "flownets", build_flow_model("flownets", {"width": 0.03}), {})
    sample = NoiseDataset(((50, 70),))[0]
    for name, frame in (("a.png", sample.frame0), ("b.png", sample.frame1)):
        cv2.imwrite(str(tmp_path / name), frame)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_network_is_exported_checked_and_run(folder):
    pytest.importorskip("onnxruntime")
    done = vfi("export", "net.safetensors", "--format", "onnx")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("wrote net.onnx, ")
    assert "flow differs from PyTorch's by 0.00" in done.stdout
    assert "ms for a pair (median) against" in done.stdout
    again = vfi("export", "net.safetensors", "--format", "onnx")
    assert again.exit_code == 1
    assert again.stderr == "Error: net.onnx exists: choose another name with -o, or use --overwrite\n"
    for out, *model in (("theirs", "net.safetensors", "--precision", "float32"), ("ours", "net.onnx")):
        done = vfi("run", "a.png", "b.png", "--model", *model, "--out", out, "--output", "raw")
        assert done.exit_code == 0, done.output
    flows = [read_flow(folder / out / "a.flo")[0] for out in ("theirs", "ours")]
    np.testing.assert_allclose(*flows, atol=0.001)
    assert flows[0].any()


def test_a_network_is_compared_on_a_data_set(folder):
    pytest.importorskip("onnxruntime")
    done = vfi("export", "net.safetensors", "-o", folder, "--data", "synthetic:.", "--limit", 1, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["pairs"], told["files"]) == (1, [str(folder / "net.onnx")])
    assert told["checked_on"].startswith("synthetic:")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("export", "net.safetensors", "--format", "tflite"), 2, "onnx, openvino, torch"),
        (("export", "net.safetensors", "-o", "net.engine"), 2, "must end in .onnx"),
        (("export", "net.safetensors", "-o", "nowhere/net.onnx"), 1, "nowhere is no folder"),
        (("export", "dis"), 2, ".safetensors"),
        (("export", "a.png"), 1, "a.png"),
        (("export", "net.safetensors", "--data", "nowhere"), 1, "nowhere does not exist"),
        (("run", "a.png", "b.png", "--model", "net.safetensors", "--backend", "onnx"), 2, "vfi flow export"),
        (("run", "a.png", "b.png", "--model", "net.onnx"), 1, "net.onnx does not exist"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(folder, arguments, code, words):
    before = sorted(folder.iterdir())
    done = vfi(*arguments)
    assert done.exit_code == code, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr
    assert sorted(folder.iterdir()) == before


def test_networks_are_compared_with_the_classical_methods(folder):
    done = vfi("bench", "synthetic:.", "-m", "net.safetensors", "--limit", 1, "--plot", "bench.png", "--device", "cpu")
    assert done.exit_code == 0, done.output
    names = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert sorted(names[1:-1]) == ["DIS, filled", "DIS, medium", "DIS, stride 2", "Farneback", "net.safetensors"]
    assert cv2.imread("bench.png") is not None
    again = vfi("bench", "synthetic:.", "--plot", "bench.png")
    assert "bench.png exists" in again.stderr
    told = json.loads(vfi("bench", "synthetic:.", "--limit", 1, "--json").stdout)
    assert (told["pairs"], set(told["rows"])) == (1, {"DIS, medium", "DIS, filled", "DIS, stride 2", "Farneback"})
    assert vfi("bench", "synthetic:.", "--plot", "bench.pdf").exit_code == 2
