from fractions import Fraction

import numpy as np
import pytest

from vfi.media import Encoding, VideoReader
from vfi.pipeline import upsample
from vfi.timing import Factor, TargetRate

LOSSLESS = Encoding(codec="ffv1")


def level(index, size):
    return np.full((size[1], size[0], 3), 20 + 20 * index, np.uint8)


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (Factor(Fraction(2)), [(20, 20), (20, 30), (40, 40), (40, 50), (60, 60), (60, 60)]),
        (TargetRate(Fraction(20)), [(20, 20), (20, 30), (40, 40), (40, 50), (60, 60), (60, 60)]),
        (TargetRate(Fraction(15)), [(20, 20), (20, 33), (40, 47), (60, 60), (60, 60)]),
    ],
)
def test_the_source_is_held_on_the_left_and_the_result_is_on_the_right(timing, expected, film, tmp_path, blend):
    source = film("in.mkv", codec="ffv1", pix_fmt="gbrp10le", picture=level, frames=3, rate=Fraction(10), size=(32, 16))
    summary = upsample(source, tmp_path / "out.mkv", blend, timing, encoding=LOSSLESS, side_by_side=True)
    with VideoReader(tmp_path / "out.mkv") as made:
        found = [(f.rgb[0, 0, 1] / 257, f.rgb[0, 32, 1] / 257) for f in made]
    np.testing.assert_allclose(found, expected, atol=0.6)
    assert summary.size == (64, 16)


def test_a_turned_film_of_odd_size_is_upright_and_even(film, tmp_path, blend, square):
    source = film("in.mp4", size=(57, 40), rotation=90, pix_fmt="yuv444p", frames=3)
    upsample(source, tmp_path / "out.mp4", blend, Factor(Fraction(2)), side_by_side=True)
    with VideoReader(source) as before, VideoReader(tmp_path / "out.mp4") as after:
        assert (after.size, after.info.rotation) == ((80, 58), 0)
        image = np.rot90(next(iter(before)).rgb)
        both = next(iter(after)).rgb
    for left in (0, 40):
        assert np.abs(both[:57, left : left + 40].astype(int) - image).mean() < 3


def test_sound_comes_along(film, tmp_path, blend, packets):
    source = film("in.mp4", sound=["aac"], frames=5)
    upsample(source, tmp_path / "out.mp4", blend, Factor(Fraction(2)), side_by_side=True)
    assert packets(tmp_path / "out.mp4")[1] == packets(source)[1]
