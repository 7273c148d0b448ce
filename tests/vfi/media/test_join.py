"""Pieces of a film, joined to one."""

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest

from vfi.media import Encoding, MediaError, VideoReader, VideoWriter
from vfi.media.encoding import choose_encoder
from vfi.media.join import join
from vfi.media.pieces import PieceWriter, piece_ending
from vfi.media.seeking import frames_from

LOSSLESS = {
    "libx264": Encoding(crf=0, preset="medium"),
    "libx265": Encoding("libx265", options={"x265-params": "lossless=1"}),
    "ffv1": Encoding("ffv1"),
}


def moving(index, size):
    return np.roll(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8), 3 * index, axis=1)


def made_of_pieces(source, output, encoding, seams, *, until=None):
    """Write the film anew, in pieces that end at the seams."""
    with VideoReader(source) as reader:
        frames = list(frames_from(reader, 0))
        start, end = frames[0].time, frames[0].time + reader.duration
        times = {"rate": reader.timeline.average_rate, "tick": reader.timeline.tick, "start": start}
        encoder, pieces = choose_encoder(encoding, reader.info, output), []
        for first, beyond in itertools.pairwise([0, *seams]):
            path = output.parent / f"{first:08d}{piece_ending(encoder)}"
            with PieceWriter(path, encoder, reader.info, **times) as piece:
                for frame in frames[first:beyond]:
                    piece.write(frame)
                pieces.append(piece.finish())
        with VideoWriter(output, reader, encoding=encoding, until=until, **times) as writer:
            join(pieces, reader, writer, until or end)
    return pieces


def pictures(path):
    with VideoReader(path) as reader:
        return [(frame.time, [bytes(plane) for plane in frame.picture.planes]) for frame in reader]


@pytest.mark.parametrize("codec", LOSSLESS)
@pytest.mark.parametrize("name", ["out.mkv", "out.mp4"])
def test_a_film_of_pieces_has_the_frames_and_times_of_its_source(codec, name, film, tmp_path):
    source = film("in.mkv", frames=40, rate=Fraction(24000, 1001), picture=moving, options={"crf": "0"})
    made_of_pieces(source, tmp_path / name, LOSSLESS[codec], [1, 9, 24, 40])
    assert pictures(tmp_path / name) == pictures(source)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("out.webm", Encoding("libvpx-vp9", options={"cpu-used": "8"})),
        ("out.mkv", Encoding("libsvtav1", preset="10")),
        ("out.mov", Encoding("prores_ks")),
        ("out.mkv", Encoding("mpeg2video", options={"bf": "2"})),
    ],
)
def test_every_codec_can_be_joined(name, encoding, film, tmp_path):
    source = film("in.mkv", frames=30, picture=moving)
    made_of_pieces(source, tmp_path / name, encoding, [9, 18, 30])
    assert [time for time, _ in pictures(tmp_path / name)] == [Fraction(i, 25) for i in range(30)]


def test_times_of_decoding_rise_over_the_seams_of_a_variable_rate(film, tmp_path):
    moments = [Fraction(n, 1000) for n in itertools.accumulate([20, 20, 20, 20, 20, 20, 400, 400, 20, 20, 20, 20] * 3)]
    source = film("in.mp4", times=moments, frames=36, picture=moving)
    made_of_pieces(source, tmp_path / "out.mp4", Encoding(preset="medium"), [7, 15, 36])
    with av.open(str(tmp_path / "out.mp4")) as made:
        stamps = [(packet.dts, packet.pts) for packet in made.demux(video=0) if packet.size]
    assert all(a < b for (a, _), (b, _) in itertools.pairwise(stamps))
    assert all(dts <= pts for dts, pts in stamps)
    assert any(dts < pts for dts, pts in stamps)
    assert [time for time, _ in pictures(tmp_path / "out.mp4")] == [moment - moments[0] for moment in moments]


def test_all_other_streams_are_copied_and_stay_in_step(film, tmp_path, packets):
    source = film("in.mkv", frames=50, sound=["aac", "flac"], subtitles=["subrip"], attachment=b"font", chapters=True)
    made_of_pieces(source, tmp_path / "out.mkv", Encoding(preset="ultrafast"), [20, 50])
    before, after = packets(source), packets(tmp_path / "out.mkv")
    for index in (1, 2, 3):
        assert [data for _, data in after[index]] == [data for _, data in before[index]]
        shift = after[0][0][0] - before[0][0][0]
        assert all(
            abs(b - a - shift) <= Fraction(1, 1000) for (a, _), (b, _) in zip(before[index], after[index], strict=True)
        )
    with av.open(str(tmp_path / "out.mkv")) as made:
        assert [chapter["metadata"]["title"] for chapter in made.chapters()] == ["A", "B"]
        assert made.streams[4].type == "attachment"


def test_the_beginning_of_a_film_ends_with_its_sound_and_chapters(film, tmp_path, packets):
    source = film("in.mkv", frames=50, sound=["aac"], subtitles=["subrip"], chapters=True)
    made_of_pieces(source, tmp_path / "out.mkv", Encoding(preset="ultrafast"), [12, 20], until=Fraction(20, 25))
    made = packets(tmp_path / "out.mkv")
    assert len(made[0]) == 20
    assert Fraction(75, 100) < made[1][-1][0] < Fraction(85, 100)
    assert len(made[2]) == 2
    with av.open(str(tmp_path / "out.mkv")) as container:
        chapters = container.chapters()
    assert [
        (chapter["start"] * chapter["time_base"], chapter["end"] * chapter["time_base"]) for chapter in chapters
    ] == [(0, Fraction(20, 25))]


def test_a_piece_that_lacks_frames_is_an_error_and_leaves_nothing(film, tmp_path):
    source, output = film("in.mkv", frames=30), tmp_path / "made" / "out.mkv"
    output.parent.mkdir()
    pieces = made_of_pieces(source, output, Encoding(preset="ultrafast"), [15, 30])
    output.unlink()
    data = pieces[1].path.read_bytes()
    pieces[1].path.write_bytes(data[: len(data) // 2])
    with VideoReader(source) as reader:
        times = {"rate": Fraction(25), "tick": Fraction(1, 25), "start": Fraction(0)}
        with (
            VideoWriter(output, reader, encoding=Encoding(preset="ultrafast"), **times) as writer,
            pytest.raises(MediaError, match=r"00000015\.nut holds"),
        ):
            join(pieces, reader, writer, Fraction(30, 25))
    assert sorted(path.name for path in output.parent.iterdir()) == ["00000000.nut", "00000015.nut"]
