import io
import sys
from fractions import Fraction

import av
import numpy as np
import pytest

from vfi.media import Color, Encoding, Frame, MediaError
from vfi.media.color import FULL_RANGE, LIMITED_RANGE, RGB, stored_planes
from vfi.media.info import VideoInfo
from vfi.media.pictures import picture_info
from vfi.media.y4m import PIPE, Y4mHeader, Y4mReader, Y4mWriter

RATE = Fraction(30000, 1001)
FORMATS = [f"yuv{layout}p{depth}" for layout in (420, 422, 444) for depth in ("", "10le")] + ["gray"]


def pictures(pix_fmt, count=3, size=(21, 14)):
    for i in range(count):
        picture = av.VideoFrame(*size, pix_fmt)
        for plane in stored_planes(picture):
            plane[...] = np.random.default_rng(i).integers(0, 200, plane.shape)
        yield picture


def by_ffmpeg(path, pix_fmt, color_range=0, count=3):
    with av.open(str(path), "w", format="yuv4mpegpipe", options={"strict": "-1"}) as output:
        stream = output.add_stream("wrapped_avframe", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 21, 14, pix_fmt
        stream.codec_context.color_range = color_range
        for picture in pictures(pix_fmt, count):
            output.mux(stream.encode(picture))
    path.write_bytes(path.read_bytes().replace(b" A0:0 ", b" A4:3 ", 1))  # which PyAV cannot be told
    return path


def samples(picture):
    return [plane.tolist() for plane in stored_planes(picture)]


def write(path, info, frames, **what):
    with Y4mWriter(path, info, RATE, what.pop("encoding", Encoding()), **what) as writer:
        for frame in frames:
            writer.write(frame)
        writer.finish(Fraction(1))
    return writer


@pytest.mark.parametrize("color_range", [0, LIMITED_RANGE, FULL_RANGE])
@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_what_ffmpeg_wrote_is_read_exactly_and_written_as_ffmpeg_reads_it(pix_fmt, color_range, tmp_path):
    source = by_ffmpeg(tmp_path / "in.y4m", pix_fmt, color_range)
    with Y4mReader(source) as reader:
        frames = list(reader.frames())
        assert [samples(frame.picture) for frame in frames] == [samples(p) for p in pictures(pix_fmt)]
        assert [frame.time for frame in frames] == [i / RATE for i in range(3)]
        assert (reader.info.pixel_aspect, reader.info.color.range) == (Fraction(4, 3), color_range)
        write(tmp_path / "out.y4m", reader.info, frames, color_space=reader.header.color_space)
    with av.open(str(tmp_path / "out.y4m")) as made:
        stream = made.streams.video[0]
        assert (stream.average_rate, stream.sample_aspect_ratio) == (RATE, Fraction(4, 3))
        decoded = list(made.decode(video=0))
    assert [samples(picture) for picture in decoded] == [samples(p) for p in pictures(pix_fmt)]
    assert decoded[0].color_range == color_range


@pytest.mark.parametrize("space", ["420jpeg", "420mpeg2", "420paldv", "420"])
def test_the_place_of_chroma_samples_is_kept(space, tmp_path):
    line = f"YUV4MPEG2 W4 H2 F25:1 C{space}\n".encode()
    (tmp_path / "in.y4m").write_bytes(line + (b"FRAME Ip\n" + bytes(12)) * 2)
    with Y4mReader(tmp_path / "in.y4m") as reader:
        write(tmp_path / "out.y4m", reader.info, reader.frames(), color_space=reader.header.color_space)
    assert f" C{space}\n".encode() in (tmp_path / "out.y4m").read_bytes()


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"", "no y4m stream"),
        (b"\0\0\0 ftypisom" * 50, "no y4m stream"),
        (b"YUV4MPEG2 W4 H2 F25:1", "no y4m stream"),
        (b"YUV4MPEG2 W4 F25:1 C420\n", "damaged y4m header"),
        (b"YUV4MPEG2 W4 H-2 F25:1 C420\n", "damaged y4m header"),
        (b"YUV4MPEG2 W4 H2 F0:0 C420\n", "damaged y4m header"),
        (b"YUV4MPEG2 W4 H2 F25:1 C444alpha\n", "colour space '444alpha'"),
        (b"YUV4MPEG2 W4 H2 F25:1 It C420\n", "interlaced"),
        (b"YUV4MPEG2 W4 H2 F25:1 C420\n", "no picture"),
        (b"YUV4MPEG2 W4 H2 F25:1 C420\nFRAME\n" + bytes(12), "single picture"),
        (b"YUV4MPEG2 W4 H2 F25:1 C420\nFRAME\n" + bytes(11), "cut short or damaged after 0 frames"),
        (b"YUV4MPEG2 W4 H2 F25:1 C420\n" + (b"FRAME\n" + bytes(12)) * 3 + b"FRA", "damaged after 3 frames"),
        (b"YUV4MPEG2 W4 H2 F25:1 C420\nFRAME\n" + bytes(12) + b"FROME\n" + bytes(12), "damaged after 1 frames"),
    ],
)
def test_a_bad_stream_is_one_sentence(start, words, tmp_path):
    (tmp_path / "in.y4m").write_bytes(start)
    with pytest.raises(MediaError, match=words) as error:
        list(Y4mReader(tmp_path / "in.y4m").frames())
    assert "\n" not in str(error.value)


