import os
from pathlib import Path

import pytest

from vfi.media import MediaError
from vfi.outputs import output_path

FIELDS = {"factor": "5-2", "model": "fast"}


@pytest.mark.parametrize(
    ("where", "many", "expected"),
    [
        (None, False, "clips/film_5-2x.mkv"),
        ("made.mp4", False, "made.mp4"),
        ("new/", False, "new/film_5-2x.mkv"),
        ("new", True, "new/film_5-2x.mkv"),
        ("{parent}/{stem}.{factor}.{model}{suffix}", True, "clips/film.5-2.fast.mkv"),
        ("{{kept}}.mkv", False, "{kept}.mkv"),
    ],
)
def test_where_a_result_goes(where, many, expected):
    assert output_path(Path("clips/film.avi"), where, "5-2x", FIELDS, many) == Path(expected)


def test_a_folder_that_is_there_is_one(tmp_path):
    assert output_path(Path("a.mp4"), os.fspath(tmp_path), "2x", FIELDS) == tmp_path / "a_2x.mp4"


@pytest.mark.parametrize(
    ("where", "many", "expected"),
    [
        (None, False, "shots/take_2x/%05d.png"),
        ("made", False, "made/%05d.png"),
        ("made/", False, "made/%05d.png"),
        ("made/f%d.jpg", False, "made/f%d.jpg"),
        ("made.mp4", False, "made.mp4"),
        ("made", True, "made/take_2x/%05d.png"),
        ("{parent}/{stem}_new{suffix}", True, "shots/take_new/%05d.png"),
        ("-", False, "-"),
    ],
)
@pytest.mark.parametrize("source", ["shots/take", "shots/take/%04d.png", "shots/take/*.png"])
def test_pictures_become_pictures_unless_told_otherwise(source, where, many, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shots/take").mkdir(parents=True)
    assert output_path(Path(source), where, "2x", {}, many) == Path(expected)


def test_the_current_folder_of_pictures_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert output_path(Path(), None, "2x", {}) == tmp_path.parent / f"{tmp_path.name}_2x/%05d.png"


@pytest.mark.parametrize("where", [None, "folder/"])
def test_standard_input_has_no_name_to_go_by(where):
    with pytest.raises(MediaError, match="name the file to write"):
        output_path(Path("-"), where, "2x", {})
    assert output_path(Path("-"), "made.mp4", "2x", {}) == Path("made.mp4")


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("{name}.mp4", r"no such field \{name\}: use \{stem\}, \{suffix\}, \{parent\}, \{factor\}, \{model\}"),
        ("{}.mp4", r"no such field \{\}"),
        ("{stem.__class__}.mp4", "no such field"),
        ("{stem:>9}.mp4", r"no such field \{stem:>9\}"),
        ("{stem!r}.mp4", r"no such field \{stem!r\}"),
        ("{stem.mp4", "brace without its partner"),
        ("stem}.mp4", "brace without its partner"),
    ],
)
def test_a_template_that_cannot_be_filled_says_what_can(where, words):
    with pytest.raises(MediaError, match=words):
        output_path(Path("a.mp4"), where, "2x", FIELDS)


def test_several_inputs_do_not_become_one_file(tmp_path):
    with pytest.raises(MediaError, match=r"one file for several inputs: name a folder"):
        output_path(Path("a.mp4"), "same.mp4", "2x", FIELDS, many=True)
    (tmp_path / "folder.mp4").mkdir()
    assert output_path(Path("a.mp4"), os.fspath(tmp_path / "folder.mp4"), "2x", FIELDS, many=True).name == "a_2x.mp4"
    assert output_path(Path("a.mp4"), "folder.mp4/", "2x", FIELDS, many=True) == Path("folder.mp4/a_2x.mp4")
