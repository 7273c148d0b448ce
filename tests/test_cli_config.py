"""Defaults from a file and from the environment, as a user of the command line meets them."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from vfi.commands.app import app
from vfi.media.probe import probe


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A file of defaults in its usual place."""
    monkeypatch.delenv("VFI_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "config"))
    path = CliRunner().invoke(app, ["config", "path"]).stdout.strip()
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as file:
        file.write('[upsample]\nfactor = 3\nmodel = "blend"\n')
    return path


def vfi(*arguments, **variables):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=variables)


def made(path, suffix):
    return probe(path.with_name(f"film_{suffix}.mp4")).video.frames


@pytest.mark.usefixtures("config")
def test_the_command_line_goes_before_the_environment_and_that_before_the_file(film):
    path = film(frames=3)
    assert vfi("upsample", path).exit_code == 0
    assert made(path, "3x") == 9
    assert vfi("upsample", path, VFI_UPSAMPLE_FACTOR="4").exit_code == 0
    assert made(path, "4x") == 12
    assert vfi("upsample", path, "--factor", 5, VFI_UPSAMPLE_FACTOR="4").exit_code == 0
    assert made(path, "5x") == 15


@pytest.mark.usefixtures("config")
def test_a_rate_on_the_command_line_goes_before_a_factor_in_the_file(film):
    path = film(frames=3)
    assert vfi("upsample", path, "--fps", 50).exit_code == 0
    assert made(path, "50fps") == 6
    assert vfi("upsample", path, "--fps", 50, "--factor", 2).exit_code == 2
    both = vfi("upsample", path, VFI_UPSAMPLE_FPS="50", VFI_UPSAMPLE_FACTOR="2")
    assert "give --factor or --fps, not both" in both.stderr


def test_another_file_can_be_named(film, tmp_path):
    (tmp_path / "mine.toml").write_text('[upsample]\nmodel = "blend"\nfps = 100\n')
    path = film(frames=3)
    assert vfi("--config", tmp_path / "mine.toml", "upsample", path).exit_code == 0
    assert made(path, "100fps") == 12


def test_show_tells_what_is_set_and_where(config):
    shown = vfi("config", "show", VFI_UPSAMPLE_CRF="20").stdout.splitlines()
    assert shown == [
        f"upsample.factor = 3  ({config})",
        f"upsample.model = blend  ({config})",
        "upsample.crf = 20  (VFI_UPSAMPLE_CRF)",
    ]
    settings = json.loads(vfi("config", "show", "--json").stdout)
    assert settings[0] == {"option": "upsample.factor", "value": 3, "source": config}


def test_where_nothing_is_set_show_says_so():
    done = vfi("config", "show")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Nothing is set" in done.stderr


def test_a_file_that_is_named_but_not_there_is_told(tmp_path):
    for command in (["config", "show"], ["devices"]):
        done = vfi("--config", tmp_path / "none.toml", *command)
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
        assert "none.toml" in done.stderr


def test_of_a_wrong_value_that_nobody_typed_it_is_told_where_it_is(config, monkeypatch):
    with open(config, "w") as file:
        file.write('[upsample]\ncrf = "low"')
    done = vfi("upsample", "film.mp4")
    assert done.exit_code == 2
    assert "'--crf'" in done.stderr
    told = "".join(line.strip("│ ") for line in done.stderr.splitlines())  # names may be broken into lines
    assert f"as{config}hasit" in told.replace(" ", "")
    monkeypatch.setenv("VFI_UPSAMPLE_CRF", "low")
    assert "VFI_UPSAMPLE_CRF has it" in vfi("upsample", "film.mp4").stderr
    monkeypatch.setenv("VFI_FLOW_ARROWS_SPACING", "wide")
    nested = vfi("flow", "arrows", "film.mp4").stderr
    assert nested.count("VFI_FLOW_ARROWS_SPACING") == 1  # told by one group alone
    typed = vfi("upsample", "film.mp4", "--crf", "low")
    assert typed.exit_code == 2
    assert "has it" not in typed.stderr


@pytest.mark.parametrize(
    ("text", "words"), [("[upsample]\ncfr = 1", "did you mean crf?"), ("upsample", "is no TOML file")]
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_path_still_works(config, text, words):
    with open(config, "w") as file:
        file.write(text)
    done = vfi("upsample", "film.mp4")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert words in done.stderr
    assert vfi("config", "path").stdout.strip() == config


@pytest.mark.usefixtures("config")
def test_help_shows_the_defaults_that_are_set():
    shown = vfi("upsample", "--help").stdout
    assert "[default: blend]" in shown
    assert "VFI_UPSAMPLE" not in shown  # said once, not at each option


def test_every_command_s_help_can_be_had_in_a_shell_without_a_home():
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HOME", "XDG", "VFI"))}
    command = [sys.executable, "-c", "import cli; cli.app()", "config", "path"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
