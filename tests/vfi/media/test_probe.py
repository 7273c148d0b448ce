from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from vfi.media.images import write_image
from vfi.media.probe import probe


def test_a_film_is_told_whole(film):
    path = film(
        "film.mkv", rate=Fraction(24000, 1001), frames=10, sound=["aac"], subtitles=["subrip"], chapters=True,
        tags=(1, 1, 1, 1), aspect=Fraction(4, 3), rotation=90,
    )  # fmt: skip
    found = probe(path)
    assert (found.fault, found.unfit, found.notes) == (None, None, ())
    assert [stream.type for stream in found.streams] == ["video", "audio", "subtitle"]
    assert (found.streams[1].codec, found.streams[1].sample_rate, found.streams[1].layout) == ("aac", 48000, "stereo")
    assert (found.streams[2].language, found.streams[2].title) == ("eng", "Words 0")
    assert [(chapter.title, chapter.start) for chapter in found.chapters] == [("A", 0), ("B", found.chapters[0].end)]
    video = found.video
    assert (video.rate, video.variable, video.frames) == (Fraction(24000, 1001), False, 10)
    assert video.duration == 10 * Fraction(1001, 24000)
    assert (video.matrix, video.primaries, video.transfer, video.range) == ("bt709", "bt709", "bt709", "limited")
    assert (video.info.pixel_aspect, video.info.rotation, video.interlaced) == (Fraction(4, 3), 90, False)
    text = str(found)
    for words in ("128x72", "23.976 fps", "10 frames", "colour bt709", "pixels 4:3", "rotated by 90", "“Words 0”"):
        assert words in text


def test_a_variable_rate_is_told_with_its_average(film):
    found = probe(film("film.mkv", times=[Fraction(t, 1000) for t in (0, 30, 100, 130, 200)])).video
    assert found.variable
    assert found.rate == pytest.approx(5 / found.duration)
    assert "variable rate" in str(found)


def test_hdr10_is_told_with_its_display(film):
    display = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50)"
    parameters = f"log-level=none:hdr10=1:repeat-headers=1:master-display={display}:max-cll=1000,400"
    options = {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": parameters}}
    found = probe(film("film.mkv", tags=(9, 1, 9, 16), **options)).video
    assert (found.hdr, found.transfer, found.matrix) == ("HDR10", "smpte2084", "bt2020nc")
    assert "HDR10 (display 0.005 to 1000 cd/m2, MaxCLL 1000, MaxFALL 400)" in str(found)


def test_hlg_is_told_by_its_transfer(film):
    assert probe(film(tags=(9, 1, 9, 18))).video.hdr == "HLG"


def test_what_cannot_be_interpolated_is_whole_and_unfit(film, tmp_path):
    laced = probe(film("in.mkv", codec="mpeg2video", options={"flags": "+ildct+ilme"}))
    assert (laced.fault, laced.video.interlaced, laced.video.frames) == (None, True, 12)
    assert "bwdif" in laced.unfit
    still = probe(film("one.mp4", frames=1))
    assert (still.fault, still.video.frames, still.video.rate) == (None, 1, None)
    assert "single picture" in still.unfit
    with av.open(str(tmp_path / "tone.mp4"), "w") as output:
        stream = output.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate = 48000
        output.mux([*stream.encode(frame), *stream.encode(None)])
    tone = probe(tmp_path / "tone.mp4")
    assert (tone.fault, tone.video, [stream.type for stream in tone.streams]) == (None, None, ["audio"])
    assert "no video stream" in tone.unfit


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4"])
def test_a_film_cut_short_is_a_fault_in_one_sentence(name, film):
    path = film(name, sound=["aac"])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.8)])
    found = probe(path)
    assert "cut short" in found.fault
    assert "\n" not in found.fault
    if name == "film.mkv":  # what its first picture tells is told
        assert (found.video.info.width, found.video.codec, found.video.frames) == (128, "h264", None)
        assert [stream.type for stream in found.streams] == ["video", "audio"]


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b"nothing of the kind", "not a video")])
def test_what_is_no_video_is_a_fault(tmp_path, content, words):
    (tmp_path / "a.mp4").write_bytes(content)
    found = probe(tmp_path / "a.mp4")
    assert words in found.fault
    assert found == replace(probe(tmp_path / "nowhere.mp4"), path=found.path, fault=found.fault)


def test_missing_times_are_noted(film):
    assert "carry no times" in probe(film("film.h264")).notes[0]


def test_pictures_are_one_film(tmp_path):
    for i in range(3):
        write_image(tmp_path / f"{i}.png", np.full((40, 60, 3), 50 * i, np.uint8))
    for path in (tmp_path, tmp_path / "%d.png"):
        found = probe(path)
        assert (found.video.frames, found.video.info.width, found.video.rate) == (3, 60, 25)
        assert "carry no times" in found.notes[0]
    (tmp_path / "1.png").write_text("no picture")
    assert "1.png" in probe(tmp_path).fault
