from fractions import Fraction

import numpy as np
import pytest

from vfi.media import MediaError
from vfi.triplets import DataError, open_triplets

LOSSLESS = {"codec": "ffv1", "pix_fmt": "bgr0"}


def numbered(index, size):
    """A picture that tells its number by its level."""
    return np.full((size[1], size[0], 3), 10 * index, np.uint8)


def levels(triplet):
    return [int(image[0, 0, 0]) // 10 for image in (triplet.before, triplet.middle, triplet.after)]


@pytest.mark.parametrize(
    ("factor", "made"),
    [
        (None, [[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 7, 8], [8, 9, 10]]),
        (4, [[0, 1, 4], [0, 2, 4], [0, 3, 4], [4, 5, 8], [4, 6, 8], [4, 7, 8]]),
        (8, [[0, i, 8] for i in range(1, 8)]),
    ],
)
def test_frames_left_out_are_made_of_the_nearest_kept(film, factor, made):
    triplets = open_triplets(film("clip.mkv", frames=12, picture=numbered, **LOSSLESS), factor=factor)
    found = list(triplets)
    assert [levels(t) for t in found] == made
    assert [t.time for t in found] == [Fraction(i - a, b - a) for a, i, b in made]
    assert [t.name for t in found] == [f"clip/{i}" for _, i, _ in made]
    assert triplets.count == len(made)
    assert all(t.middle.dtype == np.uint8 for t in found)


def test_a_film_can_be_read_again(film):
    triplets = open_triplets(film("clip.mkv", frames=5, picture=numbered, **LOSSLESS))
    assert [levels(t) for t in triplets] == [levels(t) for t in triplets] == [[0, 1, 2], [2, 3, 4]]


def test_times_are_those_of_the_film(film):
    times = [Fraction(t, 1000) for t in (0, 10, 40, 50, 80)]
    source = film("clip.mkv", frames=5, times=times, picture=numbered, **LOSSLESS)
    assert [t.time for t in open_triplets(source)] == [Fraction(1, 4), Fraction(1, 4)]


def test_each_knows_the_frames_kept_before_and_after_it_and_how_far_they_are(film):
    times = [Fraction(t, 1000) for t in (0, 10, 40, 50, 80, 90, 200)]
    source = film("clip.mkv", frames=7, times=times, picture=numbered, **LOSSLESS)
    sides = [
        [side and (int(side.image[0, 0, 0]) // 10, side.distance) for side in (t.earlier, t.later)]
        for t in open_triplets(source)
    ]
    assert sides == [[None, (4, 1)], [(0, 1), (6, 3)], [(2, Fraction(1, 3)), None]]


def test_deep_colour_is_rounded_to_eight_bits(film):
    triplet = next(iter(open_triplets(film("clip.mkv", frames=3, picture=numbered, codec="ffv1", pix_fmt="gbrp10le"))))
    assert triplet.middle.dtype == np.uint8
    assert levels(triplet) == [0, 1, 2]


def test_a_film_too_short_for_the_factor_is_an_error(film):
    source = film("clip.mkv", frames=8, **LOSSLESS)
    with pytest.raises(DataError, match=r"clip\.mkv has 8 frames: a factor of 8 needs 9"):
        open_triplets(source, factor=8)
    with pytest.raises(DataError, match="2 or more"):
        open_triplets(source, factor=1)


def test_a_film_has_no_variants(film):
    with pytest.raises(DataError, match="leave it out"):
        open_triplets(film(), variant="hard")


def test_a_file_that_is_no_film_is_an_error_that_names_it(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        open_triplets(tmp_path / "broken.mp4")
    with pytest.raises(DataError, match=r"missing\.mp4 does not exist"):
        open_triplets(tmp_path / "missing.mp4")
