import av
import pytest

from vfi.media import MediaError, VideoReader


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8, 0.98])
@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [("a.avi", "mpeg4", "libmp3lame"), ("a.avi", "ffv1", "pcm_s16le"), ("a.wmv", "wmv2", "libmp3lame"),
     ("a.ogv", "libtheora", "libvorbis")],
)  # fmt: skip
def test_a_film_whose_end_is_missing_is_refused(name, codec, sound, share, film, tmp_path):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    whole = film(name, frames=40, codec=codec, sound=[sound], options={"g": "8"})
    cut = tmp_path / f"cut{whole.suffix}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    with VideoReader(whole) as reader:
        assert sum(1 for _ in reader) == 40
    with pytest.raises(MediaError, match=r"cut short|damaged"), VideoReader(cut) as reader:
        list(reader)


def test_what_follows_on_an_avi_is_no_part_of_it(film):
    whole = film("a.avi", frames=10, codec="ffv1")
    with whole.open("ab") as file:
        file.write(b"a tag of a player" * 10)
    with VideoReader(whole) as reader:
        assert sum(1 for _ in reader) == 10
