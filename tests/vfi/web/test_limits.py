"""What is refused before any work, and what is asked for in words."""

from fractions import Fraction

import pytest

from vfi.media import MediaError
from vfi.timing import Factor
from vfi.web.limits import Limits, parse_timing


def test_a_film_within_the_limits_is_described(film):
    assert Limits().check_film(film(frames=12)) == "film.mp4: 128x72, 25 fps, 12 frames, 0.480 s"


def test_too_long_too_large_and_gone_are_told_apart(film, tmp_path):
    path = film(frames=4, rate=Fraction(1))
    with pytest.raises(MediaError, match=r"lasts 4.0 s and the limit here is 3 s"):
        Limits(seconds=3).check_film(path)
    with pytest.raises(MediaError, match=r"has 0.0 MB and the limit here is 0.0001 MB"):
        Limits(bytes=100).check_film(path)
    with pytest.raises(MediaError, match="upload it again"):
        Limits().check_file(tmp_path / "gone.mp4")


def test_an_empty_rate_leaves_the_factor():
    assert parse_timing("4", None) == Factor(Fraction(4))


@pytest.mark.parametrize("text", ["1e999999999", "60 fps", "-1", "0", "1/0", "9" * 7, "nan", "1001"])
def test_a_rate_that_is_none_or_too_high_is_refused(text):
    with pytest.raises(ValueError, match=r"frame rate|too many"):
        parse_timing("2", text)
