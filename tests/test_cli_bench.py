"""vfi bench as a user meets it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vfi.commands.app import app

CLIP = Path(__file__).resolve().parent.parent / "samples" / "webb.mp4"


def bench(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


def test_a_real_clip_is_measured_and_drawn(tmp_path):
    plot = tmp_path / "bench.png"
    done = bench(CLIP, "--models", "minterpolate", "--seconds", "0.1", "--rounds", "1", "--plot", plot, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert list(told["methods"]) == ["minterpolate"]
    assert told["clip"]["frames"] >= 3
    assert [path.name for path in tmp_path.iterdir()] == ["bench.png"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((CLIP, "--models", "nope"), 2, "there is no model 'nope'"),
        (("missing.mp4",), 1, "missing.mp4 does not exist"),
        ((CLIP, "--seconds", "0.01"), 1, "fewer than 3 frames"),
        ((CLIP, "--seconds", "0"), 2, "more than 0 seconds"),
        ((CLIP, "--seconds", "soon"), 2, "not a time"),
        ((CLIP, "--rounds", "0"), 2, "--rounds"),
        ((CLIP, "--plot", "bench.pdf"), 2, "does not end in .png"),
        ((CLIP, "--plot", "no/bench.png"), 2, "no is no folder"),
    ],
)
def test_what_cannot_be_measured_is_said_and_leaves_nothing(tmp_path, monkeypatch, arguments, code, says):
    monkeypatch.chdir(tmp_path)
    done = bench(*arguments)
    assert done.exit_code == code, done.output
    assert says in " ".join(done.stderr.replace("│", " ").split())
    if code == 1:
        assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
