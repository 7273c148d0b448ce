"""Parts, slow motion and other rates: what becomes of time, measured on pictures and sound that clap together."""

from fractions import Fraction
from itertools import accumulate, pairwise

import av
import numpy as np
import pytest

from vfi.media import Encoding, Part, SlowMotion, VideoReader
from vfi.pipeline import upsample
from vfi.spans import Content
from vfi.timing import Factor, TargetRate

TWICE = Factor(Fraction(2))
EVEN = [Fraction(i, 25) for i in range(60)]
UNEVEN = list(accumulate((Fraction(n, 1000) for n in [20, 50, 33, 67, 40] * 12), initial=Fraction(0)))[:-1]
CLAPS = (8, 30, 45)
MIDDLE = Part(Fraction(1), Fraction(235, 100))  # holds two of the claps


def make(source, output, between, timing=TWICE, crf=23, **how):
    encoding = Encoding(preset=None if output.suffix == ".webm" else "ultrafast", crf=crf)
    return upsample(source, output, between, timing, encoding=encoding, content=Content("off"), **how)


def hold(before, after, moments):
    """So that white pictures begin when those of the source do."""
    return [before for _ in moments]


def frames(path, part=None):
    with VideoReader(path, part) as reader:
        return [(frame.time, bytes(frame.picture.to_ndarray())) for frame in reader]


def times(path):
    return [time for time, _ in frames(path)]


def ends(path):
    """When each stream's last packet ends."""
    found = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size:
                end = (packet.pts + (packet.duration or 0)) * packet.time_base
                found[packet.stream_index] = max(end, found.get(packet.stream_index, end))
    return found


# in step

SOURCES = {
    "even.mp4": (EVEN, {}),
    "uneven.mp4": (UNEVEN, {}),
    "uneven.mkv": (UNEVEN, {"sound": "flac"}),
    "uneven.ts": (UNEVEN, {"clock": Fraction(1000)}),
    "late-sound.mkv": (UNEVEN, {"sound_from": Fraction(1, 4)}),
    "late-picture.mp4": ([time + Fraction(2, 5) for time in UNEVEN], {}),
    "late-picture.ts": ([time + Fraction(2, 5) for time in EVEN], {"sound": "ac3"}),
    "uneven.webm": (UNEVEN, {"codec": "libvpx", "sound": "libopus"}),
    "even.mov": (EVEN, {"sound": "libmp3lame"}),
}


@pytest.mark.parametrize(("name", "suffix"), list(zip(SOURCES, ["mp4", "mkv", "mp4"] * 3, strict=True)))
def test_sound_stays_in_step_with_the_picture_in_the_whole_and_in_a_part(name, suffix, clapper, claps, tmp_path):
    moments, what = SOURCES[name]
    source = clapper(name, moments, CLAPS, **what)
    for part, count in ((None, 3), (MIDDLE, 2)):
        output = tmp_path / f"out{count}.{suffix}"
        make(source, output, hold, part=part)
        white, tones = claps(output)
        assert len(white) == len(tones) == count
        assert np.abs(white - tones).max() < 0.002


@pytest.mark.parametrize("name", ["uneven.mp4", "late-picture.ts", "late-sound.mkv"])
def test_slow_tones_have_their_middle_where_the_slow_film_has_it(name, clapper, claps, heard, tmp_path):
    moments, what = SOURCES[name]
    source, output, speed = clapper(name, moments, CLAPS, **what), tmp_path / "out.mkv", Fraction(1, 3)
    make(source, output, hold, Factor(1 / speed), slow=SlowMotion(speed))
    (white, _), (before, _) = claps(output), claps(source)
    assert np.allclose(np.diff(white), np.diff(before) * 3, atol=0.002)
    times, samples = heard(output)
    for clap in white:
        near = (times > clap - 0.1) & (times < clap + 0.3)
        middle = np.average(times[near], weights=samples[near] ** 2)
        assert abs(middle - (clap + 3 * 0.03)) < 3 * 0.005  # five milliseconds of the source


# parts


