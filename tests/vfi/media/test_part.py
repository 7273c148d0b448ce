import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest

from vfi.media import MediaError, Part
from vfi.media.timeline import timeline

NTSC = Fraction(24000, 1001)
FILM = timeline(range(0, 1001 * 240, 1001), Fraction(1, 24000), Fraction(0), [NTSC])  # ten seconds from 0 on
VARYING = timeline([100, 140, 160, 300, 310, 400], Fraction(1, 1000), Fraction(50, 1000), [])


def part(start, end, film=FILM, zero=Fraction(0)):
    return Part(start, end).of(film, zero, Path("film.mkv"))


def test_a_part_holds_the_frames_from_its_start_on_and_before_its_end():
    found = part(10 / NTSC, 20 / NTSC)
    assert (found.first, found.timeline.frames) == (10, 10)
    assert (found.origin, found.end, found.offset) == (10 / NTSC, 20 / NTSC, 10 / NTSC)
    just_after = part(10 / NTSC + Fraction(1, 10**9), 20 / NTSC + Fraction(1, 10**9))
    assert (just_after.first, just_after.timeline.frames) == (11, 10)


def test_a_part_begins_with_a_frame_and_lasts_to_the_end_of_one():
    found = part(Fraction(1), Fraction(2))
    assert found.origin == found.timeline.start == 24 / NTSC
    assert found.end == found.timeline.end == 48 / NTSC


def test_frames_of_a_variable_rate_are_found_by_their_own_times():
    found = part(Fraction(50, 1000), Fraction(250, 1000), VARYING, Fraction(100, 1000))
    assert (found.first, found.timeline.frames) == (2, 3)
    assert (found.timeline.start, found.timeline.end) == (Fraction(160, 1000), Fraction(400, 1000))
    assert (found.origin, found.offset) == (Fraction(160, 1000), Fraction(60, 1000))


def test_without_edges_a_part_is_the_whole_film():
    found = part(None, None)
    assert (found.timeline, found.first, found.origin, found.end, found.offset) == (FILM, 0, 0, None, 0)


def test_sound_ahead_of_the_first_picture_and_behind_the_last_is_in_the_part_that_asks_for_it():
    late = timeline(range(75, 100), Fraction(1, 25), Fraction(0), [Fraction(25)])  # pictures from 3 to 4 s
    found = part(Fraction(1), Fraction(9), late)
    assert (found.origin, found.end, found.timeline.start) == (1, 9, 3)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (Fraction(11), None, "no frame in the part asked for, .* from 0 to 10.01 s"),
        (Fraction(9960, 1000), None, "a single frame"),
        (None, Fraction(0), "no frame"),
        (None, Fraction(1, 100), "a single frame"),
        (Fraction(2), Fraction(1), "ends at 1 s but starts at 2 s"),
        (Fraction(2), Fraction(2), "ends at 2 s but starts at 2 s"),
    ],
)
def test_a_part_of_fewer_than_two_frames_is_one_clear_sentence(start, end, words):
    with pytest.raises(MediaError, match=words):
        part(start, end)


@pytest.mark.parametrize("zero", [Fraction(0), Fraction(7)])
@pytest.mark.parametrize("within", [(None, None), (Fraction(2), Fraction(8))])
def test_the_middle_lies_in_the_middle_and_begins_with_a_picture(zero, within):
    film = timeline(range(0, 1001 * 240, 1001), Fraction(1, 24000), Fraction(0), [NTSC])
    film = dataclasses.replace(film, start=film.start + zero, end=film.end + zero)
    asked = Part(*within).of(film, zero, Path("film.mkv")).middle(Fraction(2))
    found = asked.of(film, zero, Path("film.mkv"))
    assert found.timeline.frames == 48  # two seconds
    assert abs(found.timeline.start - zero - 4) < Fraction(1, 20)
    assert (found.timeline.start - zero) * NTSC == found.first


def test_the_middle_of_a_short_film_is_all_of_it():
    whole = part(None, None, VARYING)
    assert whole.middle(Fraction(9)).of(VARYING, Fraction(0), Path("film.mkv")).timeline.frames == 6
