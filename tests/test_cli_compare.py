"""vfi compare as a user meets it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vfi.commands.app import app

CLIP = Path(__file__).resolve().parent.parent / "samples" / "webb.mp4"


def compare(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_a_real_clip_becomes_a_page_with_numbers_beside_it(tmp_path):
    report = tmp_path / "report.html"
    done = compare(CLIP, "--models", "blend,minterpolate", "--end", "0.2", "-o", report, "--json")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]
    numbers = json.loads(done.stdout)
    assert numbers == json.loads((tmp_path / "report.json").read_text())
    assert list(numbers["methods"]) == ["blend", "minterpolate"]
    for method in numbers["methods"].values():
        assert len(method["frames"]) == len(numbers["frames"])
        assert method["psnr"] > 30
        assert method["ms_per_frame"] > 0
        assert method["peak_bytes"] > 2**23


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--models", "nope"), 2, "there is no model 'nope'"),
        (("--models", "blend,blend"), 2, "named twice"),
        (("--models", "minterpolate", "--start", "90"), 1, "no frame in the part"),
        (("-o", "report.pdf"), 2, "does not end in .html"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, arguments, code, says):
    monkeypatch.chdir(tmp_path)
    done = compare(CLIP, *arguments)
    assert (done.exit_code, done.stderr.count("\n")) == (code, 1), done.output
    assert says in done.stderr
    assert not list(tmp_path.iterdir())
