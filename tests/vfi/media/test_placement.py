from fractions import Fraction

import pytest

from vfi.media import SlowMotion
from vfi.media.placement import Placement


@pytest.mark.parametrize("speed", [Fraction(1), Fraction(2), Fraction(0), Fraction(-1, 2)])
def test_a_speed_that_is_no_slow_motion_is_refused_with_the_way_out(speed):
    with pytest.raises(ValueError, match=r"such as 1/4; .* upsample"):
        SlowMotion(speed)


def test_an_unknown_way_with_sound_is_refused():
    with pytest.raises(ValueError, match="stretch, mute, drop"):
        SlowMotion(Fraction(1, 2), "slower")  # type: ignore[arg-type]


def test_stamps_count_from_the_origin_at_the_new_speed():
    place = Placement(Fraction(10), speed=Fraction(2, 5))
    assert place.ticks(12_000, Fraction(1, 1000)) == 5000
    assert place.ticks(9_000, Fraction(1, 1000)) == -2500
    assert place.since(12_000, Fraction(1, 1000)) == 2
