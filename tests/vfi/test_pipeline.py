import itertools
import os
import shutil
import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from vfi.interpolator import Interpolator
from vfi.media import Color, Encoding, Frame, MediaError, VideoReader
from vfi.media.probe import probe
from vfi.pipeline import interpolate, upsample
from vfi.report import report_result
from vfi.resumable import upsample_resumably
from vfi.spans import Content
from vfi.timing import Factor, TargetRate

TWICE = Factor(Fraction(2))
FAST = Encoding(preset="ultrafast")
LOSSLESS = Encoding(preset="ultrafast", crf=0)
REAL = sorted(Path(__file__).parents[3].glob("shared/corpus/real/*"))


def plain_frames(count, rate=Fraction(25), start=Fraction(0)):
    for i in range(count):
        yield Frame(start + i / rate, 1 / rate, Color(), pixels=np.full((4, 6, 3), 10 * i, np.uint8))


def read(path):
    with VideoReader(path) as reader:
        return list(reader)


def times(path):
    return [frame.time for frame in read(path)]


def planes(frame):
    return [bytes(plane) for plane in frame.picture.planes]


def leftovers(folder):
    return [path.name for path in folder.iterdir() if ".part" in path.name]


# interpolate


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_n_frames_become_n_times_k_and_the_last_is_held(factor, blend):
    made = list(interpolate(plain_frames(5), blend, Factor(Fraction(factor))))
    assert [frame.time for frame in made] == [Fraction(i, 25 * factor) for i in range(5 * factor)]
    assert all(frame.pixels.max() == 40 for frame in made[4 * factor :])


def test_source_frames_pass_through_as_they_are(blend):
    source = list(plain_frames(4))
    made = list(interpolate(source, blend, TWICE))
    assert all(one.pixels is other.pixels for one, other in zip(made[::2], source, strict=True))


def test_the_interpolator_is_asked_once_a_gap_for_all_its_times(blend):
    asked = []

    def between(before, after, moments):
        asked.append(list(moments))
        return blend(before, after, moments)

    list(interpolate(plain_frames(3), between, Factor(Fraction(4))))
    assert asked == [[Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]] * 2


def test_identical_neighbours_need_no_interpolator():
    def never(before, after, moments):
        raise AssertionError("asked for a frame between two that are the same")

    still = [Frame(Fraction(i, 25), Fraction(1, 25), Color(), pixels=np.ones((2, 2, 3), np.uint8)) for i in range(3)]
    assert len(list(interpolate(still, never, TWICE))) == 6


def test_a_film_that_starts_late_keeps_its_start(blend):
    made = list(interpolate(plain_frames(3, start=Fraction(7, 100)), blend, TargetRate(Fraction(50))))
    assert [frame.time for frame in made] == [Fraction(7, 100) + Fraction(i, 50) for i in range(6)]


def test_an_interpolator_that_changes_the_picture_size_is_an_error():
    with pytest.raises(ValueError, match="returned"):
        list(interpolate(plain_frames(2), lambda a, b, t: [a[:2] for _ in t], TWICE))


# upsample: time


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.mov"])
@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25)], ids=str)
def test_every_container_holds_twice_the_frames_at_twice_the_rate(name, rate, film, tmp_path, blend):
    source = film("in.mp4", rate=rate, frames=10)
    summary = upsample(source, tmp_path / name, blend, TWICE, encoding=FAST)
    assert (summary.frames_in, summary.frames_out, summary.frames_made) == (10, 20, 9)
    assert (summary.rate_in, summary.rate_out, summary.duration) == (rate, 2 * rate, 10 / rate)
    assert times(tmp_path / name) == [i / (2 * rate) for i in range(20)]


def test_files_may_be_named_by_strings(film, tmp_path, blend):
    source, made, again = str(film()), str(tmp_path / "made.mp4"), str(tmp_path / "again.mp4")
    assert upsample(source, made, blend, TWICE, encoding=FAST).output == Path(made)
    done = upsample_resumably(source, again, blend, TWICE, made_by={}, encoding=FAST, workdir=str(tmp_path / "work"))
    assert done.output == Path(again)
    assert report_result(made, source).lost == []
    assert probe(made).video.frames == done.frames_out


def test_a_variable_rate_stays_variable_and_in_step(film, tmp_path, blend):
    moments = [Fraction(n, 1000) for n in (0, 40, 60, 160, 200, 230, 330)]
    source = film("in.mp4", times=moments, frames=7)
    summary = upsample(source, tmp_path / "out.mp4", blend, TWICE, encoding=FAST)
    made = times(tmp_path / "out.mp4")
    assert summary.rate_out is None
    assert made[::2] == moments
    assert made[1:-1:2] == [(a + b) / 2 for a, b in itertools.pairwise(moments)]


