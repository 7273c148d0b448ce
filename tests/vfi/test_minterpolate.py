from fractions import Fraction

import numpy as np
import pytest

from vfi.media import Color, MediaError, VideoReader
from vfi.minterpolate import minterpolate, upsample
from vfi.remake import Gap

SPEED = 8  # pixels from one kept frame to the next


def scene(left):
    image = np.random.default_rng(0).integers(0, 60, (12, 20, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    image[40:64, left : left + 24] = 220
    return image


def edge(image):
    """The column at which the bright square begins."""
    return int(np.flatnonzero(image[52, :, 1] > 140)[0])


def gaps(count, parts):
    times = tuple(Fraction(i, parts) for i in range(1, parts))
    return (Gap(scene(20 + SPEED * i), scene(20 + SPEED * (i + 1)), times) for i in range(count))


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_gap_is_filled_in_time_with_a_steady_motion(count, parts):
    made = list(minterpolate("yuv420p", Color(), "minterpolate", gaps(count, parts)))
    step = SPEED // parts
    places = [[edge(image) for image in answer.images] for answer in made]
    assert places == [[20 + SPEED * i + step * k for k in range(1, parts)] for i in range(count)]


def test_a_still_scene_comes_back_unchanged_in_the_format_it_was_decoded_from():
    still = np.full((48, 64, 3), 90, np.uint8)
    made = list(minterpolate("yuv420p", Color(), "minterpolate", iter([Gap(still, still, (Fraction(1, 2),))] * 3)))
    assert all(np.abs(answer.images[0].astype(int) - still).max() <= 1 for answer in made)


def test_a_variable_rate_is_refused_in_a_sentence():
    uneven = Gap(scene(20), scene(28), (Fraction(1, 3),))
    with pytest.raises(MediaError, match="constant frame rate"):
        list(minterpolate("yuv420p", Color(), "minterpolate", iter([uneven])))


def test_no_gaps_no_answers():
    assert list(minterpolate("yuv420p", Color(), "minterpolate", iter(()))) == []


@pytest.mark.parametrize(("factor", "mode"), [(2, "minterpolate"), (3, "minterpolate"), (2, "minterpolate-best")])
def test_a_film_keeps_its_frames_and_sound_and_gets_new_ones_in_time(film, tmp_path, packets, factor, mode):
    source = film(
        frames=5, size=(160, 96), picture=lambda index, _: scene(20 + SPEED * index), sound=("aac",), tags=(1, 1, 1, 1)
    )
    told = []
    counts = upsample(source, tmp_path / "out.mp4", factor, mode, lambda *now: told.append(now))
    with VideoReader(tmp_path / "out.mp4") as reader:
        frames = list(reader)
        assert (reader.rate, reader.duration) == (25 * factor, Fraction(1, 5))
    assert counts == (5, 5 * factor) == (5, len(frames))
    assert told == [(done, 5 * factor) for done in range(1, 5 * factor + 1)]
    places = [edge(frame.rgb) for frame in frames]
    held = [20 + SPEED * 4] * (factor - 1)
    assert np.allclose(places, [20 + SPEED * i / factor for i in range(4 * factor + 1)] + held, atol=1)
    assert packets(tmp_path / "out.mp4")[1] == packets(source)[1]


def test_a_film_of_a_variable_rate_or_of_tiny_pictures_is_refused_in_a_sentence(film, tmp_path):
    varying = film("varying.mkv", times=[Fraction(n, 1000) for n in (0, 40, 100, 120, 200)])
    with pytest.raises(MediaError, match="constant frame rate"):
        upsample(varying, tmp_path / "out.mkv", 2, "minterpolate")
    with pytest.raises(MediaError, match="does not take 16x16 yuv420p pictures"):
        upsample(film("tiny.mp4", size=(16, 16)), tmp_path / "out.mp4", 2, "minterpolate")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.mp4", "varying.mkv"]
