from dataclasses import replace
from fractions import Fraction

from vfi.media.info import Hdr

DISPLAY = Hdr(
    primaries=tuple(
        (Fraction(x, 50000), Fraction(y, 50000))
        for x, y in ((35400, 14600), (8500, 39850), (6550, 2300), (15635, 16450))
    ),
    luminance=(Fraction(5, 1000), Fraction(1000)),
    light_level=(1000, 400),
)


def test_a_mastering_display_is_spelled_as_encoders_expect():
    assert DISPLAY.mastering(50000, 10000) == "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50)"
    assert DISPLAY.mastering(1, 1).startswith("G(0.1700,0.7970)B(0.1310,0.0460)")


def test_rounding_makes_no_other_display_but_another_value_does():
    rounded = replace(DISPLAY, primaries=tuple((x + Fraction(1, 65536), y) for x, y in DISPLAY.primaries))
    assert DISPLAY.near(rounded)
    assert not DISPLAY.near(replace(DISPLAY, luminance=(Fraction(5, 1000), Fraction(600))))
    assert not DISPLAY.near(replace(DISPLAY, light_level=(1000, 300)))
    assert not DISPLAY.near(None)
