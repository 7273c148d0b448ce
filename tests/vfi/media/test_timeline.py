from fractions import Fraction

import pytest

from vfi.media.timeline import timeline

MILLISECOND = Fraction(1, 1000)
RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60000, 1001)]


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_a_rate_rounded_to_milliseconds_is_recognised_exactly(rate):
    stamps = [round(i / rate * 1000) for i in range(2000)]
    found = timeline(stamps, MILLISECOND, MILLISECOND, [])
    assert found.rate == rate
    assert found.duration == 2000 / rate
    assert [found.exact(s * MILLISECOND) for s in stamps] == [i / rate for i in range(2000)]


def test_a_rate_that_the_container_misstates_is_not_believed():
    stamps = [round(i * Fraction(1001, 30)) for i in range(300)]
    assert timeline(stamps, MILLISECOND, MILLISECOND, [Fraction(1000), Fraction(60)]).rate == Fraction(30000, 1001)


def test_an_unusual_rate_is_exact_on_an_exact_clock():
    found = timeline(range(0, 700, 7), Fraction(1, 100), Fraction(0), [])
    assert found.rate == Fraction(100, 7)


def test_times_of_a_variable_rate_are_left_alone():
    stamps = [0, 4649, 7646, 10643, 19635]
    found = timeline(stamps, Fraction(1, 90000), Fraction(2997, 90000), [Fraction(30)])
    assert found.rate is None
    assert found.duration == Fraction(19635 + 2997, 90000)
    assert [found.exact(Fraction(s, 90000)) for s in stamps] == [Fraction(s, 90000) for s in stamps]


def test_a_dropped_frame_makes_a_rate_variable():
    assert timeline([0, 1, 2, 4, 5], Fraction(1, 25), Fraction(1, 25), [Fraction(25)]).rate is None


def test_the_last_gap_stands_in_for_an_unknown_last_duration():
    assert timeline([0, 10, 35], MILLISECOND, Fraction(0), []).end == Fraction(60, 1000)


def test_stamps_may_come_in_decoding_order():
    found = timeline([2, 5, 3, 4], Fraction(1, 25), Fraction(1, 25), [])
    assert (found.start, found.end, found.frames) == (Fraction(2, 25), Fraction(6, 25), 4)


@pytest.mark.parametrize("stamps", [range(0, 1001 * 20, 1001), [0, 40, 60, 160, 200, 230]], ids=["constant", "varying"])
def test_pictures_are_numbered_by_time_and_taken_by_number(stamps):
    whole = timeline(stamps, MILLISECOND, Fraction(30, 1000), [])
    times = [stamp * MILLISECOND for stamp in stamps]
    assert [whole.number_at(time) for time in times] == list(range(len(times)))
    assert [whole.number_at(time + MILLISECOND) for time in times] == list(range(1, len(times) + 1))
    assert (whole.number_at(Fraction(-5)), whole.number_at(Fraction(99))) == (0, len(times))
    some = whole.pictures(2, 5)
    assert (some.start, some.end, some.frames) == (times[2], times[5], 3)
    assert [some.number_at(time) for time in times[2:5]] == [0, 1, 2]
    assert whole.pictures(2, len(times)).end == whole.end


def test_a_slower_timeline_is_longer_and_as_exact():
    film = timeline(range(0, 1001 * 240, 1001), Fraction(1, 24000), Fraction(0), [RATES[0]]).slowed(Fraction(1, 3))
    assert (film.rate, film.tick, film.duration) == (RATES[0] / 3, 3 / RATES[0], 240 * 3 / RATES[0])
    varying = timeline([0, 40, 60], MILLISECOND, Fraction(30, 1000), []).slowed(Fraction(2, 5))
    assert (varying.rate, varying.tick, varying.end) == (None, Fraction(5, 2000), Fraction(90, 400))
