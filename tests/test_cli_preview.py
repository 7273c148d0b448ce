"""vfi upsample --preview as a user meets it."""

from fractions import Fraction

import pytest
from typer.testing import CliRunner

from vfi.commands.app import app
from vfi.media.probe import probe


def upsample(*arguments):
    return CliRunner().invoke(app, ["upsample", "-m", "blend", *map(str, arguments)])


def test_a_preview_is_so_much_of_the_middle_under_a_name_of_its_own(film):
    path = film(frames=50, sound=["aac"], options={"g": "10"})
    done = upsample(path, "--preview", "1s")
    assert done.exit_code == 0, done.output
    assert "preview: film.mp4 from 0.520 s on" in done.stderr
    made = probe(path.with_name("film_2x_preview.mp4"))
    assert (made.video.frames, made.video.duration) == (50, Fraction(1))
    assert made.streams[1].end == pytest.approx(1, abs=0.05)
    assert not path.with_name("film_2x.mp4").exists()


def test_several_previews_go_where_results_would_and_of_a_part_from_its_middle(film):
    one, two = film("one.mp4", frames=50), film("two.mp4", frames=30)
    done = upsample(one, two, "--preview", "0.4", "--end", "1", "-o", one.parent / "out")
    assert done.exit_code == 0, done.output
    assert "one.mp4 from 0.320 s on" in done.stderr
    for name in ("one", "two"):
        assert probe(one.parent / "out" / f"{name}_2x_preview.mp4").video.frames == 20


def test_a_preview_longer_than_the_film_is_all_of_it(film):
    path = film(frames=6)
    assert upsample(path, "--preview", "2s").exit_code == 0
    assert probe(path.with_name("film_2x_preview.mp4")).video.frames == 12


def test_what_cannot_be_previewed_says_why(film, tmp_path):
    path = film()
    assert upsample(path, "--preview", "soon").exit_code == 2
    short = upsample(path, "--preview", "0.01")
    assert (short.exit_code, "single frame in the part asked for" in short.stderr) == (1, True)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "1.png").touch()
    whole = upsample(pictures, "--preview", "1s", "-o", tmp_path / "a.mp4")
    assert (whole.exit_code, "leave out the preview" in whole.stderr) == (2, True)
