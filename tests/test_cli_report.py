"""vfi report as a user meets it."""

import json

import pytest
from typer.testing import CliRunner

from vfi.commands.app import app


def vfi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def result(film):
    source = film("film.mp4")
    assert vfi("upsample", source, "-m", "blend").exit_code == 0
    return source.with_name("film_2x.mp4")


def test_a_result_becomes_a_page_with_numbers_beside_it(result, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    done = vfi("report", result, "--source", result.with_name("film.mp4"), "-m", "blend", "-o", out)
    assert done.exit_code == 0, done.output
    assert "everything else is as in the source" in done.stdout
    assert "blend on every other frame of the source: PSNR" in done.stdout
    assert sorted(path.name for path in out.iterdir()) == ["film_2x_report.html", "film_2x_report.json"]
    numbers = json.loads((out / "film_2x_report.json").read_text())
    assert (len(numbers["frames"]), numbers["score"]["count"]) == (24, 5)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--source", "none.mp4"], 1, "does not exist"),
        (["--source", "film.mp4", "-o", "a.pdf"], 2, "does not end in .html"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence_and_leaves_nothing(result, monkeypatch, arguments, code, words):
    monkeypatch.chdir(result.parent)
    before = sorted(result.parent.iterdir())
    done = vfi("report", result, *arguments)
    assert (done.exit_code, done.stderr.count("\n")) == (code, 1), done.output
    assert words in done.stderr
    assert sorted(result.parent.iterdir()) == before