def test_the_clock_of_a_variable_rate_may_be_as_fine_as_can_be(film, tmp_path, blend):
    """The average rate of a phone's film of an hour is a fraction of as many digits."""
    source, tick = film("in.mp4", frames=7), Fraction(1, 2**31 - 1)
    moments = [Fraction(n, 1000) // tick for n in (0, 40, 60, 160, 200, 230, 331)]
    with av.open(str(source)) as coarse, av.open(str(tmp_path / "fine.mp4"), "w") as fine:
        copy = fine.add_stream_from_template(coarse.streams.video[0], opaque=True)
        copy.time_base = tick
        pictures = [packet for packet in coarse.demux() if packet.size]
        order = sorted(packet.pts for packet in pictures)
        for packet in pictures:
            packet.stream, number = copy, order.index(packet.pts)
            packet.pts, packet.dts = (moments[number], moments[pictures.index(packet)] - moments[4])
            packet.time_base = tick
            fine.mux(packet)
    summary = upsample(tmp_path / "fine.mp4", tmp_path / "out.mp4", blend, TWICE, encoding=FAST)
    assert (summary.frames_out, summary.rate_out) == (14, None)
    assert all(
        abs(a - b * tick) < Fraction(1, 10**6) for a, b in zip(times(tmp_path / "out.mp4")[::2], moments, strict=True)
    )


@pytest.mark.parametrize("timing", [Factor(Fraction(5, 2)), TargetRate(Fraction(60000, 1001))], ids=["5/2", "59.94"])
def test_any_rate_can_be_asked_for(timing, film, tmp_path, blend):
    source = film("in.mp4", rate=Fraction(24), frames=12)
    summary = upsample(source, tmp_path / "out.mp4", blend, timing, encoding=FAST)
    made = times(tmp_path / "out.mp4")
    assert made == [i / summary.rate_out for i in range(30)]


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
def test_a_film_of_uneven_times_lasts_as_long_as_its_source(name, film, tmp_path, blend):
    # Frames that come later and later, and are decoded in another order.
    times = [Fraction(i * (i + 30), 1000) for i in range(30)]
    source = film("in.mkv", frames=30, times=times, picture=wandering_square, options={"bf": "3"})
    summary = upsample(source, tmp_path / name, blend, TWICE)
    assert abs(summary.written.duration_error) <= Fraction(1, 1000)  # Matroska's unit
    with av.open(str(tmp_path / name)) as made:
        packets = [packet for packet in made.demux(video=0) if packet.size]
        assert [packet.pts for packet in packets] != sorted(packet.pts for packet in packets)
        shown = made.streams.video[0]
        if name != "out.mkv":
            assert abs(shown.duration * shown.time_base - summary.duration) <= Fraction(1, 1000)


def wandering_square(index, size):
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    top, left = 3 * (index * 7 % 5), 2 * index
    image[top : top + 20, left : left + 20] = 235
    return image


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.mov"])
@pytest.mark.parametrize("preset", ["ultrafast", "medium"])  # without and with B-frames
def test_a_film_may_end_between_two_frames_of_the_rate_asked_for(name, preset, film, tmp_path, blend):
    source = film("in.mp4", frames=9)  # 0.36 s, of 60 frames a second 21.6
    upsample(source, tmp_path / name, blend, TargetRate(Fraction(60)), encoding=Encoding(preset=preset))
    assert times(tmp_path / name) == pytest.approx([i / 60 for i in range(22)], abs=0.001)
    with av.open(str(tmp_path / name)) as made:
        assert made.duration / av.time_base == pytest.approx(0.36, abs=0.002)


@pytest.mark.parametrize(
    ("rate", "name"),
    [(Fraction(24000, 1001), "long.mkv"), (Fraction(30000, 1001), "long.mp4"), (Fraction(25), "long.mp4")],
    ids=str,
)
def test_sound_and_picture_of_a_minute_end_together(rate, name, film, tmp_path, blend, packets):
    source = film("in.mp4", rate=rate, frames=round(61 * rate), size=(32, 32), sound=["aac"])
    upsample(source, tmp_path / name, blend, TWICE, encoding=FAST)
    with av.open(str(tmp_path / name)) as made:
        ends, start = {"audio": Fraction(0), "video": Fraction(0)}, Fraction(1)
        for packet in made.demux():
            if packet.size:
                end = (packet.pts + packet.duration) * packet.time_base
                ends[packet.stream.type] = max(ends[packet.stream.type], end)
                start = min(start, packet.pts * packet.time_base) if packet.stream.type == "video" else start
    # AAC comes in blocks of 1024 samples, so that its last one may reach further than the source's pictures did.
    assert abs(ends["audio"] - ends["video"]) <= max(1 / (2 * rate), Fraction(1024, 48000))
    assert abs(ends["video"] - start - round(61 * rate) / rate) <= Fraction(2, 1000)


# upsample: everything else in the file


def test_all_other_streams_are_copied_packet_by_packet(film, tmp_path, blend, packets):
    source = film(
        "in.mkv", sound=["aac", "ac3"], subtitles=["subrip", "ass"], attachment=b"glyphs", chapters=True, frames=25
    )
    summary = upsample(source, tmp_path / "out.mkv", blend, TWICE, encoding=FAST)
    before, after = packets(source), packets(tmp_path / "out.mkv")
    assert [after[i] for i in (1, 2, 3, 4)] == [before[i] for i in (1, 2, 3, 4)]
    assert len(summary.copied) == 5
    assert summary.notes == ()
    with av.open(str(source)) as a, av.open(str(tmp_path / "out.mkv")) as b:
        assert [s.type for s in b.streams] == [s.type for s in a.streams]
        assert [s.metadata.get("language") for s in b.streams] == [s.metadata.get("language") for s in a.streams]
        assert b.streams.attachments[0].data == b"glyphs"
        assert b.streams.attachments[0].name == "font.ttf"
        assert [(c["start"], c["end"], c["metadata"]) for c in b.chapters()] == [
            (c["start"], c["end"], c["metadata"]) for c in a.chapters()
        ]


def test_metadata_is_carried_over(film, tmp_path, blend):
    source = film("in.mp4", metadata={"title": "Ünder wäter", "comment": "one", "artist": "me"})
    upsample(source, tmp_path / "out.mp4", blend, TWICE, encoding=FAST)
    with av.open(str(tmp_path / "out.mp4")) as made:
        kept = {key: made.metadata.get(key) for key in ("title", "comment", "artist")}
    assert kept == {"title": "Ünder wäter", "comment": "one", "artist": "me"}


def test_mp4_keeps_its_sound_subtitles_and_chapters(film, tmp_path, blend, packets):
    source = film("in.mp4", sound=["aac"], subtitles=["mov_text"], chapters=True, frames=25)
    upsample(source, tmp_path / "out.mp4", blend, TWICE, encoding=FAST)
    before, after = packets(source), packets(tmp_path / "out.mp4")
    assert after[1] == before[1]
    assert [p for p in after[2] if len(p[1]) > 2] == [p for p in before[2] if len(p[1]) > 2]
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert [c["metadata"]["title"] for c in made.chapters()] == ["A", "B"]


def test_tags_that_only_phones_write_are_carried_over(film, tmp_path, blend):
    tags = {"title": "Beach", "com.apple.quicktime.model": "Phone 9"}
    source = film("in.mkv", metadata=tags)
    summary = upsample(source, tmp_path / "out.mov", blend, TWICE, encoding=FAST)
    with av.open(str(tmp_path / "out.mov")) as made:
        kept = {key.lower(): value for key, value in made.metadata.items()}
    assert tags.items() <= kept.items()
    assert summary.notes == ()


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_the_cover_picture_is_kept(name, film, tmp_path, blend):
    source = film("in.mp4", sound=["aac"], cover=True, metadata={"title": "T", "mood": "good"})
    upsample(source, tmp_path / name, blend, TWICE, encoding=FAST)

    def cover(path):
        with av.open(str(path)) as container:
            assert container.streams.video[1].disposition == Disposition.attached_pic
            return next(bytes(packet) for packet in container.demux(video=1))

    assert cover(tmp_path / name) == cover(source)
    assert len(times(tmp_path / name)) == 24


def test_the_time_code_of_a_camera_is_kept(film, tmp_path, blend):
    source = film("in.mov", metadata={"timecode": "01:00:00:00"})
    upsample(source, tmp_path / "out.mov", blend, TWICE, encoding=FAST)
    with av.open(str(tmp_path / "out.mov")) as made:
        assert made.streams.video[0].metadata["timecode"] == "01:00:00:00"


def test_what_the_container_cannot_hold_is_named(film, tmp_path, blend):
    source = film("in.mkv", sound=["aac"], subtitles=["ass"], attachment=b"glyphs")
    summary = upsample(source, tmp_path / "out.mp4", blend, TWICE, encoding=FAST)
    assert len(summary.copied) == 1
    assert any("subtitle" in note for note in summary.notes)
    assert any("attachment" in note for note in summary.notes)


def test_a_second_video_stream_is_kept_and_mentioned(film, tmp_path, blend, packets):
    first, second = film("a.mp4", size=(128, 72)), film("b.mp4", size=(64, 36), frames=6)
    both = tmp_path / "both.mp4"
    with av.open(str(first)) as a, av.open(str(second)) as b, av.open(str(both), "w") as output:
        copies = [output.add_stream_from_template(c.streams.video[0], opaque=True) for c in (a, b)]
        for container, copy in zip((a, b), copies, strict=True):
            for packet in container.demux():
                if packet.size:
                    packet.stream = copy
                    output.mux(packet)
    summary = upsample(both, tmp_path / "out.mp4", blend, TWICE, encoding=FAST)
    assert summary.size == (128, 72)
    assert "2 video streams" in summary.notes[0]
    assert [len(found) for found in packets(tmp_path / "out.mp4").values()] == [24, 6]
    with VideoReader(tmp_path / "out.mp4") as again:
        assert again.size == (128, 72)


# upsample: pictures


def test_source_frames_are_identical_in_a_lossless_output(film, tmp_path, blend):
    source = film()
    upsample(source, tmp_path / "out.mkv", blend, TWICE, encoding=LOSSLESS)
    assert [planes(f) for f in read(tmp_path / "out.mkv")[::2]] == [planes(f) for f in read(source)]


@pytest.mark.parametrize("encoding", [LOSSLESS, Encoding(codec="ffv1")], ids=["x264 crf 0", "ffv1"])
def test_new_frames_have_the_brightness_of_their_neighbours(encoding, film, tmp_path, blend):
    def flat(index, size):
        return np.full((size[1], size[0], 3), (180, 90 + index % 2, 40), np.uint8)

    source = film(picture=flat, tags=(1, 1, 1, 1))
    upsample(source, tmp_path / "out.mkv", blend, TWICE, encoding=encoding)
    means = np.array([[np.frombuffer(p, np.uint8).mean() for p in planes(f)] for f in read(tmp_path / "out.mkv")])
    assert np.ptp(means, axis=0).max() <= 1


@pytest.mark.parametrize(
    ("tags", "yuv"),
    [
        ((1, 1, 1, 1), (63, 102, 240)),
        ((6, 1, 6, 6), (81, 90, 240)),
        ((1, 2, 1, 1), (54, 99, 255)),
        (None, (81, 90, 240)),
    ],
    ids=["709", "601", "709 full", "untagged"],
)
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_pure_red_and_its_tags_survive(tags, yuv, name, film, tmp_path):
    def red(index, size):
        picture = av.VideoFrame(*size, "yuv420p")
        for plane, value in zip(picture.planes, yuv, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        np.frombuffer(memoryview(picture.planes[0]), np.uint8).reshape(size[1], -1)[index, :8] += 20  # not still
        return picture

    def after(one, other, moments):
        return [other for _ in moments]

    source = film("in.mp4", picture=red, tags=tags, options={"crf": "0"})
    upsample(source, tmp_path / name, after, TWICE, encoding=LOSSLESS)
    with VideoReader(source) as a, VideoReader(tmp_path / name) as b:
        assert b.info.color == a.info.color
        for frame in b:
            found = [np.frombuffer(memoryview(p), np.uint8).reshape(p.height, -1)[-1, 20] for p in frame.picture.planes]
            assert np.abs(np.array(found, int) - yuv).max() <= 1


@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (6, 1, 6, 6), (1, 2, 1, 1), None], ids=["709", "601", "full", "none"])
@pytest.mark.parametrize("name", ["out.mkv", "out.webm"])
def test_vp8_which_knows_only_bt601_shows_the_same_colours(tags, name, film, tmp_path, blend):
    source = film(tags=tags, frames=4)
    upsample(source, tmp_path / name, blend, TWICE, encoding=Encoding(codec="libvpx", crf=4, options={"b": "20M"}))
    with VideoReader(source) as a, VideoReader(tmp_path / name) as b:
        assert b.info.color.matrix == 5
        for before, after in zip(a, list(b)[::2], strict=True):
            assert np.abs(np.int16(before.rgb) - after.rgb).mean(axis=(0, 1)).max() < 2
            assert np.abs(np.int16(before.rgb).mean(axis=(0, 1)) - after.rgb.mean(axis=(0, 1))).max() < 1


@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_hevc_is_marked_as_apple_knows_it(name, film, tmp_path, blend):
    upsample(film(frames=4), tmp_path / name, blend, TWICE, encoding=Encoding(codec="libx265"))
    with av.open(str(tmp_path / name)) as made:
        assert made.streams.video[0].codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_ten_bits_stay_ten_bits(codec, film, tmp_path, blend):
    source = film("in.mkv", pix_fmt="yuv420p10le", tags=(9, 1, 9, 16), frames=5)
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    encoding = Encoding(codec=codec, preset="ultrafast", options=quiet)
    upsample(source, tmp_path / "out.mp4", blend, TWICE, encoding=encoding)
    with VideoReader(tmp_path / "out.mp4") as made:
        assert made.info.pix_fmt == "yuv420p10le"
        assert (made.info.color.matrix, made.info.color.primaries, made.info.color.transfer) == (9, 9, 16)
        assert all(frame.rgb.dtype == np.uint16 for frame in made)


@pytest.mark.parametrize(("name", "codec"), [("out.mkv", "libx264"), ("out.mp4", "libx265"), ("out.webm", None)])
def test_hdr10_metadata_is_kept(name, codec, film, tmp_path, blend):
    mastering = "mastering-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50)"
    source = film(
        "in.mkv", pix_fmt="yuv420p10le", tags=(9, 1, 9, 16), options={"x264-params": f"{mastering}:cll=1000,400"}
    )
    summary = upsample(source, tmp_path / name, blend, TWICE, encoding=Encoding(codec=codec))
    with VideoReader(source) as before, VideoReader(tmp_path / name) as after:
        assert before.info.hdr is not None
        assert before.info.hdr.near(after.info.hdr)
        assert after.info.hdr.light_level == (1000, 400)
        assert (after.info.pix_fmt, after.info.color) == ("yuv420p10le", before.info.color)
    assert summary.notes == ()


def sprite(index, size):
    """A soft-edged red square over nothing, whose hidden colour is white."""
    image = np.full((size[1], size[0], 4), (255, 255, 255, 0), np.uint8)
    left = 8 + 2 * index
    image[20:40, left : left + 24] = 250, 10, 20, 128
    image[22:38, left + 2 : left + 22, 3] = 255
    return av.VideoFrame.from_ndarray(image, "rgba").reformat(format="bgra")


@pytest.mark.parametrize(
    ("name", "codec", "tolerance"),
    [
        ("out.mkv", None, 0),
        ("out.mov", None, 1),
        ("out.mov", "qtrle", 0),
        ("out.mov", "png", 0),
        ("out.webm", None, 24),
        ("out.webm", "libvpx", 24),
    ],
)
def test_transparency_is_kept_where_the_format_holds_it(name, codec, tolerance, film, tmp_path, blend):
    source = film("in.mkv", codec="ffv1", pix_fmt="bgra", picture=sprite, frames=5)
    fast = {"deadline": "realtime", "cpu-used": "8"} if name == "out.webm" else {}
    summary = upsample(source, tmp_path / name, blend, TWICE, encoding=Encoding(codec=codec, options=fast))
    before, after = read(source), read(tmp_path / name)
    for one, other in zip(before, after[::2], strict=True):
        alpha = np.rint(other.alpha * np.float32(255 / np.iinfo(other.alpha.dtype).max))
        assert np.abs(one.alpha - alpha).max() <= tolerance
    middle = (before[0].alpha.astype(int) + before[1].alpha) / 2
    assert np.abs(after[1].alpha * (255 / np.iinfo(after[1].alpha.dtype).max) - middle).max() <= tolerance + 1
    assert not any("Transparency" in note for note in summary.notes)
    # and once more, from what was written
    again = upsample(tmp_path / name, tmp_path / "again.mkv", blend, TWICE)
    assert again.pix_fmt in ("bgra", "yuva444p12le", "yuva420p")
    np.testing.assert_array_equal(read(tmp_path / "again.mkv")[0].alpha, after[0].alpha)


