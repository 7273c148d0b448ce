"""Standard input and output that are closed, or do not take what they are given."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vfi.media import VideoReader

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a shell of Unix")


@pytest.fixture
def shell(film, tmp_path):
    """shell(line) -> the finished process; in the line vfi is the program, and film.mp4 is there."""
    film("film.mp4", frames=4, size=(64, 48))

    def run(line):
        defined = f'vfi() {{ "{sys.executable}" -c "from cli import app; app()" "$@"; }}; {line}'
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(
            ["bash", "-c", defined], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )

    return run


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (">&-", "Error: standard output is closed: send it to a file or a pipe\n"),
        ("> /dev/full", "Error: no room left to write the result: free some space or choose another place\n"),
    ],
)
def test_an_output_that_takes_nothing_is_told_in_one_sentence(shell, tmp_path, where, sentence):
    if "full" in where and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    piped = shell(f"vfi upsample film.mp4 -m blend -o - {where}")
    assert (piped.returncode, piped.stderr) == (1, sentence)
    reported = shell(f"vfi upsample film.mp4 -m blend -o out.mp4 {where}")
    assert (reported.returncode, reported.stderr) == (1, sentence)
    with VideoReader(tmp_path / "out.mp4") as film:  # only the report is lost
        assert len(list(film)) == 8


def test_with_all_streams_closed_the_film_is_written_and_nothing_into_it(shell, tmp_path):
    shell("vfi upsample film.mp4 -m blend -o out.mp4 -v <&- >&- 2>&-")
    with VideoReader(tmp_path / "out.mp4") as film:
        assert len(list(film)) == 8


def test_a_closed_input_is_no_video(shell):
    done = shell("vfi upsample - -m blend -o out.mp4 <&-")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: standard input is no y4m stream")


def test_a_reader_that_leaves_ends_the_program_without_a_word(shell):
    done = shell("vfi upsample film.mp4 -m blend --factor 50 -o - | head -c 1000 | wc -c; echo ${PIPESTATUS[0]}")
    assert (done.stdout.split(), done.stderr) == (["1000", "1"], "")
