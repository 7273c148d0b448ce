"""Training interpolation models from the command line, in one process and in several."""

import csv
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from fractions import Fraction
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from flow.checkpoint import load_checkpoint
from flow.files import write_flow
from vfi.commands.app import app
from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.media import read_image
from vfi.round_trip import round_trip
from vfi.triplets import Triplet

ROOT = Path(__file__).resolve().parent.parent
STEPS = 40


def vfi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """A folder of forty frames: a soft pattern that drifts."""
    folder = tmp_path_factory.mktemp("corpus") / "clip"
    folder.mkdir()
    y, x = np.mgrid[:48, :64]
    for i in range(40):
        wave = np.stack([np.sin((x + k * y - 2 * i) / 4) for k in (-1, 0, 1)], axis=2)
        cv2.imwrite(str(folder / f"{i:03}.png"), (127 + 30 * wave).astype(np.uint8))
    return folder


def small(frames, run, *more):
    """The arguments of a training that takes a second or two."""
    return (
        "train", "corpus", frames, "--model", "flow-free", "--model-config", '{"widths": [8, 8]}', "--batch", "2",
        "--crop", "32", "--lr", "3e-3", "--warmup", "2", "--run", run, "--device", "cpu", *more,
    )  # fmt: skip


def curve(run):
    with (run / "curve.csv").open() as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def weights(run):
    return load_checkpoint(run / "model.safetensors").weights


