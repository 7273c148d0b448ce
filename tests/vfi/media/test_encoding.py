import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from vfi.media import Color, Encoding, MediaError, VideoInfo, VideoReader
from vfi.media.color import depth
from vfi.media.encoding import add_encoder, choose_encoder, stored

FILM = VideoInfo(128, 72, "yuv420p", Color(), None, None, 0, None)


def choose(encoding, info=FILM, output="out.mp4"):
    return choose_encoder(encoding, info, Path(output))


def test_the_default_is_x264_of_high_quality():
    encoder = choose(Encoding())
    assert (encoder.codec, encoder.pix_fmt, encoder.options) == (
        "libx264",
        "yuv420p",
        {"crf": "16", "preset": "medium"},
    )


@pytest.mark.parametrize("output", ["out.mp4", "out.mov", "out.mkv"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p10le", "yuv420p12le", "gbrp16le"])
def test_deep_pictures_get_a_codec_that_players_show_them_with(pix_fmt, output):
    encoder = choose(Encoding(), replace(FILM, pix_fmt=pix_fmt), output)
    assert encoder.codec == "libx265"
    assert depth(encoder.pix_fmt) >= 10


def test_webm_gets_a_codec_that_it_holds():
    assert choose(Encoding(), output="out.webm").codec == "libvpx-vp9"
    deep = replace(FILM, pix_fmt="yuv420p10le")
    assert choose(Encoding(), deep, "out.webm").codec == "libsvtav1"  # VP9 is built for 8 bits


def test_wishes_win_over_defaults():
    encoder = choose(Encoding(crf=20.5, preset="fast", options={"tune": "grain", "g": "30"}))
    assert encoder.options == {"crf": "20.5", "preset": "fast", "tune": "grain", "g": "30"}


def test_presets_may_be_numbers_and_tunes_may_be_two():
    assert choose(Encoding(preset="3", options={"tune": "film,fastdecode"})).options["preset"] == "3"
    assert choose(Encoding(codec="libsvtav1", preset="10")).options["preset"] == "10"


def test_at_8k_fewer_frames_are_looked_ahead_unless_a_preset_says_how_many():
    vast = replace(FILM, width=7680, height=4320)
    options = choose(Encoding(), vast).options
    assert (options["rc-lookahead"], options["x264-params"]) == ("4", "sliced-threads=1")
    for encoding, info in ((Encoding(preset="medium"), vast), (Encoding(), replace(FILM, width=4096, height=2304))):
        assert "rc-lookahead" not in choose(encoding, info).options


def test_another_way_to_set_the_quality_replaces_the_default():
    assert "crf" not in choose(Encoding(options={"qp": "0"})).options


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p10le"])
def test_the_pixel_format_of_the_source_is_kept(pix_fmt):
    assert choose(Encoding(), replace(FILM, pix_fmt=pix_fmt)).pix_fmt == pix_fmt


def test_full_range_jpeg_formats_are_kept_under_their_modern_name():
    encoder = choose(Encoding(), replace(FILM, pix_fmt="yuvj420p"))
    assert (encoder.pix_fmt, encoder.notes) == ("yuv420p", ())


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "nearest"),
    [("libx264", "yuv420p12le", "yuv420p10le"), ("libx264", "gbrp", "yuv420p"), ("libvpx-vp9", "nv12", "yuv420p")],
)
def test_the_nearest_pixel_format_is_taken_and_mentioned(codec, pix_fmt, nearest):
    encoder = choose(Encoding(codec=codec), replace(FILM, pix_fmt=pix_fmt))
    assert encoder.pix_fmt == nearest
    assert nearest in encoder.notes[0]


def test_an_odd_size_gets_a_format_that_holds_it():
    encoder = choose(Encoding(), replace(FILM, width=101, height=57))
    assert encoder.pix_fmt == "yuv444p"


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        (Encoding(codec="x264"), "no encoder 'x264'"),
        (Encoding(codec="aac"), "not video"),
        (Encoding(codec="ffv1", crf=10), "no option 'crf'"),
        (Encoding(options={"tunee": "film"}), "did you mean"),
        (Encoding(preset="fastest"), "no preset 'fastest'"),
        (Encoding(pix_fmt="yuv999"), "does not take yuv999"),
        (Encoding(pix_fmt="yuv420p", options={"profile": "nonsense"}), "does not take nonsense for its option profile"),
        (Encoding(pix_fmt="yuv444p", options={"profile": "high"}), "cannot encode"),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_clear_sentence(encoding, sentence):
    with pytest.raises(MediaError, match=sentence) as error:
        choose(encoding)
    assert "\n" not in str(error.value)


def test_the_same_pictures_are_always_encoded_alike(film):
    """Else a film would not be the same after an interruption; x264's AVX-512 code leaves it to chance."""

    def encoded(source):
        with VideoReader(source) as reader, av.open(io.BytesIO(), "w", format="matroska") as output:
            encoder = choose_encoder(Encoding(), reader.info, Path("out.mkv"))
            stream = add_encoder(output, encoder, stored(reader.info, encoder), Fraction(25), Fraction(1, 25))
            packets = []
            for number, frame in enumerate(reader):
                picture = frame.encoded_as(encoder.pix_fmt, reader.info.color)
                picture.pts, picture.time_base = number, Fraction(1, 25)
                packets += stream.encode(picture)
            return [bytes(packet) for packet in [*packets, *stream.encode(None)]]

    source = film(size=(320, 180), frames=60, options={"preset": "medium"})
    first = encoded(source)
    assert len(first) == 60
    assert all(encoded(source) == first for _ in range(5))


def test_transparency_that_an_encoder_only_claims_to_take_is_left_out():
    deep = replace(FILM, pix_fmt="yuva444p12le")
    encoder = choose(Encoding(), deep, "out.mp4")
    assert (encoder.codec, encoder.pix_fmt) == ("libx265", "yuv444p12le")
    assert any("Transparency is left out" in note for note in encoder.notes)
