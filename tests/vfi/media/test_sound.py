from fractions import Fraction

import av
import numpy as np
import pytest

from vfi.media import Encoding, Part, SlowMotion
from vfi.pipeline import upsample
from vfi.timing import Factor

HALF = Fraction(1, 2)


def slowed(source, output, speed, audio="stretch", part=None):
    def hold(before, after, moments):
        return [before for _ in moments]

    encoding = Encoding(options={"cpu-used": "8", "deadline": "realtime"}) if output.suffix == ".webm" else Encoding()
    slow = SlowMotion(speed, audio)
    return upsample(source, output, hold, Factor(1 / speed), slow=slow, part=part, encoding=encoding)


def pitch(times, samples):
    """The frequency with the most energy, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * (len(samples) - 1) / (times[-1] - times[0]) / len(samples)


@pytest.mark.parametrize("speed", [Fraction(4, 5), HALF, Fraction(2, 5), Fraction(1, 7)], ids=str)
def test_slow_sound_keeps_its_pitch_and_fills_the_film(speed, film, heard, tmp_path):
    summary = slowed(film(frames=25, sound=["aac"]), tmp_path / "out.mp4", speed)
    times, samples = heard(tmp_path / "out.mp4")
    assert pitch(times, samples) == pytest.approx(440, abs=1.5)
    assert times[0] == pytest.approx(0, abs=1e-4)
    assert float(summary.duration) - 0.001 < times[-1] < float(summary.duration) + 0.022
    assert min(np.abs(piece).max() for piece in np.array_split(samples, 20)[1:-1]) > 0.1  # all the way


@pytest.mark.parametrize(
    ("sound", "suffix", "codec"),
    [
        ("aac", "mov", "aac"),
        ("libmp3lame", "mp4", "mp3"),
        ("libopus", "mp4", "opus"),
        ("libopus", "mov", "aac"),
        ("ac3", "mkv", "ac3"),
        ("flac", "mkv", "flac"),
        ("pcm_s24le", "mkv", "pcm_s24le"),
        ("aac", "webm", "opus"),
    ],
)
def test_the_codec_stays_where_the_container_and_an_encoder_have_it(sound, suffix, codec, film, heard, tmp_path):
    summary = slowed(film("in.mkv", frames=8, size=(64, 48), sound=[sound]), tmp_path / f"out.{suffix}", HALF)
    with av.open(str(tmp_path / f"out.{suffix}")) as made:
        assert made.streams.audio[0].codec_context.codec.canonical_name == codec
    assert pitch(*heard(tmp_path / f"out.{suffix}")) == pytest.approx(440, abs=5)
    assert "slowed at its pitch, encoded anew" in summary.notes[0]


def test_all_tracks_and_their_names_come_along(film, heard, tmp_path):
    source = film("in.mkv", frames=8, sound=["aac", "flac"])
    with av.open(str(source)) as a, av.open(str(tmp_path / "named.mkv"), "w") as b:
        copies = [b.add_stream_from_template(stream, opaque=True) for stream in a.streams]
        copies[2].metadata.update({"language": "fra", "title": "Commentaire"})
        for packet in a.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                b.mux(packet)
    slowed(tmp_path / "named.mkv", tmp_path / "out.mkv", HALF)
    with av.open(str(tmp_path / "out.mkv")) as made:
        assert [stream.codec_context.name for stream in made.streams.audio] == ["aac", "flac"]
        assert made.streams.audio[1].metadata["title"] == "Commentaire"
        assert made.streams.audio[1].metadata["language"] == "fra"
    for track in (0, 1):
        assert pitch(*heard(tmp_path / "out.mkv", track)) == pytest.approx(440, abs=5)


def test_sound_of_six_channels_keeps_them(clapper, tmp_path):
    source = clapper("in.mkv", [Fraction(i, 25) for i in range(20)], (5,), sound="ac3", layout="5.1(side)")
    slowed(source, tmp_path / "out.mkv", HALF)
    with av.open(str(tmp_path / "out.mkv")) as made:
        assert made.streams.audio[0].codec_context.layout.nb_channels == 6


def test_mute_is_silence_as_long_as_the_film_and_drop_is_nothing(film, heard, tmp_path):
    source = film(frames=25, sound=["aac"])
    summary = slowed(source, tmp_path / "mute.mp4", Fraction(1, 3), "mute")
    times, samples = heard(tmp_path / "mute.mp4")
    assert np.abs(samples).max() < 1e-4
    assert float(summary.duration) - 0.001 < times[-1] < float(summary.duration) + 0.022
    slowed(source, tmp_path / "drop.mp4", Fraction(1, 3), "drop")
    with av.open(str(tmp_path / "drop.mp4")) as made:
        assert [stream.type for stream in made.streams] == ["video"]


def test_where_the_source_is_silent_for_lack_of_packets_so_is_the_slow_film(film, heard, tmp_path):
    source = film("in.mkv", frames=50, sound=["flac"])
    with av.open(str(source)) as a, av.open(str(tmp_path / "holed.mkv"), "w") as b:
        copies = [b.add_stream_from_template(stream, opaque=True) for stream in a.streams]
        for packet in a.demux():
            if packet.size and not (packet.stream_index == 1 and 0.5 < packet.pts * packet.time_base < 1.2):
                packet.stream = copies[packet.stream_index]
                b.mux(packet)
    slowed(tmp_path / "holed.mkv", tmp_path / "out.mkv", HALF)
    times, samples = heard(tmp_path / "out.mkv")
    for start, end, silent in ((0.2, 0.9, False), (1.3, 2.2, True), (2.8, 3.8, False)):
        there = np.abs(samples[(times > start) & (times < end)]).max()
        assert (there < 0.01) == silent


def test_sound_that_outlasts_the_pictures_ends_with_them_and_is_named(clapper, film, tmp_path):
    long, short = film("long.mkv", frames=50, sound=["flac"]), film("short.mkv", frames=10)
    with av.open(str(short)) as a, av.open(str(long)) as b, av.open(str(tmp_path / "both.mkv"), "w") as output:
        streams = [a.streams.video[0], b.streams.audio[0]]
        copies = [output.add_stream_from_template(stream, opaque=True) for stream in streams]
        for stream, copy in zip(streams, copies, strict=True):
            for packet in stream.container.demux(stream):
                if packet.size:
                    packet.stream = copy
                    output.mux(packet)
    summary = slowed(tmp_path / "both.mkv", tmp_path / "out.mkv", HALF)
    assert any("at the end of the pictures, 1.60 s before its own" in note for note in summary.notes)
    part = slowed(tmp_path / "both.mkv", tmp_path / "part.mkv", HALF, part=Part(None, Fraction(1, 5)))
    assert not any("end of the pictures" in note for note in part.notes)
