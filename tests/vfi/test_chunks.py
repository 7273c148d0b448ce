"""Where chunks of a film begin, and what is in one."""

import itertools
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from vfi.chunks import make_chunk, plan_chunks
from vfi.media import Encoding, VideoReader
from vfi.media.encoding import choose_encoder
from vfi.media.seeking import run_up
from vfi.pipeline import Tally, interpolate
from vfi.spans import Content
from vfi.timing import Factor, TargetRate


def planned(path, seconds):
    with VideoReader(path) as reader:
        return plan_chunks(reader, Fraction(seconds)), reader


@pytest.mark.parametrize(
    "what", [{}, {"times": [Fraction(i * (i + 40), 1000) for i in range(60)]}], ids=["even", "vfr"]
)
def test_chunks_tile_the_film_and_last_as_long_as_wished(what, film):
    chunks, reader = planned(film(frames=60, options={"g": "10"}, **what), "0.5")
    assert list(itertools.chain(*chunks)) == list(range(60))
    lengths = [reader.time_of(chunk.stop) - reader.time_of(chunk.start) for chunk in chunks[:-1]]
    assert len(lengths) > 2
    assert all(Fraction(1, 2) <= length < Fraction(7, 10) for length in lengths)
    assert reader.duration - reader.time_of(chunks[-1].start) >= Fraction(1, 4)


def test_a_short_film_is_one_chunk(film):
    assert planned(film(frames=30), 1)[0] == [range(30)]


@pytest.mark.parametrize(
    ("name", "what"),
    [("in.avi", {"codec": "mpeg4"}), ("in.mp4", {"options": {"g": "1000"}})],
    ids=["unseekable", "one key"],
)
def test_without_key_frames_chunks_grow_so_that_little_is_decoded_twice(name, what, film):
    chunks, reader = planned(film(name, frames=200, size=(32, 32), **what), "0.1")
    assert list(itertools.chain(*chunks)) == list(range(200))
    assert 5 < len(chunks) < 25
    assert sum(run_up(reader, chunk.start) for chunk in chunks) <= 5 * 200


TWICE = Factor(Fraction(2))


class Around:
    """Blends, brighter by what is left and darker by what is right of the two images, and by how far they are away."""

    def __init__(self, blend):
        self.blend = blend

    def start(self, before, after):
        return float(before[::3].mean() - after[1::3].mean())

    def curved(self, start, before, after):
        return start + sum(
            sign * level * float(distance)
            for sign, side in ((2, before), (-3, after))
            if side
            for level, distance in [side]
        )

    def make(self, before, after, times, start):
        images = self.blend(before, after, times)
        return ((np.clip(image + start, 0, 255).round().astype(np.uint8), None) for image in images)


@pytest.mark.parametrize(
    ("timing", "content"),
    [
        (Factor(Fraction(7, 3)), Content()),
        (TWICE, Content(cuts="blend", held="repair")),
        (TargetRate(Fraction(60000, 1001)), Content(cuts="off")),
        (TargetRate(Fraction(1)), Content(cuts="off")),
    ],
    ids=str,
)
@pytest.mark.parametrize("curved", [False, True], ids=["by pairs", "by what is around"])
def test_chunks_hold_the_frames_of_the_film_made_in_one_go(timing, content, curved, film, tmp_path, blend):
    between = Around(blend) if curved else blend
    noise = np.random.default_rng(0).integers(0, 256, (2, 8, 24, 3), np.uint8)
    scenes = [cv2.resize(scene, (192, 64), interpolation=cv2.INTER_CUBIC) for scene in noise]

    def picture(index, size):
        shift = index if index % 26 < 10 else index // 3  # motion, then animation on threes
        return np.ascontiguousarray(np.roll(scenes[index // 26], 2 * shift, axis=1)[:, : size[0]])

    source = film("in.mkv", frames=52, size=(96, 64), picture=picture, options={"g": "24", "crf": "1"})
    made, counted = [], Tally()
    with VideoReader(source) as reader:
        tally = Tally()
        whole = list(interpolate(reader, between, timing, content, tally=tally))
        encoder = choose_encoder(Encoding("ffv1"), reader.info, source)
        for gaps in plan_chunks(reader, Fraction(1, 2)):
            chunk = make_chunk(
                reader, gaps, tmp_path / f"{gaps.start}.nut", between, timing, encoder=encoder, content=content
            )
            assert chunk.stopped is None
            counted += chunk.tally
            made += decoded(chunk.piece)
    assert counted == tally
    assert (tally.cuts > 0) == (content.cuts != "off")
    assert tally.held > 0
    assert made == [frame.encoded_as("yuv420p", frame.color).to_ndarray().tobytes() for frame in whole]


def decoded(piece):
    """The samples of every picture."""
    if not piece.frames:
        assert not piece.path.exists()
        return []
    with av.open(str(piece.path)) as container:
        return [picture.to_ndarray().tobytes() for picture in container.decode(video=0)]


def test_a_chunk_that_is_stopped_ends_before_the_frame_it_was_stopped_at(film, tmp_path, blend):
    answers = iter([False] * 7 + [True])
    with VideoReader(film(frames=30)) as reader:
        encoder = choose_encoder(Encoding(preset="ultrafast"), reader.info, tmp_path / "out.mp4")
        chunk = make_chunk(
            reader, range(10, 30), tmp_path / "10.nut", blend, TWICE, encoder=encoder, content=Content(),
            stop=lambda: next(answers),
        )  # fmt: skip
    assert (chunk.piece.start, chunk.piece.frames) == (20, 7)
    assert chunk.stopped == Fraction(27, 50)
    assert len(decoded(chunk.piece)) == 7


def test_a_chunk_that_fails_leaves_nothing(film, tmp_path):
    def between(before, after, moments):
        raise RuntimeError

    folder = tmp_path / "chunks"
    folder.mkdir()
    with VideoReader(film(frames=30)) as reader:
        what = {"encoder": choose_encoder(Encoding(), reader.info, tmp_path / "out.mp4"), "content": Content()}
        with pytest.raises(RuntimeError):
            make_chunk(reader, range(10, 30), folder / "10.nut", between, TWICE, **what)
    assert not list(folder.iterdir())
