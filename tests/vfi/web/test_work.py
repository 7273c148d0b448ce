"""What is made for the page."""

import zipfile

import numpy as np
import pytest

from vfi.media import VideoReader, read_image, write_image
from vfi.spans import Content
from vfi.web.limits import parse_timing
from vfi.web.work import MakeFilm, MakeFlow, MakePictures


def pair(folder, square, shape=(128, 72)):
    files = folder / "a.png", folder / "b.png"
    for index, file in enumerate(files):
        write_image(file, square(2 * index, shape if index else (128, 72)))
    return files


def ignore(done, total):
    pass


def test_a_film_that_browsers_play_is_shown_itself(film, tmp_path):
    made = MakeFilm(film(sound=["aac"]), tmp_path, "blend", parse_timing("2", ""), "2x", Content())(ignore)
    assert made.before == tmp_path / "film.mp4"
    assert made.after == made.output == tmp_path / "film_2x.mp4"
    with VideoReader(made.output) as reader:
        assert reader.container.streams.audio
        assert reader.frame_count == 24


def test_of_a_film_that_browsers_do_not_play_a_preview_is_shown(film, tmp_path):
    source = film("film.mkv", codec="ffv1")
    made = MakeFilm(source, tmp_path, "blend", parse_timing("2", ""), "2x", Content())(ignore)
    assert made.output.name == "film_2x.mkv"
    assert "Browsers cannot play" in made.said
    for shown, frames in ((made.before, 12), (made.after, 24)):
        with VideoReader(shown) as reader:
            assert (reader.stream.codec_context.name, reader.frame_count) == ("h264", frames)


def test_pictures_between_come_in_order_and_packed(tmp_path, square):
    steps = []
    made = MakePictures(*pair(tmp_path, square), tmp_path, "blend", 5)(lambda *step: steps.append(step))
    assert [file.name for file in made.files] == [f"a_0{i}.png" for i in range(1, 6)]
    assert steps[-1] == (5, 5)
    with zipfile.ZipFile(made.archive) as packed:
        assert packed.namelist() == [file.name for file in made.files]
    level = [int(read_image(file)[30, 8, 0]) for file in made.files]  # the square leaves this pixel
    assert level == sorted(level, reverse=True)


def test_flow_is_drawn_and_its_fastest_motion_told(tmp_path, square):
    made = MakeFlow(*pair(tmp_path, square), tmp_path, "dis")(ignore)
    assert read_image(made.colors).shape == (130, 238, 3)  # with the key to its colours
    assert np.any(read_image(made.arrows) != read_image(tmp_path / "a.png"))
    assert "px at most" in made.said


def test_pictures_of_two_sizes_are_refused(tmp_path, square):
    with pytest.raises(ValueError, match=r"a\.png is 128x72 but b\.png is 64x72: bring them to one size"):
        MakeFlow(*pair(tmp_path, square, (64, 72)), tmp_path, "dis")(ignore)
