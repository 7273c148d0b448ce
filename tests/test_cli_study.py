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


@pytest.fixture
def clip(tmp_path):
    y, x = np.mgrid[:48, :64]
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for i in range(24):
            picture = (127 + 100 * np.stack([np.sin((x + k * y - 2 * i) / 4) for k in (-1, 0, 1)], 2)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return tmp_path / "clip.mkv"


def study(*arguments):
    return CliRunner().invoke(app, ["study", "losses", *map(str, arguments)])


ONE = ("--losses", "mse", "--optimizers", "adam", "--fusion", "encoder")


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
