"""Wrong usage is told from what fails, and told before anything slow is loaded."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flow import choices as flow_choices
from flow.models import FLOW_MODELS
from flow.two_way import TWO_WAY
from vfi import choices
from vfi.commands.app import app
from vfi.models import VFI_MODELS

CLIP = Path(__file__).resolve().parent.parent / "samples" / "webb.mp4"
VFI = [sys.executable, "-c", "from cli import app; app()"]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("--factor 0", "factor"),
        ("--factor two", "--factor"),
        ("--fps -1", "frame rate"),
        ("--fps-in 0", "--fps-in"),
        ("--start 3 --end 2", "put the end behind"),
        ("--preview 0", "--preview"),
        ("--model nothing", "no model 'nothing'"),
        ("--flow nothing", "no flow model 'nothing'"),
        ("--device gpu", "unknown device"),
        ("--precision half", "unknown precision"),
        ("--flow-scale 3", "unknown flow scale"),
        ("--fallback none", "unknown fallback"),
        ("--backend tensorrt", "unknown backend"),
        ("--tile 3", "unknown tile"),
        ("--memory 4", "--memory"),
        ("--cuts no", "to treat cuts"),
        ("--held no", "to treat held frames"),
        ("--course bent", "unknown course 'bent': use curved or straight"),
        ("--cut-threshold 0", "cut threshold"),
        ("--deinterlace yes", "to deinterlace"),
        ("--codec nothing", "no encoder 'nothing'"),
        ("--codec libx264 --pix-fmt rgb48le", "does not take rgb48le"),
        ("--codec ffv1 --preset slow", "no option 'preset'"),
        ("--preset nonsense", "libx264 has no preset 'nonsense': use ultrafast,"),
        ("--codec libx265 --preset nonsense", "libx265 has no preset 'nonsense'"),
        ("--codec libsvtav1 --preset 99", "libsvtav1 does not take 99 for its option preset"),
        ("--codec libvpx-vp9 --crf 99", "libvpx-vp9 does not take 99 for its option crf"),
        ("--codec libx264 --crf 52", "libx264 takes a crf up to 51"),
        ("--encoder-opt tune=foo", "libx264 has no tune 'foo': use animation,"),
        ("--encoder-opt crf=abc", "libx264 does not take abc for its option crf"),
        ("--encoder-opt crf", "key=value"),
        ("--chunk 0", "--chunk"),
        ("-o {name}.mp4", "no such field {name}"),
        ("-o film.avi", "must end in"),
    ],
)
def test_a_wrong_value_exits_with_2_and_leaves_nothing(tmp_path, monkeypatch, wish, says):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["upsample", str(CLIP), "-o", "out.mp4", *wish.split()], env={"COLUMNS": "200"})
    assert done.exit_code == 2, done.output
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "slowmo CLIP --speed 0",
        "slowmo CLIP --speed 2",
        "slowmo CLIP --audio loud",
        "slowmo CLIP --course bent",
        "eval blend --data CLIP --course bent",
        "slowmo CLIP --model nothing",
        "pair CLIP CLIP --model nothing",
        "adapt CLIP --budget 0s",
        "adapt CLIP --model nothing",
        "compare CLIP --models blend,nothing",
        "compare CLIP -o page.txt",
        "bench CLIP --models nothing",
        "report CLIP --source CLIP --speed 0",
        "report CLIP --source CLIP --model nothing",
        "eval nothing --data CLIP",
        "export nothing",
        "export fast --format caffe",
        "models info nothing",
        "flow run CLIP --model nothing",
        "flow run CLIP --format jpg",
        "flow video CLIP --model nothing",
        "flow arrows CLIP --color 300,0,0",
        "flow export nothing",
        "train corpus CLIP --spans 1",
        "train corpus CLIP --device gpu",
        "web --max-size 3",
    ],
)
def test_every_command_tells_a_wrong_value_from_a_failure_without_torch(tmp_path, wrong):
    words = [str(CLIP) if word == "CLIP" else word for word in wrong.split()]
    code = "import sys; from cli import app\ntry: app()\nfinally: print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path,
                          env=os.environ | {"PYTHONPATH": str(CLIP.parent.parent)})  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "False\n"), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["upsample", "slowmo", "adapt", "compare", "bench"])
def test_a_file_that_is_not_there_is_a_failure(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [command, "nothing.mp4"])
    assert (done.exit_code, done.stderr) == (1, "Error: nothing.mp4 does not exist: check the name\n")


def test_what_is_told_without_torch_is_what_there_is():
    assert set(choices.MODELS) == set(VFI_MODELS)
    assert set(flow_choices.NETWORKS) == set(FLOW_MODELS)
    assert set(flow_choices.TWO_WAY) == set(TWO_WAY)


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("delay", [0.15, 0.25, 0.4, 0.6, 0.9, 1.3])
def test_ctrl_c_while_the_program_loads_ends_it_without_a_traceback(tmp_path, delay):
    command = [*VFI, "upsample", str(CLIP), "-o", str(tmp_path / "out.mp4")]
    environment = os.environ | {"PYTHONPATH": str(CLIP.parent.parent)}
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # in the background it is ignored
    ) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