class Endless(io.RawIOBase):
    """A pipe that never ends, cannot be sought, and knows how much was asked of it."""

    def __init__(self):
        self.given, self._rest = 0, b"YUV4MPEG2 W4 H2 F25:1 C420\n"

    def readable(self):
        return True

    def readinto(self, buffer):
        self._rest = self._rest or b"FRAME\n" + bytes(12)
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        self.given += count
        return count


def test_a_pipe_is_read_no_further_than_is_asked(monkeypatch):
    pipe = Endless()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(pipe, buffer_size=32)))
    with Y4mReader(PIPE) as reader:
        assert (reader.frame_count, reader.duration) == (None, None)
        frames = reader.frames()
        for _ in range(100):
            next(frames)
    assert pipe.given < 27 + 100 * 18 + 64


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    info = picture_info(np.zeros((4, 6, 3), np.uint8))
    writer = Y4mWriter(tmp_path / "out.y4m", info, RATE, Encoding())
    with writer:
        writer.write(Frame(Fraction(0), Fraction(1), Color(matrix=RGB), pixels=np.zeros((4, 6, 3), np.uint8)))
        assert not (tmp_path / "out.y4m").exists()
    assert list(tmp_path.iterdir()) == []


def test_rgb_is_written_as_limited_yuv_of_full_chroma(tmp_path):
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 255
    frames = [Frame(Fraction(i), Fraction(1), Color(matrix=RGB), pixels=red) for i in range(2)]
    write(tmp_path / "out.y4m", picture_info(red), frames)
    with Y4mReader(tmp_path / "out.y4m") as reader:
        assert (reader.info.pix_fmt, reader.info.color.range) == ("yuv444p", LIMITED_RANGE)
        assert [plane[0][0] for plane in samples(next(reader.frames()).picture)] == [81, 90, 240]


def test_a_turned_film_is_written_upright(tmp_path):
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = 255
    info = VideoInfo(6, 4, "yuv444p", Color(), Fraction(2), (0,) * 9, 90, None)
    writer = write(tmp_path / "out.y4m", info, [Frame(Fraction(i), Fraction(1), Color(), pixels=image) for i in (0, 1)])
    assert writer.notes == ()
    with Y4mReader(tmp_path / "out.y4m") as reader:
        assert (reader.info.width, reader.info.height, reader.info.pixel_aspect) == (4, 6, Fraction(1, 2))
        assert samples(next(reader.frames()).picture)[0][5][0] == 235


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"rate": None}, "it varies"),
        ({"encoding": Encoding(crf=10)}, "leave out all options"),
        ({"encoding": Encoding(pix_fmt="yuv411p")}, "does not hold yuv411p"),
    ],
)
def test_what_y4m_cannot_be_is_refused_at_once(what, words, tmp_path):
    info = picture_info(np.zeros((4, 6, 3), np.uint8))
    with pytest.raises(MediaError, match=words):
        Y4mWriter(tmp_path / "out.y4m", info, **{"rate": RATE, "encoding": Encoding(), **what})
    assert list(tmp_path.iterdir()) == []


def test_a_header_says_again_what_it_said():
    line = b"YUV4MPEG2 W4 H2 F24000:1001 Ip A10:11 C422p10 XCOLORRANGE=LIMITED\n"
    assert Y4mHeader.parse(line, "it").spelled() == line
