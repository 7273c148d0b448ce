"""vfi models as a user meets it."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from flow import checksums
from flow.checkpoint import load_checkpoint
from flow.models import build_flow_model
from vfi.commands.app import app

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"


def models(*arguments):
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def test_verify_finds_every_shipped_file_whole():
    done = models("verify")
    assert done.exit_code == 0, done.output
    names = {path.name for path in CHECKPOINTS.glob("*.safetensors")}
    assert done.stdout.splitlines() == [f"{name} is as it was shipped" for name in sorted(names)]


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    """Shipped weights of which one has lost its end."""
    folder = tmp_path / "checkpoints"
    shutil.copytree(CHECKPOINTS, folder)
    with (folder / "fast.safetensors").open("r+b") as file:
        file.truncate(1000)
    monkeypatch.setattr(checksums, "checkpoint_folder", lambda: folder)


@pytest.mark.usefixtures("damaged")
def test_verify_names_the_damaged_file_and_exits_with_1():
    done = models("verify")
    assert done.exit_code == 1
    assert "fast.safetensors is damaged" in done.stdout
    assert "install vfi anew" in done.stderr
    faults = json.loads(models("verify", "--json").stdout)
    assert [name for name, fault in faults.items() if fault] == ["fast.safetensors"]


def test_list_is_told_in_words_or_as_one_json_document():
    listed = {model["name"]: model for model in json.loads(models("list", "--json").stdout)}
    assert {path.stem for path in CHECKPOINTS.glob("*.safetensors")} < set(listed)
    assert (listed["blend"]["parameters"], listed["flownets"]["kind"]) == (0, "optical flow")
    said = models("list").stdout.splitlines()
    assert [line.split(":")[0] for line in said] == list(listed)


def test_info_shows_a_card_or_one_json_document():
    assert "blend: interpolation model blend" in models("info", "blend").stdout
    assert json.loads(models("info", "blend", "--json").stdout)["parameters"] == 0


def test_info_of_what_is_no_model_is_one_sentence(tmp_path):
    (tmp_path / "m.safetensors").write_text("nothing of the kind")
    done = models("info", tmp_path / "m.safetensors")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "is not a readable .safetensors file" in done.stderr


def test_a_public_flow_network_is_imported_under_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with torch.device("meta"):
        shapes = {key: weight.shape for key, weight in build_flow_model("flownets").state_dict().items()}
    hollow = {key: torch.zeros(()).expand(shape) for key, shape in shapes.items()}
    (tmp_path / "public").mkdir()
    torch.save({"state_dict": hollow}, tmp_path / "public" / "flownets_EPE1.951.pth.tar")
    done = models("import", "public/flownets_EPE1.951.pth.tar")
    assert done.stdout == "wrote flownets_EPE1.951.safetensors: flownets\n", done.output
    assert load_checkpoint(tmp_path / "flownets_EPE1.951.safetensors").model == "flownets"