@pytest.mark.parametrize("source", ["even.mp4", "uneven.mkv", "uneven.ts"])
def test_a_part_is_what_the_whole_film_becomes_there(source, clapper, tmp_path, blend):
    path = clapper(source, SOURCES[source][0], CLAPS)
    make(path, tmp_path / "whole.mkv", blend, crf=0)
    make(path, tmp_path / "part.mkv", blend, crf=0, part=MIDDLE)
    with VideoReader(path, MIDDLE) as reader:
        first, count, begin = reader.excerpt.first, reader.frame_count, reader.excerpt.offset
    whole, part = frames(tmp_path / "whole.mkv")[2 * first :], frames(tmp_path / "part.mkv")
    assert len(part) == 2 * count
    assert part[0][0] == 0
    # Also the last new frame is the whole film's: it leads to the frame that follows the part.
    assert [pixels for _, pixels in part] == [pixels for _, pixels in whole[: 2 * count]]
    assert all(abs(a - b + whole[0][0]) <= Fraction(2, 1000) for (a, _), (b, _) in zip(part, whole, strict=False))
    assert abs(begin - MIDDLE.start) < Fraction(1, 15)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_sound_of_a_part_is_cut_to_a_packet(suffix, clapper, heard, tmp_path, blend):
    source, output = clapper("in.mp4", EVEN, CLAPS), tmp_path / f"out.{suffix}"
    summary = make(source, output, blend, part=MIDDLE)
    packet = Fraction(1024, 48000)
    moments, _ = heard(output)
    # MP4 skips what comes before the part in its first packet; elsewhere the first that is all in it begins.
    assert 0 <= moments[0] <= (0.0001 if suffix != "mkv" else packet)
    assert summary.duration <= moments[-1] + 0.001 <= summary.duration + packet
    assert summary.copied == ("audio 1 (aac)",)


def test_texts_and_chapters_of_a_part_are_cut_to_it(film, packets, tmp_path, blend):
    source = film("in.mkv", frames=75, sound=["aac"], subtitles=["subrip"], chapters=True)  # texts at 0..1 and 1..2 s
    make(source, tmp_path / "out.mkv", blend, part=Part(Fraction(1, 2), Fraction(8, 5)))
    with av.open(str(tmp_path / "out.mkv")) as made:
        texts = [
            (float(p.pts * p.time_base), float(p.duration * p.time_base), bytes(p))
            for p in made.demux(made.streams.subtitles[0])
            if p.size
        ]
        chapters = [(c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]) for c in made.chapters()]
    assert texts == [(0, pytest.approx(0.48), b"line 0"), (pytest.approx(0.48), pytest.approx(0.6), b"line 1")]
    assert [title["title"] for _, _, title in chapters] == ["A", "B"]
    assert (chapters[0][0], chapters[0][1]) == (0, chapters[1][0])
    assert chapters[1][1] == Fraction(27, 25)  # frames from 0.52 s to 1.56 s


def test_a_part_names_what_it_has_nothing_of(film, tmp_path, blend):
    first, second = film("a.mp4", frames=75, sound=["aac"]), film("b.mp4", frames=6, sound=["aac"])
    both = tmp_path / "both.mp4"
    with av.open(str(first)) as a, av.open(str(second)) as b, av.open(str(both), "w") as output:
        for container, number in ((b, 1), (a, 0), (a, 1)):
            output.add_stream_from_template(container.streams[number], opaque=True)
        for container, copies in ((a, {0: 1, 1: 2}), (b, {1: 0})):
            for packet in container.demux():
                if packet.size and packet.stream_index in copies:
                    packet.stream = output.streams[copies[packet.stream_index]]
                    output.mux(packet)
    summary = make(both, tmp_path / "out.mp4", blend, part=Part(Fraction(1)))
    assert summary.notes == ("Left out audio 0 (aac): nothing of it is here.",)
    assert summary.copied == ("audio 2 (aac)",)


# slow motion


