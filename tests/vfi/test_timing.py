import itertools
from fractions import Fraction

import pytest

from vfi.timing import Factor, TargetRate

NTSC = Fraction(24000, 1001)


def instants(timing, times):
    gaps = itertools.pairwise(times)
    return [t for index, (start, end) in enumerate(gaps) for t in timing.instants(index, start, end)]


def grid(rate, count):
    return [i / rate for i in range(count)]


@pytest.mark.parametrize("factor", [2, 3, 5, 8])
def test_a_whole_factor_keeps_every_frame_and_puts_new_ones_evenly_between(factor):
    times = [Fraction(0), Fraction(1, 30), Fraction(1, 10), Fraction(7, 60)]
    made = instants(Factor(Fraction(factor)), times)
    assert made[::factor] == times[:-1]
    assert len(made) == factor * (len(times) - 1)
    for start, end, gap in zip(times, times[1:], range(3), strict=False):
        ends = [*made[gap * factor : (gap + 1) * factor], end]
        assert {b - a for a, b in itertools.pairwise(ends)} == {(end - start) / factor}


def test_a_constant_rate_times_a_factor_is_that_rate_exactly():
    assert instants(Factor(Fraction(2)), grid(NTSC, 101)) == grid(2 * NTSC, 200)


@pytest.mark.parametrize("factor", [Fraction(5, 2), Fraction(3, 2), Fraction(7, 3)])
def test_a_fractional_factor_of_a_constant_rate_is_an_even_grid(factor):
    made = instants(Factor(factor), grid(Fraction(24), 25))
    assert made == grid(24 * factor, len(made))
    assert len(made) == Factor(factor).count(24, Fraction(1))


def test_a_target_rate_is_an_even_grid_from_any_source():
    assert instants(TargetRate(Fraction(60)), grid(Fraction(24), 25)) == grid(Fraction(60), 60)
    assert instants(TargetRate(Fraction(60)), [Fraction(0), Fraction(1, 7), Fraction(1)]) == grid(Fraction(60), 60)


def test_a_target_rate_passes_frames_by_when_it_is_lower():
    assert instants(TargetRate(Fraction(10)), grid(Fraction(30), 31)) == grid(Fraction(10), 10)


@pytest.mark.parametrize("timing", [Factor(Fraction(2)), Factor(Fraction(5, 2)), TargetRate(Fraction(60000, 1001))])
def test_all_instants_are_whole_multiples_of_the_tick(timing):
    times = [Fraction(n, 90000) for n in (0, 4649, 7646, 10643, 19635)]
    assert all((t / timing.tick(Fraction(1, 90000))).denominator == 1 for t in instants(timing, times))


def test_the_frame_count_is_told_in_advance():
    for timing in (Factor(Fraction(3)), Factor(Fraction(5, 2)), TargetRate(Fraction(60000, 1001))):
        times = grid(NTSC, 50)
        assert timing.count(49, times[-1]) == len(instants(timing, times))


def test_only_a_whole_new_rate_is_named_for_a_variable_source():
    assert Factor(Fraction(2)).rate(None) is None
    assert Factor(Fraction(2)).rate(NTSC) == Fraction(48000, 1001)
    assert TargetRate(Fraction(60)).rate(None) == 60


def test_a_factor_that_adds_nothing_is_refused():
    with pytest.raises(ValueError, match="greater than 1"):
        Factor(Fraction(1))
    with pytest.raises(ValueError, match="greater than 0"):
        TargetRate(Fraction(0))


def test_what_can_only_be_a_slip_is_refused():
    with pytest.raises(ValueError, match="1000 at most"):
        Factor(Fraction("1e400"))
    with pytest.raises(ValueError, match="100000 at most"):
        TargetRate(Fraction("1e9"))
