"""Training and scoring flow networks from the command line."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from flow.checkpoint import load_checkpoint
from flow.files import write_flow
from vfi.commands.app import app

SMALL = ("--width", "0.05", "--crop", "64,64", "--batch", "2", "--workers", "1", "--device", "cpu")


def vfi(*arguments):
    return CliRunner().invoke(app, ["flow", *(str(argument) for argument in arguments)])


@pytest.fixture
def chairs(tmp_path):
    """Ten pairs, all of which move by 3 pixels to the right."""
    folder = tmp_path / "chairs" / "data"
    folder.mkdir(parents=True)
    for n in range(10):
        noise = np.random.default_rng(n).integers(0, 255, (80, 96, 3)).astype(np.float32)
        image = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
        cv2.imwrite(str(folder / f"{n:05}_img1.ppm"), image)
        cv2.imwrite(str(folder / f"{n:05}_img2.ppm"), np.roll(image, 3, axis=1))
        write_flow(folder / f"{n:05}_flow.flo", np.broadcast_to(np.float32([3, 0]), (80, 96, 2)))
    return tmp_path / "chairs"


def test_a_network_is_trained_resumed_and_scored(tmp_path, chairs):
    command = ("train", chairs, *SMALL, "--run", tmp_path / "run", "--held-out", "0.2")
    done = vfi(*command, "--steps", 2)
    assert done.exit_code == 0, done.output
    assert "EPE" in done.stderr
    model = tmp_path / "run" / "model.safetensors"
    assert done.stdout == f"wrote {model} and {model.with_name('curve.png')}\n"
    trained = load_checkpoint(model).trained
    assert (trained["data"], trained["pairs"], trained["samples"]) == ("FlyingChairs", 8, 4)
    assert "resuming" in vfi(*command, "--steps", 3).stderr
    assert load_checkpoint(model).trained["steps"] == 3

    scored = vfi("eval", model, chairs, "--split", "val", "--held-out", 0.2, "--device", "cpu", "--json")
    assert scored.exit_code == 0, scored.output
    report = json.loads(scored.stdout)
    assert report["pairs"] == 2
    assert report["report"]["epe"] > 0


def test_epochs_count_rounds_of_the_data(tmp_path, chairs):
    done = vfi("train", chairs, *SMALL, "--run", tmp_path / "run", "--held-out", "0.3", "--epochs", 1.5)
    assert done.exit_code == 0, done.output
    assert load_checkpoint(tmp_path / "run" / "model.safetensors").trained["steps"] == 6  # 1.5 times 7 pairs, by twos
    assert vfi("train", chairs, *SMALL, "--epochs", 1, "--steps", 5).exit_code == 2


def test_made_up_scenes_of_pictures_train_a_network(tmp_path, chairs):
    done = vfi(
        "train", f"synthetic:{chairs / 'data'}", *SMALL, "--steps", 1, "--val", chairs, "--run", tmp_path / "run"
    )
    assert done.exit_code == 0, done.output


def test_made_up_scenes_of_any_size_are_zoomed_and_recoloured_as_told(tmp_path, chairs):
    command = ("train", f"synthetic:{chairs / 'data'}", *SMALL, "--steps", 1, "--run", tmp_path / "run")
    done = vfi(*command, "--size", "96,128", "--zoom", "0.9,1.5", "--light", 0.5, "--reuse", 4, "--optimizer", "muon")
    assert done.exit_code == 0, done.output
    recipe = load_checkpoint(tmp_path / "run" / "model.safetensors").trained["recipe"]
    assert (recipe["reuse"], recipe["optimizer"]) == (4, "muon")
    assert (recipe["augmentation"]["zoom"], recipe["augmentation"]["noise"]) == ([0.9, 1.5], 0.02)
    for option, wrong in (("--size", "96"), ("--zoom", "1"), ("--zoom", "2,1"), ("--zoom", "0,1"), ("--reuse", "0")):
        refused = vfi(*command, option, wrong)
        assert refused.exit_code == 2
        assert option in refused.stderr


def test_a_stack_is_begun_with_networks_of_their_own_units(tmp_path, chairs):
    small = ("train", chairs, *SMALL, "--steps", 1, "--model")
    done = vfi(*small, "flownet2-sd", "--div-flow", 0.05, "--run", tmp_path / "sd")
    assert done.exit_code == 0, done.output
    model = tmp_path / "sd" / "model.safetensors"
    assert load_checkpoint(model).config["div_flow"] == 0.05
    done = vfi(*small, "flownet2", "--init-part", f"flownets_d={model}", "--run", tmp_path / "whole")
    assert done.exit_code == 0, done.output


def test_no_motion_and_dis_are_scored_on_the_same_pairs(chairs):
    zero, dis = (vfi("eval", name, chairs) for name in ("zero", "dis"))
    assert zero.stdout.startswith("EPE 3.000 px, Fl-all 0.00 %")
    assert float(dis.stdout.split()[1]) < 1
    assert "ms for a pair" in dis.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("train", "nowhere"), 1, "nowhere does not exist"),
        (("eval", "dis", "nowhere"), 1, "nowhere does not exist"),
        (("eval", "pwc", "CHAIRS"), 2, "farneback"),
        (("train", "CHAIRS", "--model", "pwc"), 2, "flownets"),
        (("train", "CHAIRS", "--crop", "100,100"), 2, "multiples of 64"),
        (("train", "CHAIRS", "--schedule", "cosine"), 2, "s-long"),
        (("train", "CHAIRS", "--variant", "clean"), 1, "no variant"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(tmp_path, chairs, arguments, code, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = vfi(*(chairs if argument == "CHAIRS" else argument for argument in arguments))
    assert done.exit_code == code, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr
