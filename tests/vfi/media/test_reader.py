from fractions import Fraction

import av
import numpy as np
import pytest

from vfi.media import MediaError, VideoReader


def noise(index, size):
    return np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), np.uint8)


def cut(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def scramble(path, start, length):
    """Overwrite bytes in the middle of the pictures' data."""
    data = bytearray(path.read_bytes())
    at = int(len(data) * start)
    data[at : at + length] = np.random.default_rng(0).integers(0, 256, length, np.uint8).tobytes()
    path.write_bytes(bytes(data))
    return path


def read(path):
    with VideoReader(path) as reader:
        return list(reader)


def test_frames_come_in_order_with_exact_times(film):
    frames = read(film(rate=Fraction(30000, 1001), frames=15, options={"preset": "medium"}))  # with B-frames
    assert [frame.time for frame in frames] == [Fraction(1001 * i, 30000) for i in range(15)]
    assert {frame.duration for frame in frames} == {Fraction(1001, 30000)}


def test_pixels_are_rgb(film, square):
    frames = read(film(options={"crf": "0"}, pix_fmt="yuv444p"))
    assert frames[3].rgb.shape == (72, 128, 3)
    assert np.abs(frames[3].rgb.astype(int) - square(3, (128, 72))).max() <= 3


def test_what_a_stream_says_of_itself_is_read(film):
    source = film(
        tags=(1, 2, 9, 16), aspect=Fraction(4, 3), rotation=-90, sound=["aac"], rate=Fraction(24000, 1001), frames=24
    )
    with VideoReader(source) as reader:
        assert reader.size == (128, 72)
        assert reader.rate == Fraction(24000, 1001)
        assert reader.duration == 24 / Fraction(24000, 1001)
        assert reader.frame_count == 24
        color = reader.info.color
        assert (color.matrix, color.range, color.primaries, color.transfer) == (1, 2, 9, 16)
        assert (reader.info.pixel_aspect, reader.info.rotation) == (Fraction(4, 3), -90)


def test_packets_of_other_streams_are_passed_on(film, packets):
    source = film("in.mkv", sound=["aac"], subtitles=["subrip"])
    passed = []
    with VideoReader(source) as reader:
        assert len(list(reader.frames(passed.append))) == 12
    found = packets(source)
    assert len(passed) == len(found[1]) + len(found[2])


def test_hidden_reference_pictures_of_vp8_are_not_counted(film):
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good", "cpu-used": "5"}
    frames = read(film("in.webm", codec="libvpx", frames=40, options=options))
    assert len(frames) == 40


def test_a_file_without_times_gets_them_from_its_rate(film):
    source = film("in.h264", codec="libx264", frames=10, rate=Fraction(30))
    with VideoReader(source) as reader:
        assert [frame.time for frame in reader] == [i / reader.timeline.average_rate for i in range(10)]
        assert "carry no times" in reader.notes[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"just some text, no video at all\n" * 100, "not a video"),
        (bytes(5000), "not a video"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n", "not a video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a video"),
    ],
    ids=["empty", "text", "zeros", "playlist", "concat"],
)
@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_a_file_that_is_no_video_is_one_clear_sentence(content, sentence, name, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError, match=sentence) as error:
        VideoReader(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        VideoReader(tmp_path / "none.mp4")
    with pytest.raises(MediaError, match="folder"):
        VideoReader(tmp_path)


def test_sound_alone_is_refused(tmp_path):
    with av.open(str(tmp_path / "tone.mp4"), "w") as output:
        stream = output.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate = 48000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(MediaError, match="no video stream"):
        VideoReader(tmp_path / "tone.mp4")


def test_a_single_picture_is_refused(film):
    with pytest.raises(MediaError, match="single picture"):
        VideoReader(film(frames=1))


def test_an_interlaced_film_is_refused_with_the_way_out(film):
    source = film("in.mkv", codec="mpeg2video", options={"flags": "+ildct+ilme"})
    with pytest.raises(MediaError, match="bwdif"):
        VideoReader(source)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", ["film.mp4", "front.mp4", "film.mkv", "film.webm", "film.mov"])
def test_a_file_cut_short_is_refused_before_any_work(name, share, film):
    codec = {"codec": "libvpx", "options": {"deadline": "realtime"}} if name.endswith("webm") else {}
    source = film(name, frames=30, picture=noise, sound=[] if codec else ["aac"], **codec)
    if name == "front.mp4":
        source = index_first(source)
    with pytest.raises(MediaError, match=r"cut short|damaged"):
        VideoReader(cut(source, share))


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4"])
def test_a_short_film_that_is_read_whole_to_know_its_streams_is_refused_too_if_cut_short(name, film):
    source = film(name, frames=10, sound=["aac"])
    with pytest.raises(MediaError, match="cut short"):
        VideoReader(cut(source, 0.8))


def index_first(source):
    moved = source.with_name("faststart.mp4")
    with av.open(str(source)) as a, av.open(str(moved), "w", container_options={"movflags": "faststart"}) as b:
        copies = {s.index: b.add_stream_from_template(s, opaque=True) for s in a.streams}
        for packet in a.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                b.mux(packet)
    return moved


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg2video", "ffv1"])
def test_damage_half_way_is_an_error_not_a_shorter_film(codec, film):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    source = scramble(film("in.mkv", codec=codec, frames=30, picture=noise, options=options), 0.5, 3000)
    with pytest.raises(MediaError, match="damaged"):
        read(source)


def test_a_film_whose_pictures_change_size_is_refused(film, tmp_path):
    small, large = film("a.h264", size=(64, 36)), film("b.h264", size=(128, 72))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(MediaError, match="changes its picture size"):
        read(both)


def test_the_other_streams_can_be_read_alone(film, packets):
    source = film("in.mkv", sound=["aac"], subtitles=["subrip"])
    with VideoReader(source) as reader:
        found = [(packet.stream_index, bytes(packet)) for packet in reader.other_packets()]
    assert sorted(found) == sorted((index, data) for index in (1, 2) for _, data in packets(source)[index])


def test_pictures_that_lack_their_key_frame_are_left_out_with_a_note(film, tmp_path):
    whole = film("in.mkv", frames=30, rate=Fraction(25), options={"g": "10", "bf": "0", "sc_threshold": "0"})
    headless = tmp_path / "headless.mkv"
    with av.open(str(whole)) as source, av.open(str(headless), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux(video=0) if p.size):
            if number >= 3:
                packet.stream = stream
                target.mux(packet)
    with VideoReader(headless) as reader:
        assert reader.timeline.frames == 20
        assert any("its first 0.28 s of pictures cannot be" in note for note in reader.notes)
    with VideoReader(whole) as reader:
        assert not reader.notes