@pytest.fixture(scope="module")
def together(frames, tmp_path_factory):
    """The run folder and the output of two processes, of which one was interrupted, after which both went on."""
    folder = tmp_path_factory.mktemp("together")
    run, script = folder / "run", folder / "main.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, signal, sys, threading, time
            from pathlib import Path
            from vfi.commands.app import app
            from flow import processes

            run = Path(sys.argv[1])

            def interrupt():
                while not (run / "curve.csv").exists() or len((run / "curve.csv").read_text().splitlines()) < 2:
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGINT)

            if os.environ["RANK"] == "1":
                threading.Thread(target=interrupt, daemon=True).start()
            codes = []
            for _ in range(2):
                try:
                    app(sys.argv[2:])
                except SystemExit as exit:
                    codes.append(exit.code)
            rank = processes.rank()
            told = codes, processes.share(f"from {rank}"), processes.mean([rank, 2.5])
            Path(run.parent, f"told-{rank}").write_text(repr(told))
            """
        )
    )
    arguments = small(frames, run, "--steps", STEPS, "--validate-every", 20)
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, "--")
    done = subprocess.run(
        [str(part) for part in (*torchrun, script, run, *arguments)],
        capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return run, done


def test_all_processes_stop_after_the_same_step_when_one_is_interrupted_and_the_first_alone_speaks(together):
    run, done = together
    for rank in (0, 1):
        assert (run.parent / f"told-{rank}").read_text() == repr(([130, 0], "from 0", [0.5, 2.5]))
    wrote, gained, _ = done.stdout.splitlines()
    assert wrote == f"wrote {run / 'model.safetensors'} and {run / 'curve.png'}"
    assert "on 2 held-out frames" in gained
    for words in ("Saved at step", "resuming", f"step {STEPS}: loss"):
        assert done.stderr.count(words) == 1
    assert done.stderr.count("learning from 36 frames in 1 clip") == 2  # once each time
    starts = [json.loads(line) for line in (run / "record.jsonl").read_text().splitlines()]
    assert [start["machine"]["processes"] for start in starts] == [2, 2]
    assert 10 <= starts[1]["step"] < STEPS


def test_two_processes_have_the_curve_of_one_that_sees_as_many_samples(together, frames, tmp_path):
    run, _ = together
    done = vfi(*small(frames, tmp_path / "alone", "--steps", STEPS, "--validate-every", 20, "--accumulate", 2))
    assert done.exit_code == 0, done.output
    ours, theirs = curve(tmp_path / "alone"), curve(run)
    assert [row["step"] for row in theirs] == [*range(10, STEPS + 1, 10)]
    for one, other in zip(ours, theirs, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)
        assert one["lr"] == other["lr"]
        if "psnr" in one:
            assert one["psnr"] == pytest.approx(other["psnr"], abs=0.01)
    assert ours[-1]["psnr"] > ours[1]["psnr"]  # so that there is something to compare
    trained = load_checkpoint(run / "model.safetensors").trained
    assert (trained["steps"], trained["samples"], trained["processes"]) == (STEPS, 4 * STEPS, 2)


def blended(before, after, times):
    """The blend as networks compute it, whose halves fall to either side by chance."""
    model = Interpolator.load("blend", "cpu")
    made = (model.model(model.tensor(before), model.tensor(after), model.time(time)) for time in times)
    return [model.image(frame, before.dtype) for frame in made]


def test_a_single_video_is_told_its_gain_on_the_frames_held_out(frames, tmp_path):
    done = vfi(*small(frames, tmp_path / "run", "--steps", 30))
    assert done.exit_code == 0, done.output
    told = re.search(r"PSNR (.*) -> (.*) dB .*, SSIM (.*) -> (.*) on 2 held-out frames$", done.stdout, re.MULTILINE)
    before, after = ([float(told[i]), float(told[i + 2])] for i in (1, 2))
    pictures = [read_image(frames / f"{i:03}.png") for i in range(36, 40)]  # the last tenth
    triplets = [Triplet(str(i), *pictures[i : i + 3], Fraction(1, 2)) for i in (0, 1)]
    blend = evaluate(blended, triplets)  # as which the network begins
    assert before == pytest.approx([blend.psnr, blend.ssim], abs=0.006)
    last = curve(tmp_path / "run")[-1]
    assert after == pytest.approx([last["psnr"], last["ssim"]], abs=0.006)
    assert after[0] > before[0]
    model = Interpolator.load(f"{tmp_path}/run/model.safetensors", "cpu", backend="torch")
    learnt, plain = (fmean(round_trip(between, triplet) for triplet in triplets) for between in (model, blended))
    assert float(done.stdout.splitlines()[-1].split(" dB where")[0]) == pytest.approx(learnt - plain, abs=0.006)


def test_what_does_not_help_on_the_frames_held_out_is_told(frames, tmp_path):
    done = vfi(*small(frames, tmp_path / "run", "--steps", 2, "--lr", 0))
    assert done.exit_code == 0, done.output
    assert "on 2 held-out frames: it does not help there" in done.stdout
    assert "+0.00 dB where they are made of frames that were made" in done.stdout


def test_a_budget_ends_a_training_before_its_steps_do(frames, tmp_path):
    run = tmp_path / "run"
    command = (*small(frames, run, "--steps", 1000), "--budget", "0.000001s")
    done = vfi(*command)
    assert done.exit_code == 0, done.output
    assert [row["step"] for row in curve(run)] == [1]
    assert "psnr" in curve(run)[0]
    again = vfi(*command)  # whose budget is spent
    assert (again.exit_code, len(curve(run))) == (0, 1)
    more = vfi(*small(frames, run, "--steps", 2))
    assert more.exit_code == 0, more.output
    assert load_checkpoint(run / "model.safetensors").trained["steps"] == 2


def test_a_run_is_repeated_by_its_own_config(frames, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    assert vfi(*small(frames, first, "--steps", 3, "--accumulate", 2, "--spans", "2,3")).exit_code == 0
    done = vfi("train", "corpus", "--config", first / "config.toml", "--run", again)
    assert done.exit_code == 0, done.output
    options = [tomllib.loads((run / "config.toml").read_text()) for run in (first, again)]
    assert options[0] | {"run": str(again)} == options[1]
    assert options[0]["source"] == [str(frames)]
    assert (options[0]["steps"], options[0]["spans"], options[0]["lr"]) == (3, "2,3", 3e-3)
    a, b = weights(first), weights(again)
    assert all(torch.equal(a[name], b[name]) for name in a)
    starts = [json.loads((run / "record.jsonl").read_text()) for run in (first, again)]
    assert starts[0]["data"] == starts[1]["data"]
    assert starts[0]["data"]["files"] == 40


def test_the_command_line_goes_before_a_config_and_that_before_defaults_of_ones_own(frames, tmp_path):
    config, own = tmp_path / "my.toml", tmp_path / "own.toml"
    own.write_text('[train.video]\nsteps = 8\nloss = "mse"\n')
    config.write_text(
        f'source = ["{frames}"]\nsteps = 9\nbatch = 1\ncrop = 32\nspans = "2,3"\ndevice = "cpu"\nfreeze = []\n'
        """model_config = '{"widths": [4, 4]}'\n"""
    )
    run = tmp_path / "run"
    done = vfi("--config", own, "train", "video", "--config", config, "--run", run, "--steps", 1)
    assert done.exit_code == 0, done.output
    trained = load_checkpoint(run / "model.safetensors")
    recipe = trained.trained["recipe"]
    assert (recipe["steps"], recipe["sampling"]["spans"]) == (1, [2, 3])
    assert trained.config == {"widths": [4, 4], "fusion": "encoder"}
    assert (recipe["loss"], recipe["validate_every"]) == ("mse", 500)  # the latter is that of train video


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stepz = 3", "did you mean steps?"),
        ("steps = 2.5", "--steps"),
        ("steps = [3]", "single value"),
        ("batch = 0", "--batch"),
        ("no toml", "TOML"),
        ("config = 'other.toml'", "no option"),
    ],
)
def test_a_config_that_cannot_be_followed_is_told(frames, tmp_path, text, words):
    (tmp_path / "my.toml").write_text(text)
    done = vfi("train", "corpus", frames, "--config", tmp_path / "my.toml")
    assert done.exit_code == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())


def test_the_run_folder_shows_what_became_of_a_few_frames(frames, tmp_path):
    run = tmp_path / "run"
    done = vfi(*small(frames, run, "--steps", 4, "--validate-every", 2))
    assert done.exit_code == 0, done.output
    sheets = sorted((run / "samples").iterdir())
    assert [sheet.name for sheet in sheets] == ["0000002.png", "0000004.png"]
    assert read_image(sheets[0]).std() > 10


def test_a_flow_training_has_a_config_and_accumulates_too(tmp_path):
    run, pairs = tmp_path / "run", tmp_path / "pairs.txt"
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    write_flow(tmp_path / "ab.flo", np.zeros((64, 64, 2), np.float32))
    pairs.write_text("a.png b.png ab.flo\n")
    done = vfi(
        "flow", "train", pairs, "--width", 0.05, "--crop", "64,64", "--batch", 1, "--accumulate", 2,
        "--steps", 1, "--workers", 0, "--device", "cpu", "--run", run, "--val", pairs, "--no-augment",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert load_checkpoint(run / "model.safetensors").trained["samples"] == 2
    options = tomllib.loads((run / "config.toml").read_text())
    assert (options["accumulate"], options["augment"], options["data"]) == (2, False, [str(pairs)])
    done = vfi("flow", "train", "--config", run / "config.toml", "--steps", 2)
    assert "resuming" in done.stderr, done.output
