from fractions import Fraction

import numpy as np
import pytest

from vfi.media import MediaError, Part, VideoReader
from vfi.media.seeking import frames_from, run_up


def noise(index, size):
    return np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), np.uint8)


def seen(frame):
    return frame.time, frame.duration, [bytes(plane) for plane in frame.picture.planes]


OPEN = "open-gop=1:bframes=4:keyint=12:min-keyint=12"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("closed.mkv", {"options": {"g": "12"}, "sound": ["aac"]}),
        ("open.mp4", {"options": {"preset": "medium", "x264-params": OPEN}}),
        ("refresh.mp4", {"options": {"preset": "medium", "g": "12", "x264-params": "intra-refresh=1"}}),
        ("open.ts", {"codec": "libx265", "options": {"x265-params": f"{OPEN}:log-level=none"}, "sound": ["aac"]}),
        ("broadcast.ts", {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}}),
        ("hidden.webm", {"codec": "libvpx", "options": {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "16"}}),
        ("uncountable.avi", {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}}),
        ("variable.mp4", {"options": {"g": "12"}, "times": [Fraction(i * i + 40 * i, 1000) for i in range(50)]}),
    ],
)
def test_frames_from_anywhere_on_are_those_of_the_whole_film(name, what, film, square):
    def picture(index, size):
        return np.roll(square(0, size), 2 * index, axis=1)

    with VideoReader(film(name, frames=50, picture=picture, **what)) as reader:
        whole = [seen(frame) for frame in reader]
        for number in (0, 1, 12, 17, 24, 30, 49):
            some = [seen(frame) for frame, _ in zip(frames_from(reader, number), range(3), strict=False)]
            assert some == whole[number : number + 3]
            if run_up(reader, number) < number:
                assert reader.time_of(number) == whole[number][0]


def test_frames_from_the_end_are_read_without_what_lies_before_their_key_frame(film):
    source = film("in.mkv", frames=60, picture=noise, options={"g": "20"})
    data = bytearray(source.read_bytes())
    at = len(data) // 10
    data[at : at + 3000] = np.random.default_rng(0).bytes(3000)
    source.write_bytes(data)
    with VideoReader(source) as reader:
        assert run_up(reader, 45) == 5
        assert len(list(frames_from(reader, 45))) == 15
        with pytest.raises(MediaError, match="damaged"):
            list(frames_from(reader, 5))


def test_a_part_is_counted_from_its_own_first_frame_and_may_be_looked_beyond(film):
    source = film(frames=60, options={"g": "9"})
    with VideoReader(source, Part(Fraction(4, 5), Fraction(9, 5))) as reader:
        whole = [seen(frame) for frame in reader.frames(beyond=True)]
        assert len(whole) == 26
        for number in (0, 7, 24):
            assert [seen(frame) for frame in frames_from(reader, number, beyond=True)] == whole[number:]
        assert len(list(frames_from(reader, 7))) == 25 - 7