def test_transparency_is_left_out_over_black_elsewhere_and_mentioned(film, tmp_path, blend):
    source = film("in.mkv", codec="ffv1", pix_fmt="bgra", picture=sprite, frames=5)
    encoding = Encoding(preset="ultrafast", crf=0, pix_fmt="yuv444p")
    summary = upsample(source, tmp_path / "out.mp4", blend, TWICE, encoding=encoding)
    assert ".mp4 with libx264 holds none" in summary.notes[0]
    made = read(tmp_path / "out.mp4")
    assert max(int(frame.rgb[:20].max()) for frame in made) <= 1
    for one, other in zip(read(source), made[::2], strict=True):
        assert np.abs(one.flat.astype(int) - other.rgb).max() <= 3


@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (6, 1, 6, 6), (9, 1, 9, 16)])
def test_prores_keeps_the_colour_tags(tags, film, tmp_path, blend):
    source = film("in.mkv", tags=tags, pix_fmt="yuv422p10le", frames=3)
    upsample(source, tmp_path / "out.mov", blend, TWICE, encoding=Encoding(codec="prores_ks"))
    with VideoReader(source) as before, VideoReader(tmp_path / "out.mov") as after:
        assert after.info.color == before.info.color


def test_animated_gifs_become_films(film, tmp_path, blend):
    source = film("in.gif", codec="gif", pix_fmt="rgb8")
    full_chroma = Encoding(preset="ultrafast", crf=0, pix_fmt="yuv444p")
    upsample(source, tmp_path / "out.mp4", blend, TWICE, encoding=full_chroma)
    for before, after in zip(read(source), read(tmp_path / "out.mp4")[::2], strict=True):
        assert np.abs(before.rgb.astype(int) - after.rgb).mean() < 1.5


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.mov"])
def test_pixel_aspect_and_rotation_are_kept(name, film, tmp_path, blend):
    source = film("in.mp4", aspect=Fraction(32, 27), rotation=90)
    upsample(source, tmp_path / name, blend, TWICE, encoding=FAST)
    with VideoReader(tmp_path / name) as made:
        assert (made.info.pixel_aspect, made.info.rotation, made.size) == (Fraction(32, 27), 90, (128, 72))


