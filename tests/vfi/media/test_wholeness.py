from fractions import Fraction

import pytest

from vfi.media import MediaError, Part, VideoReader


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8, 0.98, 0.99])
@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [("a.avi", "mpeg4", "libmp3lame"), ("a.avi", "ffv1", "pcm_s16le"), ("a.wmv", "wmv2", "libmp3lame"),
     ("a.ogv", "libvpx", "libopus"), ("a.flv", "libx264", "aac"), ("a.mxf", "mpeg2video", "pcm_s16le"),
     ("a.nut", "libx264", "libmp3lame")],
)  # fmt: skip
def test_a_film_whose_end_is_missing_is_refused(name, codec, sound, share, film, tmp_path):
    whole = film(name, frames=40, codec=codec, sound=[sound], options={"g": "8"})
    cut = tmp_path / f"cut{whole.suffix}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    with VideoReader(whole) as reader:
        assert sum(1 for _ in reader) == 40
    with pytest.raises(MediaError, match=r"cut short|damaged"), VideoReader(cut) as reader:
        list(reader)


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.ts", "libx264")])
def test_of_a_damaged_film_the_part_that_is_whole_can_be_taken(name, codec, film, tmp_path):
    whole = film(name, frames=100, codec=codec, sound=["libmp3lame"], options={"g": "10"}, size=(640, 360))
    cut = tmp_path / f"cut{whole.suffix}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.8) | 1])
    with pytest.raises(MediaError, match=r"get it anew, or take what is whole with --end \d") as error:
        VideoReader(cut)
    end = Fraction(str(error.value).split("--end ")[1])
    with pytest.raises(MediaError, match="take what is whole"):
        VideoReader(cut, Part(None, end + 1))
    with VideoReader(cut, Part(None, end)) as some, VideoReader(whole, Part(None, end)) as all_of_it:
        kept = [bytes(plane) for frame in some for plane in frame.picture.planes]
        assert len(kept) > 3 * 30
        assert kept == [bytes(plane) for frame in all_of_it for plane in frame.picture.planes]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_a_film_whose_index_is_torn_anywhere_is_refused(name, film, tmp_path):
    whole = film(name, frames=60, sound=["aac"])
    cut, size = tmp_path / f"cut{whole.suffix}", whole.stat().st_size
    for missing in range(1, 2000, 37):
        cut.write_bytes(whole.read_bytes()[: size - missing])
        with pytest.raises(MediaError, match=r"cut short|damaged"):
            VideoReader(cut)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "ffv1"), ("a.mp4", "libx264"), ("a.mov", "libx264"), ("a.flv", "flv1")]
)
def test_what_follows_on_a_film_is_no_part_of_it(name, codec, film):
    whole = film(name, frames=10, codec=codec)
    with whole.open("ab") as file:
        file.write(b"a tag of a player" * 10)
    with VideoReader(whole) as reader:
        assert sum(1 for _ in reader) == 10


def test_a_recorded_stream_that_breaks_off_within_a_picture_is_refused(film, tmp_path):
    whole = film("a.flv", frames=40, codec="flv1", options={"g": "8"})
    stream = whole.read_bytes().replace(b"\0\x08filesize\0", b"\0\x08unknown!\0")  # as live ones do not tell it
    for name, data in (("whole.flv", stream), ("torn.flv", stream[: int(0.98 * len(stream))])):
        (tmp_path / name).write_bytes(data)
    with VideoReader(tmp_path / "whole.flv") as reader:
        assert sum(1 for _ in reader) == 40
    with pytest.raises(MediaError, match="cut short"):
        VideoReader(tmp_path / "torn.flv")
