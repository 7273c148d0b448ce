from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from vfi.blocks import FEWEST_FRAMES, STRETCH, STRETCHES, read_blocks
from vfi.media import MediaError, Part, write_image
from vfi.triplets import DataError

KINDS = ("learn", "report", "choose")


def numbered(index, size):
    """A gleam that moves along a bar, below a stripe of bits that spell the frame's number."""
    width, height = size
    image = np.full((height, width, 3), 60, np.uint8)
    image[height // 2 :, 20:60] = 220 - np.abs(np.arange(40) - index % 40)[:, None]
    for bit in range(10):
        image[:12, 6 * bit : 6 * bit + 6] = 50 + 20 * (index >> bit & 1)
    return image


def number(image):
    return sum(int(image[6, 6 * bit + 3, 1] > 60) << bit for bit in range(10))


def numbers(triplets):
    return [tuple(number(image) for image in (t.before, t.middle, t.after)) for t in triplets]


@pytest.mark.parametrize("frames", [FEWEST_FRAMES, 61, 110])
def test_no_frame_is_in_two_kinds_of_block_and_all_see_the_whole_film(film, frames):
    blocks = read_blocks(film(frames=frames, picture=numbered))
    seen = {kind: {n for triplet in numbers(getattr(blocks, kind)) for n in triplet} for kind in KINDS}
    assert not seen["learn"] & seen["report"]
    assert not seen["learn"] & seen["choose"]
    assert not seen["choose"] & seen["report"]
    assert len(seen["learn"]) > 0.5 * frames
    for kind in KINDS:
        halves = {n < frames // 2 for n in seen[kind]}
        assert frames < 2 * STRETCH or halves == {True, False}


def test_triplets_are_neighbours_in_time(film):
    blocks = read_blocks(film(frames=40, picture=numbered))
    for kind in KINDS:
        for (before, middle, after), triplet in zip(numbers(getattr(blocks, kind)), getattr(blocks, kind), strict=True):
            assert (middle - before, after - middle) == (1, 1)
            assert triplet.time == Fraction(1, 2)


def test_every_other_frame_is_hidden_in_what_is_held_out(film):
    blocks = read_blocks(film(frames=60, picture=numbered))
    for kind in ("report", "choose"):
        triplets = numbers(getattr(blocks, kind))
        hidden, shown = {middle for _, middle, _ in triplets}, {n for b, _, a in triplets for n in (b, a)}
        assert not hidden & shown


def test_of_a_long_film_only_stretches_from_all_over_it_are_read(film):
    frames = 3 * STRETCH * STRETCHES
    blocks = read_blocks(film(frames=frames, picture=numbered, size=(96, 48), options={"g": "50"}))
    triplets = [triplet for kind in KINDS for triplet in numbers(getattr(blocks, kind))]
    seen = {n for triplet in triplets for n in triplet}
    assert len(seen) <= STRETCH * STRETCHES
    assert min(seen) < STRETCH
    assert max(seen) >= frames - STRETCH
    assert max(np.diff(sorted(seen))) <= 3 * STRETCH
    assert all((b, m, a) == (m - 1, m, m + 1) for b, m, a in triplets)


def test_no_triplet_reaches_across_a_cut(film):
    rng = np.random.default_rng(0)
    noise = [rng.normal(120, 60, (12, 40, 3)).astype(np.float32) for _ in range(2)]
    walls = [cv2.resize(n, (320, 96), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8) for n in noise]

    def scene(index, size):
        return np.ascontiguousarray(walls[index >= 33][:, 2 * index : 2 * index + size[0]])

    blocks = read_blocks(film(frames=60, picture=scene, size=(160, 96)))
    triplets = [triplet for kind in KINDS for triplet in getattr(blocks, kind)]
    moments = [float(triplet.name.split("/")[1]) for triplet in triplets]
    assert not {round(25 * moment) for moment in moments} & {32, 33}
    assert min(moments) < 33 / 25 < max(moments)


def test_in_animation_on_threes_the_drawings_are_looked_at(film):
    blocks = read_blocks(film(frames=120, picture=lambda index, size: numbered(index // 3, size)))
    for kind in KINDS:
        for before, middle, after in numbers(getattr(blocks, kind)):
            assert (middle - before, after - middle) == (1, 1)


def test_of_large_pictures_the_centre_is_looked_at(film):
    def large(index, size):
        image = np.zeros((size[1], size[0], 3), np.uint8)
        image[270:370, 500 + 4 * index : 560 + 4 * index] = 255
        return image

    blocks = read_blocks(film(frames=20, size=(1080, 640), picture=large))
    assert blocks.size == (1080, 640)
    assert blocks.learn[0].before.shape == (544, 960, 3)
    assert blocks.learn[0].before[270, 450].min() > 200  # of column 510


def test_a_film_too_short_to_split_is_an_error_that_says_how_many_frames_are_needed(film):
    with pytest.raises(DataError, match=f"has 19 frames.*needs {FEWEST_FRAMES}"):
        read_blocks(film(frames=19, picture=numbered))
    with pytest.raises(MediaError, match="a single picture"):
        read_blocks(film("one.mp4", frames=1, picture=numbered))


def test_a_film_that_stands_still_is_an_error(film):
    with pytest.raises(DataError, match="hardly moves"):
        read_blocks(film(frames=40, picture=lambda index, size: numbered(7, size)))


def test_a_part_of_a_film_is_split_by_itself(film):
    blocks = read_blocks(film(frames=90, picture=numbered), Part(Fraction(1), Fraction(2)))
    seen = {n for kind in KINDS for triplet in numbers(getattr(blocks, kind)) for n in triplet}
    assert min(seen) == 25
    assert max(seen) in (48, 49)


def test_of_what_can_only_be_read_from_its_start_the_first_frames_are_taken(film):
    blocks = read_blocks(film("film.h264", frames=STRETCH * STRETCHES + 60, picture=numbered, size=(96, 48)))
    seen = {n for kind in KINDS for triplet in numbers(getattr(blocks, kind)) for n in triplet}
    assert STRETCH * STRETCHES - 5 < max(seen) < STRETCH * STRETCHES


def test_pictures_are_a_film_too(tmp_path):
    for i in range(24):
        write_image(tmp_path / f"{i:03d}.png", numbered(i, (96, 48)))
    assert read_blocks(tmp_path, rate=Fraction(24)).learn


def test_a_pipe_is_an_error(tmp_path):
    with pytest.raises(DataError, match="read only once"):
        read_blocks(Path("-"))