@pytest.mark.parametrize(("name", "pix_fmt"), [("out.mp4", "yuv444p"), ("out.webm", "yuv420p")])
def test_an_odd_size_is_kept(name, pix_fmt, film, tmp_path, blend):
    source = film("in.mkv", size=(101, 57), codec="ffv1", picture=lambda i, size: np.full((57, 101, 3), i, np.uint8))
    summary = upsample(source, tmp_path / name, blend, TWICE)
    with VideoReader(tmp_path / name) as made:
        assert (made.size, made.info.pix_fmt) == ((101, 57), pix_fmt)
    assert any("yuv444p" in note for note in summary.notes) == (pix_fmt == "yuv444p")


def test_a_square_moved_by_the_interpolator_lands_between(film, tmp_path, square):
    def shift(before, after, moments):
        return [np.roll(before, round(float(t) * 2), axis=1) for t in moments]

    source = film(options={"crf": "0"}, pix_fmt="yuv444p")
    upsample(source, tmp_path / "out.mkv", shift, TWICE, encoding=LOSSLESS)
    bright = [int((frame.rgb.min(axis=2) > 200).any(axis=0).argmax()) for frame in read(tmp_path / "out.mkv")]
    assert bright == [*range(8, 8 + 23), 8 + 22]


def test_webm_carries_vp9_and_opus(film, tmp_path, blend, packets):
    source = film("in.webm", codec="libvpx-vp9", sound=["libopus"], options={"cpu-used": "8", "deadline": "realtime"})
    encoding = Encoding(options={"cpu-used": "8", "deadline": "realtime"})
    upsample(source, tmp_path / "out.webm", blend, TWICE, encoding=encoding)
    before, after = packets(source), packets(tmp_path / "out.webm")
    assert [data for _, data in after[1]] == [data for _, data in before[1]]
    assert len(after[0]) == 24


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_a_trimmed_film_stays_trimmed(name, film, tmp_path, blend, packets):
    # A phone trims by an edit list: pictures and sound before the cut stay in the file, at negative times.
    whole, trimmed = film("whole.mp4", sound=["aac"], frames=40, options={"g": "50"}), tmp_path / "trimmed.mp4"
    with av.open(str(whole)) as a, av.open(str(trimmed), "w") as b:
        copies = {s.index: b.add_stream_from_template(s, opaque=True) for s in a.streams}
        for packet in a.demux():
            if packet.size:
                packet.pts -= round(Fraction(10, 25) / packet.time_base)
                packet.dts -= round(Fraction(10, 25) / packet.time_base)
                packet.stream = copies[packet.stream_index]
                b.mux(packet)
    summary = upsample(trimmed, tmp_path / name, blend, TWICE, encoding=FAST)
    assert (summary.frames_in, summary.frames_out) == (30, 60)
    made = packets(tmp_path / name)
    starts = {index: min(time for time, _ in found) for index, found in made.items()}
    assert starts[0] - starts[1] <= (Fraction(1, 20) if name == "out.mkv" else Fraction(1, 2))


def test_a_transport_stream_counts_from_its_own_start(film, tmp_path, blend, packets):
    source = film("in.ts", sound=["aac"], frames=50, picture=lambda i, size: np.full((72, 128, 3), i, np.uint8))
    upsample(source, tmp_path / "out.mkv", blend, TWICE, encoding=FAST)
    made = packets(tmp_path / "out.mkv")
    assert min(time for found in made.values() for time, _ in found) < Fraction(1, 10)
    with VideoReader(source) as a:
        offset = {s.type: s.start_time * s.time_base - a.origin for s in a.container.streams}
    found = {"video": made[0][0][0], "audio": made[1][0][0]}
    assert all(abs(found[kind] - offset[kind]) <= Fraction(1, 1000) for kind in found)


def test_the_summary_and_progress_count_alike(film, tmp_path, blend):
    seen = []
    summary = upsample(
        film(),
        tmp_path / "out.mp4",
        blend,
        TWICE,
        encoding=FAST,
        progress=lambda done, total, scene: seen.append((done, total)),
    )
    assert seen == [(i, 24) for i in range(1, 25)]
    assert summary.frames_out == 24


# upsample: what goes wrong


def test_an_existing_output_is_left_alone_unless_overwriting_is_allowed(film, tmp_path, blend):
    source, output = film(), tmp_path / "out.mp4"
    output.write_bytes(b"precious")
    with pytest.raises(MediaError, match="already exists"):
        upsample(source, output, blend, TWICE, encoding=FAST)
    assert output.read_bytes() == b"precious"
    upsample(source, output, blend, TWICE, encoding=FAST, overwrite=True)
    assert len(times(output)) == 24