@pytest.mark.parametrize(
    ("speed", "rate"),
    [
        (Fraction(1, 4), Fraction(30000, 1001)),
        (Fraction(1, 3), Fraction(25)),
        (Fraction(2, 5), Fraction(24000, 1001)),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_slow_motion_keeps_the_rate_and_is_longer_to_the_sample(speed, rate, suffix, film, tmp_path, blend):
    source, output = film("in.mp4", rate=rate, frames=24, sound=["aac", "libopus"]), tmp_path / f"out.{suffix}"
    summary = make(source, output, blend, Factor(1 / speed), slow=SlowMotion(speed))
    assert (summary.rate_in, summary.rate_out, summary.duration) == (rate, rate, 24 / rate / speed)
    assert summary.frames_out == 24 / speed
    assert times(output) == [i / rate for i in range(summary.frames_out)]
    made = ends(output)
    assert abs(made[0] - summary.duration) <= Fraction(2, 1000)
    for track in (1, 2):
        assert 0 <= made[track] - made[0] + Fraction(2, 1000) <= Fraction(1024, 48000) + Fraction(4, 1000)


def test_slow_motion_of_a_variable_rate_keeps_its_frames_at_their_slower_times(clapper, tmp_path, blend):
    source = clapper("in.mp4", UNEVEN, CLAPS)
    summary = make(source, tmp_path / "out.mp4", blend, Factor(Fraction(4)), slow=SlowMotion(Fraction(1, 4)))
    made = times(tmp_path / "out.mp4")
    assert summary.rate_out is None
    assert made[::4] == [4 * time for time in UNEVEN]
    assert made[2::4][:-1] == [2 * (a + b) for a, b in pairwise(UNEVEN)]


def test_slow_motion_takes_another_rate_and_a_part(clapper, tmp_path, blend):
    source = clapper("in.mkv", UNEVEN, CLAPS)
    slow = SlowMotion(Fraction(1, 3), "drop")
    summary = make(source, tmp_path / "out.mkv", blend, TargetRate(Fraction(50)), slow=slow, part=MIDDLE)
    with VideoReader(source, MIDDLE) as reader:
        length = 3 * reader.duration
    assert times(tmp_path / "out.mkv") == [Fraction(i, 50) for i in range(summary.frames_out)]
    assert summary.duration == length
    with av.open(str(tmp_path / "out.mkv")) as made:
        assert not made.streams.audio


def test_slow_texts_and_chapters_keep_their_place_in_the_film(film, packets, tmp_path, blend):
    source = film("in.mkv", frames=25, subtitles=["subrip", "ass"], chapters=True)
    slow = SlowMotion(Fraction(1, 4))
    summary = make(source, tmp_path / "out.mkv", blend, Factor(Fraction(4)), slow=slow)
    before, after = packets(source), packets(tmp_path / "out.mkv")
    for track in (1, 2):
        assert after[track] == [(4 * time, text) for time, text in before[track]]
    with av.open(str(source)) as a, av.open(str(tmp_path / "out.mkv")) as b:
        starts = [[c["start"] * c["time_base"] for c in container.chapters()] for container in (a, b)]
        durations = [[p.duration for p in c.demux(subtitles=0) if p.size] for c in (a, b)]
    assert starts[1] == [4 * start for start in starts[0]]
    assert durations[1] == [4 * duration for duration in durations[0]]
    assert summary.speed == Fraction(1, 4)


# other rates


@pytest.mark.parametrize(
    ("rate", "timing", "count"),
    [
        (Fraction(24), TargetRate(Fraction(60)), 60),
        (Fraction(24), TargetRate(Fraction(30)), 30),
        (Fraction(60), TargetRate(Fraction(24)), 10),
        (Fraction(24000, 1001), TargetRate(Fraction(60000, 1001)), 60),
        (Fraction(30000, 1001), Factor(Fraction(3)), 72),
        (Fraction(30), Factor(Fraction(5, 2)), 60),
    ],
    ids=str,
)
def test_frames_of_any_rate_lie_where_the_motion_was_at_their_time(rate, timing, count, film, square, tmp_path):
    def shift(before, after, moments):
        return [np.roll(before, round(float(t) * 2), axis=1) for t in moments]

    source = film(frames=24, rate=rate, options={"crf": "0"}, pix_fmt="yuv444p")
    summary = make(source, tmp_path / "out.mp4", shift, timing, crf=0)
    with VideoReader(tmp_path / "out.mp4") as reader:
        made = [(frame.time, int((frame.rgb.min(axis=2) > 200).any(axis=0).argmax())) for frame in reader]
    assert [time for time, _ in made] == [i / summary.rate_out for i in range(count)]
    for time, left in made:
        place = min(float(time * rate), 23)  # in frames of the source; the last one stays
        assert abs(left - (8 + 2 * place)) <= 0.5 + 1e-6


def test_a_variable_rate_becomes_a_constant_one_by_time(clapper, claps, tmp_path):
    source = clapper("in.mp4", UNEVEN, CLAPS)
    summary = make(source, tmp_path / "out.mp4", hold, TargetRate(Fraction(60)))
    assert summary.rate_out == 60
    assert times(tmp_path / "out.mp4") == [Fraction(i, 60) for i in range(summary.frames_out)]
    assert abs(summary.duration - ends(tmp_path / "out.mp4")[0]) <= Fraction(1, 1000)
    white, tones = claps(tmp_path / "out.mp4")
    assert np.all((white - tones > -0.002) & (white - tones < 1 / 60 + 0.002))
