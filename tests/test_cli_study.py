"""vfi study losses as a user meets it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from vfi.commands.app import app

ROOT = Path(__file__).resolve().parent.parent


def write(path):
    y, x = np.mgrid[:48, :64]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for i in range(24):
            picture = (127 + 100 * np.stack([np.sin((x + k * y - 2 * i) / 4) for k in (-1, 0, 1)], 2)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


def study(*arguments):
    return CliRunner().invoke(app, ["study", "losses", *map(str, arguments)])


ONE = ("--losses", "mse", "--optimizers", "adam", "--fusion", "encoder")


@pytest.fixture
def clip(tmp_path):
    return write(tmp_path / "clip.mkv")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A clip with a study of it beside it, in runs/study-clip."""
    clip = write(tmp_path_factory.mktemp("study") / "clip.mkv")
    runs = clip.parent / "runs" / "study-clip"
    assert study(clip, *ONE, "--steps", "2", "--run", runs, "-o", clip.parent / "page.html").exit_code == 0
    return clip


def test_ctrl_c_saves_and_the_same_command_writes_a_page_with_numbers_beside_it(clip):
    arguments = ["study", "losses", clip.name, "--losses", "mse,ssim", *ONE[2:], "--steps", "10", "--json"]
    code = "import sys; sys.argv[0] = 'vfi'; from cli import app; app()"
    command = [sys.executable, "-c", code, *arguments]
    options = {"cwd": clip.parent, "env": os.environ | {"PYTHONPATH": str(ROOT)}, "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as running:
        said = running.stderr.readline()
        running.send_signal(signal.SIGINT)
        out, rest = running.communicate(timeout=120)
    assert said.startswith("mse, adam, encoder: PSNR ")
    assert (running.returncode, out) == (130, ""), rest
    assert "To go on: vfi study losses clip.mkv" in rest
    assert "Saved in runs/study-clip: 1 of 2 runs are done." in rest
    done = subprocess.run(command, capture_output=True, **options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((clip.parent / "clip_study.json").read_text())
    assert [run["steps"] for run in found["runs"]] == [10, 10]
    assert "<polyline" in (clip.parent / "clip_study.html").read_text()


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (["--losses", "hue"], "unknown loss 'hue'"),
        (["--optimizers", "lion"], "unknown optimizer 'lion'"),
        (["--fusion", "both"], "unknown fusion 'both'"),
        (["--budget", "soon"], "not a time like 60s"),
        (["--budget", "60s", "--steps", "9"], "not both"),
        (["-o", "page.pdf"], "does not end in .html"),
        (["--end", "0.2"], "too few to learn from"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence_and_leaves_nothing(clip, monkeypatch, wish, words):
    monkeypatch.chdir(clip.parent)
    done = study(clip, *wish)
    assert done.exit_code in (1, 2)
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mkv"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("study.json", "{"),
        ("study.json", "[1]"),
        ("mse-adam-encoder/rates.json", "{"),
        ("mse-adam-encoder/rates.json", "[]"),
        ("mse-adam-encoder/rates.json", '{"fast": 1}'),
        ("mse-adam-encoder/rates.json", '{"0.001": "low"}'),
        ("mse-adam-encoder/state.pt", "no state"),
        ("mse-adam-encoder/curve.csv", "step,loss\n1,"),
    ],
)
def test_what_is_damaged_is_named_with_the_way_out(learnt, monkeypatch, name, content):
    monkeypatch.chdir(learnt.parent)
    file = learnt.parent / "runs" / "study-clip" / name
    whole = file.read_bytes()
    file.write_text(content)
    try:
        done = study(learnt, *ONE, "--steps", "2")
    finally:
        file.write_bytes(whole)
    assert done.exit_code == 1, done.output
    assert f"{name} is damaged: " in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_folder_of_another_study_is_no_wrong_usage(learnt, monkeypatch):
    monkeypatch.chdir(learnt.parent)
    done = study(learnt, *ONE, "--steps", "3")
    assert done.exit_code == 1
    assert "holds a study with steps 2: name another folder with --run" in done.stderr
