"""Exporting models, and frames computed by other runtimes, from the command line."""

import json

import pytest
from typer.testing import CliRunner

from vfi.commands.app import app


def vfi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_a_model_is_exported_and_compared(tmp_path):
    pytest.importorskip("onnxruntime")
    done = vfi("export", "flow-free", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["files"] == ["flow-free.onnx"]
    assert told["inputs"] == ["frame0", "frame1", "t"]
    assert told["share_within_a_level"] >= 0.999
    again = vfi("export", "flow-free")
    assert again.exit_code == 1
    assert again.stderr == "Error: flow-free.onnx exists: choose another name with -o, or use --overwrite\n"


def test_upsample_computes_by_the_backend_that_is_named(film, tmp_path):
    pytest.importorskip("openvino")
    source = film(frames=4, size=(96, 64))
    for backend in ("torch", "openvino"):
        done = vfi("upsample", source, "-m", "flow-free", "--backend", backend, "-o", tmp_path / f"{backend}.mkv")
        assert done.exit_code == 0, done.output
        assert (tmp_path / "cache").exists() == (backend == "openvino")
    wrong = vfi("upsample", source, "--backend", "tensorrt", "-o", tmp_path / "wrong.mkv")
    assert wrong.exit_code == 2
    assert "auto, torch, openvino, onnx" in wrong.stderr
