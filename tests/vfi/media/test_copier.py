import io
from fractions import Fraction

import av
import pytest

from vfi.media.copier import StreamCopier
from vfi.media.placement import Placement


def copied(source, suffix, placement, kind):
    """Packets of the first stream of a kind that are in the copy: seconds shown, seconds long, key, hidden."""
    file = io.BytesIO()
    with av.open(str(source)) as a, av.open(file, "w", format={"mkv": "matroska"}.get(suffix, suffix)) as b:
        stream = next(s for s in a.streams if s.type == kind)
        copier = StreamCopier(b, placement)
        copier.add(stream)
        for packet in a.demux(stream):
            if packet.size:
                copier.write(packet)
        count, start = copier.counts[stream.index], copier.starts[stream.index]
    file.seek(0)
    with av.open(file) as made:
        found = [
            (float(p.pts * p.time_base), float((p.duration or 0) * p.time_base), p.is_keyframe, p.is_discard)
            for p in made.demux()
            if p.size > 2
        ]
    assert len(found) == count
    assert min(found)[0] == pytest.approx(float(start), abs=0.021 if kind == "video" else 0.002)
    return found


MIDDLE = Placement(Fraction(1), Fraction(1, 2), cut=True)


def test_mp4_hides_the_sound_that_leads_in_a_decoder(film):
    found = copied(film(frames=50, sound=["aac"]), "mp4", MIDDLE, "audio")
    shown = [start for start, _, _, hidden in found if not hidden]
    assert -0.15 < found[0][0] < -0.06  # enough for any codec
    assert -0.022 < shown[0] <= 0
    assert 0.5 - 0.022 < shown[-1] < 0.5


def test_matroska_begins_with_the_first_packet_of_sound_that_is_all_in_the_part(film):
    found = copied(film(frames=50, sound=["aac"]), "mkv", MIDDLE, "audio")
    assert 0 <= found[0][0] < 0.022
    assert 0.5 - 0.022 < found[-1][0] < 0.5


def test_video_is_copied_from_a_key_picture_on(film):
    source = film("in.mkv", frames=60, options={"g": "10", "sc_threshold": "0"})  # key pictures at 0, 0.4, ... 2 s
    late = Placement(Fraction(13, 10), Fraction(3, 5), cut=True)
    hidden, seen = copied(source, "mp4", late, "video"), copied(source, "mkv", late, "video")
    assert hidden[0][0] == pytest.approx(1.2 - 1.3, abs=0.05)
    assert hidden[0][2:] == (True, True)
    assert seen[0][0] == pytest.approx(1.6 - 1.3)
    assert seen[0][2]
    assert all(start < 0.6 for start, *_ in hidden + seen)


def test_a_text_is_shown_for_as_long_as_it_is_in_the_part(film):
    source = film("in.mkv", frames=75, subtitles=["subrip"])  # from 0 to 1 and from 1 to 2 s
    placement = Placement(Fraction(3, 4), Fraction(1, 2), cut=True)
    assert [(a, b) for a, b, _, _ in copied(source, "mkv", placement, "subtitle")] == [(0, 0.25), (0.25, 0.25)]


def test_slow_texts_come_later_and_stay_longer(film):
    source = film("in.mkv", frames=75, subtitles=["subrip"])
    slow = Placement(Fraction(3, 4), Fraction(1, 2), cut=True, speed=Fraction(1, 3))
    assert [(a, b) for a, b, _, _ in copied(source, "mkv", slow, "subtitle")] == [(0, 0.75), (0.75, 0.75)]
