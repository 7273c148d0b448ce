"""Several inputs in one call of vfi upsample."""

import json
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from vfi.commands.app import app
from vfi.interpolator import Interpolator
from vfi.media.probe import probe


def upsample(*arguments):
    return CliRunner().invoke(app, ["upsample", "-m", "blend", *map(str, arguments)])


@pytest.fixture
def folder(film):
    """Two films, one that is torn, and a text."""
    first = film("a.mp4", frames=4)
    film("b.mkv", frames=5)
    (first.parent / "torn.mp4").write_bytes(first.read_bytes()[:1000])
    (first.parent / "notes.txt").touch()
    return first.parent


def test_a_failure_stops_nothing_and_comes_last_in_the_report(folder):
    done = upsample(folder, folder / "none.mp4", "-o", folder / "out")
    assert done.exit_code == 1, done.output
    assert probe(folder / "out" / "a_2x.mp4").video.frames == 8
    assert probe(folder / "out" / "b_2x.mkv").video.frames == 10
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a_2x.mp4", "b_2x.mkv"]
    *_, count, missing, torn = done.stdout.splitlines()
    assert count == "2 of 4 videos done, 2 failed:"
    assert "none.mp4 does not exist" in missing
    assert "torn.mp4 is cut short" in torn
    assert "skipped notes.txt" in done.stderr


def test_all_done_is_exit_code_0_and_a_second_run_takes_no_result_again(folder):
    (folder / "torn.mp4").unlink()
    assert upsample(folder).exit_code == 0
    again = upsample(folder, "--overwrite")
    assert again.exit_code == 0
    assert "2 of 2 videos done" in again.stdout
    assert "skipped notes.txt, a_2x.mp4, b_2x.mkv" in again.stderr


def test_what_an_earlier_run_made_is_left_and_the_rest_is_done(folder):
    assert upsample(folder / "a.mp4").exit_code == 0
    before = (folder / "a_2x.mp4").stat()
    (folder / "torn.mp4").unlink()
    again = upsample(folder)
    assert again.exit_code == 0
    assert "1 of 2 videos done, 1 there already" in again.stdout
    assert "a_2x.mp4 is there already" in again.stderr
    assert (folder / "a_2x.mp4").stat() == before
    assert json.loads(upsample(folder, "--json").stdout)["there"] == [
        str(folder / "a_2x.mp4"),
        str(folder / "b_2x.mkv"),
    ]


def test_standard_output_takes_one_film(folder):
    assert upsample(folder / "a.mp4", folder / "b.mkv", "-o", "-").exit_code == 2


def test_json_is_one_document_of_all(folder):
    report = json.loads(upsample(folder, "-o", folder / "out", "--json").stdout)
    assert [summary["frames_out"] for summary in report["done"]] == [8, 10]
    assert [failure["source"] for failure in report["failed"]] == [str(folder / "torn.mp4")]
    assert report["skipped"] == [str(folder / "notes.txt")]


def test_a_template_names_every_output_and_makes_its_folders(folder):
    done = upsample(folder / "a.mp4", folder / "b.mkv", "-f", 3, "-o", folder / "{factor}" / "{stem}-{model}{suffix}")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (folder / "3").iterdir()) == ["a-blend.mp4", "b-blend.mkv"]
    assert upsample(folder / "a.mp4", "--fps", "60", "-o", folder / "{stem}.{fps}{suffix}").exit_code == 0
    assert (folder / "a.60.mp4").exists()


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [
        ("same.mkv{suffix}", 1, "two inputs would both be written"),
        ("{title}.mp4", 2, "no such field {title}: use {stem}"),
    ],
)
def test_outputs_that_cannot_be_are_refused_before_any_work(folder, output, code, words):
    (folder / "b.mkv").unlink()
    before = sorted(folder.iterdir())
    done = upsample(folder / "a.mp4", folder / "torn.mp4", "-o", folder / output)
    assert done.exit_code == code
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert sorted(folder.iterdir()) == before


def test_the_model_is_loaded_once(folder, monkeypatch):
    loads, load = [], Interpolator.load
    monkeypatch.setattr(Interpolator, "load", lambda *names, **wishes: loads.append(names) or load(*names, **wishes))
    upsample(folder)
    assert len(loads) == 1


def test_quiet_says_only_what_failed(folder):
    done = upsample(folder / "a.mp4", folder / "torn.mp4", "-q")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_cuts_are_listed_of_one_video_alone(folder):
    assert upsample(folder, "--list-cuts").exit_code == 2


def test_ctrl_c_ends_the_batch_with_130_and_says_what_is_done(film):
    long = film("long.mp4", frames=200, size=(640, 360))
    film("a.mp4", frames=4)
    arguments = ["upsample", long.parent, "-m", "blend", "--factor", "40", "-o", long.parent / "out"]
    command = [sys.executable, "-c", "import cli; cli.app()", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list((long.parent).glob("out/.long*")):
        time.sleep(0.05)  # until the second film is being written
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert said.splitlines()[-1] == "1 of 2 videos done"
    assert "To go on: vfi upsample" in errors
    assert {"a_40x.mp4"} <= {path.name for path in (long.parent / "out").iterdir()} <= {
        "a_40x.mp4", ".long_40x.mp4.vfi", "long_40x.partial.mp4"
    }  # fmt: skip
