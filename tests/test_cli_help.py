"""What vfi says of itself."""

import os
import re
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from vfi.commands.app import app


def shown(*arguments, **variables):
    return CliRunner().invoke(app, [*arguments, "--help"], env={"COLUMNS": "100", **variables}).stdout


def test_upsample_begins_with_examples_and_groups_its_options():
    text = shown("upsample")
    assert text.index("vfi upsample video.mp4") < text.index("--factor")
    panels = re.findall(r"─ (\w+) ─", text)
    assert panels == ["Arguments", "Options", "Timing", "Model", "Content", "Encoding", "Output", "Interruptions"]


def commands(group, place=()):
    for name, command in group.commands.items():
        yield from commands(command, (*place, name)) if hasattr(command, "commands") else [(*place, name)]


@pytest.mark.parametrize("command", list(commands(get_command(app))), ids=" ".join)
def test_every_command_says_what_it_does_and_no_option_repeats_its_variable(command):
    text = shown(*command)
    assert "Usage: " in text
    assert re.search(r"\n [A-Z].*[.:;,a-z]", text.split("Usage: ")[1])
    assert "env var" not in text


def test_no_color_is_honoured_where_colour_is_forced():
    assert "\x1b[3" in shown("upsample", FORCE_COLOR="1", TERM="xterm-256color")
    plain = shown("upsample", FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell):
    request = {
        "bash": {"COMP_WORDS": "vfi ups", "COMP_CWORD": "1"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "vfi ups"},
        "fish": {"_TYPER_COMPLETE_ARGS": "vfi ups", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    code = "import sys; sys.argv = ['vfi']; import cli; cli.app()"
    environment = os.environ | {"_VFI_COMPLETE": f"complete_{shell}"} | request
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "upsample" in done.stdout, done.stderr
