from fractions import Fraction

import numpy as np
import pytest

from vfi.media import Part, VideoReader

RATE = Fraction(25)


def frames(path, part=None):
    with VideoReader(path, part) as reader:
        return [(frame.time + reader.excerpt.offset, bytes(frame.picture.to_ndarray())) for frame in reader]


def drifting(index, size):
    """Noise that moves, so that a picture decoded from the wrong place is another."""
    cells = np.random.default_rng(index // 5).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    return np.roll(cells.repeat(8, axis=0).repeat(8, axis=1), index, axis=1)


CODECS = {
    "b-frames.mp4": {"options": {"preset": "fast", "g": "12", "bf": "3"}},
    "b-frames.ts": {"options": {"preset": "fast", "g": "12", "bf": "3"}},
    "b-frames.mkv": {"options": {"preset": "fast", "g": "12", "bf": "3"}},
    "open.mp4": {"codec": "libx265", "options": {"x265-params": "open-gop=1:keyint=12:bframes=3:log-level=none"}},
    "refresh.mp4": {"options": {"preset": "fast", "x264-params": "intra-refresh=1:keyint=12"}},  # has no key pictures
    "hidden.webm": {
        "codec": "libvpx",
        "options": {"deadline": "good", "cpu-used": "5", "g": "12", "lag-in-frames": "9"},
    },
    "packed.avi": {"codec": "mpeg4", "options": {"g": "12"}},
    "colours.gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "bare.h264": {},
}


@pytest.mark.parametrize("name", CODECS)
def test_a_part_has_the_very_frames_of_the_film_whatever_it_is_entered_by(name, film):
    source = film(name, frames=60, size=(64, 48), picture=drifting, **CODECS[name])
    whole = frames(source)
    for first, beyond in ((0, 9), (29, 44), (37, 60)):
        part = Part(whole[first][0], whole[beyond][0] if beyond < 60 else None)
        assert frames(source, part) == whole[first:beyond]


def texts_passed_on(path, part):
    """What subtitles come by while the part is read."""
    found = []
    with VideoReader(path, part) as reader:
        for _ in reader.frames(lambda packet: found.append((packet.stream.type, bytes(packet)))):
            pass
    return [text for kind, text in found if kind == "subtitle"]


def test_only_what_a_part_needs_is_read(film):
    source = film("film.mkv", frames=75, options={"g": "10"}, subtitles=["subrip"])
    assert texts_passed_on(source, Part(Fraction(2, 5), Fraction(4, 5))) == [b"line 0"]
    # The second text begins at 1 s, two key pictures ahead of this part, and lasts into it.
    assert texts_passed_on(source, Part(Fraction(9, 5))) == [b"line 1"]
    assert texts_passed_on(source, Part(Fraction(12, 5))) == []
