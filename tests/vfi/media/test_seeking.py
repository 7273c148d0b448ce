from fractions import Fraction

import pytest

from vfi.media import MediaError, VideoReader
from vfi.media.seeking import frames_from


def times(frames, count):
    return [next(frames).time for _ in range(count)]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_reading_begins_at_the_first_frame_shown_at_the_time_or_later(film, name):
    path = film(name, frames=60, options={"g": "25", "bf": "2"})
    with VideoReader(path) as reader:
        whole = [frame.time for frame in reader]
    with VideoReader(path) as reader:
        assert times(frames_from(reader, whole[37]), 3) == whole[37:40]
        assert times(frames_from(reader, whole[11] + Fraction(1, 100)), 2) == whole[12:14]
        assert [frame.time for frame in frames_from(reader, whole[57])] == whole[57:]


def test_the_pictures_are_those_of_the_film(film):
    path = film(frames=40, options={"g": "12"})
    with VideoReader(path) as reader:
        frame = list(reader)[30]
    with VideoReader(path) as reader:
        found = next(frames_from(reader, frame.time))
        assert (found.rgb == frame.rgb).all()
        assert found.duration == frame.duration


def test_a_film_without_times_can_only_be_read_from_its_start(film):
    with (
        VideoReader(film("film.h264", frames=30)) as reader,
        pytest.raises(MediaError, match="only be read from its start"),
    ):
        list(frames_from(reader, Fraction(1, 2)))
