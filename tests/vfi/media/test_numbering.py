from pathlib import Path

import pytest

from vfi.media import MediaError
from vfi.media.numbering import find_pictures, is_numbered, is_pattern, numbered


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def names(path):
    return [file.name for file in find_pictures(path)]


def test_a_folder_is_sorted_by_number_not_by_letter(tmp_path):
    folder = touch(tmp_path / "f", "a10.png", "a9.png", "a11.PNG", ".hidden.png", "notes.txt")
    assert names(folder) == ["a9.png", "a10.png", "a11.PNG"]


def test_a_pattern_takes_its_own_numbers_and_nothing_else(tmp_path):
    folder = touch(tmp_path / "f", "a007.png", "a008.png", "a1000.png", "a9.png", "b009.png", "a009.jpg")
    assert names(folder / "a%03d.jpg") == ["a009.jpg"]
    assert names(folder / "a%d.png") == ["a9.png", "a1000.png"]
    with pytest.raises(MediaError, match=r"between a008.png and a1000.png"):
        find_pictures(folder / "a%03d.png")


def test_a_wildcard_takes_pictures_as_they_come(tmp_path):
    folder = touch(tmp_path / "f", "a1.png", "a2.png", "a20.png", "b3.png", "c.jpg")
    assert names(folder / "a*.png") == ["a1.png", "a2.png", "a20.png"]


def test_numbers_may_go_in_steps_but_none_may_be_missing(tmp_path):
    assert len(names(touch(tmp_path / "steps", *(f"{i}.png" for i in range(0, 50, 5))))) == 10
    folder = touch(tmp_path / "gap", *(f"f{i:04d}.png" for i in range(8) if i != 5))
    with pytest.raises(MediaError, match=r"lacks a picture between f0004.png and f0006.png: .*gap/\*.png"):
        find_pictures(folder)


def test_names_without_a_common_number_are_taken_in_order(tmp_path):
    assert names(touch(tmp_path / "f", "dawn.png", "noon 1.png", "dusk2.png")) == [
        "dawn.png",
        "dusk2.png",
        "noon 1.png",
    ]


@pytest.mark.parametrize(
    ("files", "wish", "sentence"),
    [
        ([], ".", "holds no pictures"),
        (["a.txt"], ".", "holds no pictures"),
        (["1.png", "2.jpg"], ".", r"several kinds \(.jpg, .png\)"),
        (["1.png", "01.png"], ".", "have one number"),
        (["0001.png"], "%05d.png", "no picture is called .* the first file there is 0001.png"),
        ([], "%05d.png", "the folder is empty"),
        ([], "*.png", "no picture is called"),
        ([], "no/%05d.png", "no folder"),
    ],
)
def test_pictures_that_are_not_there_are_one_sentence(files, wish, sentence, tmp_path):
    touch(tmp_path, *files)
    with pytest.raises(MediaError, match=sentence) as error:
        find_pictures(tmp_path / wish)
    assert "\n" not in str(error.value)


def test_a_pattern_numbers_as_ffmpeg_does():
    pattern = Path("out/100%%_%04d.png")
    assert is_pattern(pattern)
    assert not is_pattern(Path("100%.png"))
    assert not is_pattern(Path("50%d off.mp4"))
    assert numbered(pattern, 7) == Path("out/100%_0007.png")
    assert numbered(pattern, 12345) == Path("out/100%_12345.png")
    assert is_numbered(pattern, "100%_0007.png")
    assert not is_numbered(pattern, "100%_007.png")
