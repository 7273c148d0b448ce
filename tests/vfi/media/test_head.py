from fractions import Fraction

import pytest

from vfi.media import MediaError, VideoReader
from vfi.media.head import write_head

B_FRAMES = {"preset": "medium", "bf": "3", "b-adapt": "0"}


def decoded(path):
    with VideoReader(path) as reader:
        return [(frame.time, bytes(frame.picture.planes[0])) for frame in reader]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("frames", [3, 8, 11, 40])
def test_the_first_frames_come_out_as_they_were_and_few_more(film, tmp_path, suffix, frames):
    source = film(f"film{suffix}", frames=24, options=B_FRAMES)
    count = write_head(source, tmp_path / f"head{suffix}", Fraction(frames, 25))
    head, whole = decoded(tmp_path / f"head{suffix}"), decoded(source)
    assert head == whole[: len(head)]
    assert min(frames, 24) <= len(head) == count <= min(frames + 3, 24)


def test_size_colour_and_depth_are_the_films_and_its_sound_is_left_out(film, tmp_path):
    source = film(codec="libx265", pix_fmt="yuv420p10le", tags=(9, 1, 9, 16), rotation=90, sound=("aac",), frames=12)
    write_head(source, tmp_path / "head.mp4", Fraction(1, 5))
    with VideoReader(source) as film, VideoReader(tmp_path / "head.mp4") as head:
        assert head.info == film.info
        assert len(head.container.streams) == 1


def test_no_video_is_a_sentence(tmp_path):
    (tmp_path / "film.mp4").write_text("no film")
    with pytest.raises(MediaError, match="not a video"):
        write_head(tmp_path / "film.mp4", tmp_path / "head.mp4", Fraction(1))
    assert not (tmp_path / "head.mp4").exists()