def test_the_source_is_never_the_output(film, blend):
    source = film()
    before = source.read_bytes()
    with pytest.raises(MediaError, match="source itself"):
        upsample(source, source, blend, TWICE, overwrite=True)
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("no/such/out.mp4", "no folder"),
        ("out", "must end in"),
        ("out.xyz", "must end in"),
        (".", "folder"),
    ],
)
def test_an_output_that_cannot_be_is_refused_at_once(output, sentence, film, tmp_path, blend):
    with pytest.raises(MediaError, match=sentence):
        upsample(film(), tmp_path / output, blend, TWICE)
    assert leftovers(tmp_path) == []


def test_a_failure_leaves_the_old_output_alone(film, tmp_path):
    def between(before, after, moments):
        raise RuntimeError

    (tmp_path / "out.mp4").write_bytes(b"precious")
    with pytest.raises(RuntimeError):
        upsample(film(), tmp_path / "out.mp4", between, TWICE, encoding=FAST, overwrite=True)
    assert (tmp_path / "out.mp4").read_bytes() == b"precious"


@pytest.mark.parametrize("moment", [0, 5])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_or_error_leaves_nothing_behind(moment, error, film, tmp_path, blend):
    calls = []

    def between(before, after, moments):
        calls.append(1)
        if len(calls) > moment:
            raise error
        return blend(before, after, moments)

    source = film()
    with pytest.raises(error):
        upsample(source, tmp_path / "out.mp4", between, TWICE, encoding=FAST)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_a_full_disk_is_one_clear_sentence(film, tmp_path, python):
    def noise(index, size):
        return np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), np.uint8)

    source = film(picture=noise, frames=30)
    code = f"""
import resource
from fractions import Fraction
from pathlib import Path
from vfi.media import Encoding, MediaError
from vfi.pipeline import upsample
from vfi.timing import Factor
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
folder = Path({str(tmp_path)!r})
try:
    upsample(Path({str(source)!r}), folder / "out.mkv", lambda a, b, t: [a for _ in t], Factor(Fraction(2)),
             encoding=Encoding(preset="ultrafast", crf=0))
except MediaError as error:
    print(error)
print(sorted(path.name for path in folder.iterdir()))
"""
    done = python(code)
    assert "no room left" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1] == f"['{source.name}']"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(film, tmp_path, blend):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(MediaError, match="may not be written"):
        upsample(film(), folder / "out.mp4", blend, TWICE)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second file system")
def test_source_and_output_may_be_on_different_disks(film, blend, tmp_path):
    folder = Path("/dev/shm") / tmp_path.name
    folder.mkdir()
    try:
        upsample(film(), folder / "out.mp4", blend, TWICE, encoding=FAST)
        assert [path.name for path in folder.iterdir()] == ["out.mp4"]
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_a_real_file_passes_or_is_clearly_refused(path, tmp_path, blend):
    output = tmp_path / path.with_suffix(".mkv").name
    if "interlaced" in path.name:
        with pytest.raises(MediaError, match="interlaced"):
            upsample(path, output, blend, TWICE, encoding=FAST)
    else:
        summary = upsample(path, output, blend, TWICE, encoding=FAST)
        assert summary.frames_out == 2 * summary.frames_in == len(times(output))


def test_highlights_beyond_white_do_not_flicker(tmp_path, blend):
    source, output = tmp_path / "bright.mkv", tmp_path / "smooth.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for i in range(4):
            picture = av.VideoFrame(32, 32, "yuv420p")
            for plane, level in zip(picture.planes, (240 + 4 * i, 128, 128), strict=True):  # white is at 235
                plane.update(bytes([level]) * plane.buffer_size)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    upsample(source, output, blend, TWICE, encoding=Encoding("ffv1"))
    luma = [memoryview(frame.picture.planes[0])[0] for frame in read(output)]
    assert luma == [240, 242, 244, 246, 248, 250, 252, 252]


