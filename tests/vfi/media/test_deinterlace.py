from fractions import Fraction

import av
import numpy as np
import pytest
from av.filter import Graph

from vfi.media import Color, Frame, MediaError, VideoReader
from vfi.media.deinterlace import deinterlaced
from vfi.media.filters import source, through
from vfi.media.part import Part
from vfi.media.y4m import Y4mReader

RATE = Fraction(25)  # pictures per second; there are twice as many moments
SIZE = (64, 48)


def moment(index):
    """A soft bar that moves by two pixels from moment to moment; luma (48, 64) uint8."""
    bar = 220 * np.exp(-(((np.arange(64) - 10 - 2 * index) / 4) ** 2))
    return np.repeat(np.rint(bar).astype(np.uint8)[None], 48, axis=0)


def woven(count, first):
    """Pictures of two moments each, of which the lines from number ``first`` on hold the earlier one."""
    for i in range(count):
        image = moment(2 * i + 1)
        image[first::2] = moment(2 * i)[first::2]
        yield image


def frames(images):
    for i, image in enumerate(images):
        yield Frame(i / RATE, 1 / RATE, Color(), av.VideoFrame.from_ndarray(image, "gray"))


def centres(made):
    """Where the bar is in each frame."""
    columns = [frame.rgb[..., 0].mean(axis=0).astype(float) for frame in made]
    return [float((column * np.arange(64)).sum() / column.sum()) for column in columns]


@pytest.mark.parametrize(("parity", "first"), [("tff", 0), ("bff", 1)])
def test_each_field_becomes_a_frame_at_its_own_moment(parity, first):
    made = list(deinterlaced(frames(woven(10, first)), "field", parity))
    assert [frame.time for frame in made] == [i / (2 * RATE) for i in range(20)]
    assert {frame.duration for frame in made} == {1 / (2 * RATE)}
    np.testing.assert_allclose(centres(made), 10 + 2 * np.arange(20), atol=0.4)


@pytest.mark.parametrize(("parity", "first"), [("tff", 0), ("bff", 1)])
def test_each_picture_becomes_one_frame_of_one_moment(parity, first):
    made = list(deinterlaced(frames(woven(10, first)), "frame", parity))
    assert [frame.time for frame in made] == [i / RATE for i in range(10)]
    np.testing.assert_allclose(np.diff(centres(made)), 4, atol=0.5)
    rows = np.array([frame.rgb[8:40, :, 0].astype(int) for frame in made])
    assert np.abs(np.diff(rows, axis=1)).max() < 30  # no combs; as stored they are 80 deep


def test_nothing_is_done_unless_asked():
    given = list(frames(woven(3, 0)))
    assert all(one is other for one, other in zip(given, deinterlaced(given, "off"), strict=True))


def interlaced_film(path, first):
    """MPEG-2 as broadcast, whose pictures say which field comes first."""
    pictures = []
    for number, image in enumerate(woven(12, first)):
        picture = av.VideoFrame.from_ndarray(image, "gray").reformat(format="yuv420p")
        picture.pts, picture.time_base = number, 1 / RATE
        pictures.append(picture)
    graph = Graph()
    entry, exit = source(graph, pictures[0]), graph.add("buffersink")
    graph.link_nodes(entry, graph.add("setfield", ("tff", "bff")[first]), exit).configure()
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg2video", rate=RATE, options={"flags": "+ildct+ilme", "q": "2"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.bit_rate = 20_000_000
        for number, picture in enumerate(through(pictures, entry, exit)):
            picture.pts, picture.time_base, picture.pict_type = number, 1 / RATE, 0
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("first", [0, 1], ids=["top first", "bottom first"])
def test_a_broadcast_is_refused_or_read_field_by_field(first, tmp_path):
    path = interlaced_film(tmp_path / "in.ts", first)
    with pytest.raises(MediaError, match="--deinterlace field"):
        VideoReader(path)
    with VideoReader(path, deinterlace="field") as reader:
        assert (reader.rate, reader.tick, reader.frame_count) == (50, Fraction(1, 50), 24)
        made = list(reader)
        assert [frame.time - made[0].time for frame in made] == [Fraction(i, 50) for i in range(24)]
        np.testing.assert_allclose(centres(made), 10 + 2 * np.arange(24), atol=0.8)
        assert reader.notes == ()
    with VideoReader(path, deinterlace="frame") as reader:
        assert (reader.rate, reader.frame_count, len(list(reader))) == (25, 12, 12)


def test_a_part_of_a_broadcast_keeps_its_moments(tmp_path):
    path = interlaced_film(tmp_path / "in.ts", 0)
    with VideoReader(path, Part(Fraction(2, 25), Fraction(10, 25)), "field") as reader:
        made = list(reader)
    assert len(made) == 16
    np.testing.assert_allclose(centres(made), 10 + 2 * np.arange(4, 20), atol=0.8)


def test_what_is_not_marked_as_interlaced_is_deinterlaced_all_the_same(film):
    with VideoReader(film(), deinterlace="field") as reader:
        assert "not marked as interlaced" in reader.notes[0]
        assert len(list(reader)) == 24


@pytest.mark.parametrize(("letter", "first"), [("t", 0), ("b", 1)])
def test_interlaced_y4m_is_read_by_its_header(letter, first, tmp_path):
    data = f"YUV4MPEG2 W64 H48 F25:1 I{letter} Cmono\n".encode()
    data += b"".join(b"FRAME\n" + image.tobytes() for image in woven(10, first))
    (tmp_path / "in.y4m").write_bytes(data)
    with pytest.raises(MediaError, match="--deinterlace field"):
        Y4mReader(tmp_path / "in.y4m")
    with Y4mReader(tmp_path / "in.y4m", "field") as reader:
        assert reader.rate == 50
        np.testing.assert_allclose(centres(reader.frames()), 10 + 2 * np.arange(20), atol=0.6)


def test_another_word_is_refused(film):
    with pytest.raises(ValueError, match="use off, frame, field"):
        VideoReader(film(), deinterlace="yes")
