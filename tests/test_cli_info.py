"""vfi info as a user meets it."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from vfi.commands.app import app


def info(*arguments):
    return CliRunner().invoke(app, ["info", *map(str, arguments)])


def test_it_tells_what_is_in_a_film_and_what_upsample_would_make_of_it(film):
    done = info(film(sound=["aac"]))
    assert done.exit_code == 0, done.output
    assert "h264, 128x72, yuv420p, 25 fps, 12 frames" in done.stdout
    assert "film_2x.mp4: 24 frames, 50 fps, libx264 yuv420p" in done.stdout
    assert "copies audio 1 (aac)" in done.stdout


def test_a_film_that_upsample_refuses_is_no_error_and_a_damaged_one_is(film):
    one = film("one.mp4", frames=1)
    refused = info(one)
    assert (refused.exit_code, refused.stderr) == (0, "")
    assert "upsample refuses it" in refused.stdout
    one.write_bytes(one.read_bytes()[:1000])
    damaged = info(one, film())
    assert damaged.exit_code == 1
    assert "one.mp4 is cut short or damaged" in damaged.stdout
    assert "film_2x.mp4" in damaged.stdout  # the next one is still told


def test_json_is_a_list_of_files(film):
    path = film(tags=(9, 1, 9, 18))
    good, bad = json.loads(info(path, path.with_name("none.mp4"), "--json").stdout)
    assert (good["video"]["rate"], good["video"]["hdr"], good["upsample"]["frames"]) == ("25", "HLG", 24)
    assert bad["fault"] == bad["upsample"]["refusal"]
    assert "does not exist" in bad["fault"]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode there")
def test_names_that_are_no_unicode_come_out_as_they_are(film):
    odd = os.fsencode(film().parent) + b"/odd\xff.mp4"
    os.rename(film(), odd)
    command = [sys.executable, "-c", "import cli; cli.app()", "info", odd]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(odd + b": ")


def test_in_a_folder_videos_are_taken_and_the_rest_is_told_on_stderr(film):
    path = film()
    (path.parent / "notes.txt").touch()
    done = info(path.parent)
    assert "film.mp4" in done.stdout
    assert "skipped notes.txt" in done.stderr


def test_devices_tells_what_auto_chooses_and_why():
    done = CliRunner().invoke(app, ["devices"])
    assert done.exit_code == 0, done.output
    assert "--device auto: " in done.stdout
    assert "because" in done.stdout
    told = json.loads(CliRunner().invoke(app, ["devices", "--json"]).stdout)
    assert told["cpu"]["instructions"].keys() >= {"avx2", "avx512", "amx_bf16"}