def stored(shift, size=(544, 960)):
    """Return a 10-bit frame: a bright thing that has moved right by so many pixels, over a ground that stands still."""
    rng = np.random.default_rng(0)
    picture = av.VideoFrame(size[1], size[0], "yuv420p10le")
    for plane, times, (low, high) in zip(picture.planes, (1, 2, 2), ((100, 700), (400, 600), (400, 600)), strict=True):
        height, width = size[0] // times, size[1] // times
        ground, thing = (
            cv2.resize(rng.uniform(*limits, (h // 8, w // 8)), (w, h), interpolation=cv2.INTER_CUBIC)
            for limits, h, w in (((low, high), height, width), ((high, 1000), 160 // times, 240 // times))
        )
        top, left = 120 // times, (360 + shift) // times
        ground[top : top + thing.shape[0], left : left + thing.shape[1]] = thing
        row = np.zeros((height, plane.line_size // 2), np.uint16)
        row[:, :width] = np.clip(np.rint(ground), 4, 1019)
        plane.update(row)
    return Frame(Fraction(shift, 200), Fraction(1, 25), Color(matrix=9, range=1), picture=picture)


def test_large_frames_are_made_of_samples_as_stored():
    between = Interpolator.load("classical", "cpu", backend="torch")
    frame, after = stored(0), stored(8)
    _, made, *_ = interpolate([frame, after], between, TWICE)
    assert made.origin == "made"
    assert made.picture.format.name == "yuv420p10le"
    assert made.encoded_as("yuv420p10le", made.color) is made.picture
    there = made.yuv.luma[300:], made.yuv.chroma[150:]
    for new, old in zip(there, (frame.yuv.luma[300:], frame.yuv.chroma[150:]), strict=True):
        assert np.abs(new.astype(int) - old).max() <= 1  # of 1023, where nothing moves
    inside = (slice(130, 270), slice(374, 590))
    assert frame.yuv.luma[inside].max() > 940  # beyond white, which RGB would clip
    moved = np.abs(made.yuv.luma[inside].astype(int) - stored(4).yuv.luma[inside])
    assert moved.mean() < 4
    colour = (slice(65, 135), slice(187, 295))
    assert np.abs(made.yuv.chroma[colour].astype(int) - stored(4).yuv.chroma[colour]).mean() < 4


class Starting:
    """Blends, after a start in another thread that says which pair it was for."""

    def __init__(self, blend, fails=None):
        self.blend, self.started, self.used, self.fails = blend, [], [], fails

    def start(self, before, after):
        if len(self.started) == self.fails:
            raise ValueError("no motion")
        self.started.append((int(before[0, 0, 0]), threading.get_ident()))
        return self.started[-1][0]

    def make(self, before, after, times, start):
        self.used.append((int(before[0, 0, 0]), start, len(self.started)))
        return ((image, None) for image in self.blend(before, after, times))


def test_pairs_are_started_ahead_in_another_thread_and_come_out_the_same(blend):
    between = Starting(blend)
    made = list(interpolate(plain_frames(6), between, TWICE))
    plain = list(interpolate(plain_frames(6), blend, TWICE))
    assert [frame.time for frame in made] == [frame.time for frame in plain]
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(made, plain, strict=True))
    assert [before for before, _ in between.started] == [before for before, _, _ in between.used]
    assert all(start == before for before, start, _ in between.used)
    assert {thread for _, thread in between.started}.isdisjoint({threading.get_ident()})


class Curving(Starting):
    """One that says, too, what it was told of the pairs around."""

    def curved(self, start, before, after):
        self.told[start] = before, after
        return start

    def __init__(self, blend):
        super().__init__(blend)
        self.told = {}


def test_a_pair_is_told_of_those_around_it_to_which_motion_leads(blend):
    levels, distances = [0, 10, 20, 20, 20, 30, 40, 50, 60, 70], [1, 1, 2, 1, 1, 3, 1, 1, 1, 1]
    times = [sum(distances[:i]) * Fraction(1, 25) for i in range(10)]
    rows = np.arange(0, 48, 2, dtype=np.uint8)[:, None, None]
    frames = [
        Frame(time, distance * Fraction(1, 25), Color(), pixels=np.full((24, 32, 3), level, np.uint8) + rows)
        for time, distance, level in zip(times, distances, levels, strict=True)
    ]
    between = Curving(blend)
    list(interpolate(frames, between, TWICE, Content(cuts="off")))
    third = Fraction(1, 3)
    assert between.told == {
        0: (None, (10, 1)),
        10: ((0, 1), None),  # two frames that repeat it follow
        20: (None, (30, 3)),
        30: ((20, third), (40, third)),
        40: ((30, 3), (50, 1)),
        50: ((40, 1), (60, 1)),
        60: ((50, 1), None),
    }
    straight = Curving(blend)
    list(interpolate(frames, straight, TWICE, Content(cuts="off", course="straight")))
    assert not straight.told
    assert [start for start, _ in straight.started] == list(between.told)


def test_of_pairs_without_new_frames_only_those_next_to_others_are_started(blend):
    between = Curving(blend)
    # From 25 to 10 pictures a second: two new frames in ten gaps, of which each needs the gap before and after it.
    made = list(interpolate(plain_frames(11), between, TargetRate(Fraction(10))))
    assert [frame.origin for frame in made].count("made") == 2
    assert [start for start, _ in between.started] == [10, 20, 30, 60, 70, 80]
    assert between.told == {20: ((10, 1), (30, 1)), 70: ((60, 1), (80, 1))}


def test_what_fails_ahead_of_its_turn_is_told_in_its_turn(blend):
    frames = interpolate(plain_frames(6), Starting(blend, fails=2), TWICE)
    with pytest.raises(ValueError, match="no motion"):
        list(frames)
    between = Starting(blend)
    frames = interpolate(plain_frames(60), between, TWICE)
    next(frames)
    frames.close()
    assert len(between.started) < 10  # and what nobody waits for is not begun
