from fractions import Fraction

import av
import pytest

from vfi.media import Encoding, VideoReader
from vfi.media.matroska import NoRoomError, set_pixel_aspect
from vfi.pipeline import upsample
from vfi.timing import Factor

TWICE = Factor(Fraction(2))


@pytest.mark.parametrize("aspect", [Fraction(32, 27), Fraction(322, 321), Fraction(9, 16)])
@pytest.mark.parametrize(
    ("name", "codec"),
    [("out.webm", "libvpx-vp9"), ("out.webm", "libvpx"), ("out.webm", "libsvtav1"), ("out.mkv", "libvpx-vp9"),
     ("out.mkv", "libsvtav1"), ("out.mkv", "prores_ks"), ("out.mkv", "libx264")],
)  # fmt: skip
def test_pixels_keep_their_shape_in_matroska(name, codec, aspect, film, tmp_path, blend):
    source = film("in.mp4", aspect=aspect, sound=["libopus"], frames=4)
    crf = {} if codec == "prores_ks" else {"crf": 50}
    upsample(source, tmp_path / name, blend, TWICE, encoding=Encoding(codec=codec, **crf))
    with VideoReader(tmp_path / name) as reader:
        assert reader.info.pixel_aspect == aspect
        assert (reader.info.width, reader.info.height) == (128, 72)
        assert sum(1 for _ in reader) == 8


def test_all_else_stays_where_it_was(film, tmp_path):
    path = film("in.mkv", codec="ffv1", sound=["aac"], chapters=True, metadata={"title": "T"}, frames=50)

    def contents():
        with av.open(str(path)) as container:
            return container.metadata, container.chapters(), [(p.stream_index, p.pts, p.pos) for p in container.demux()]

    before, length = contents(), path.stat().st_size
    set_pixel_aspect(path, 0, (128, 72), Fraction(4, 3))
    assert contents() == before
    assert path.stat().st_size == length
    with av.open(str(path)) as container:  # which the table of what is where is needed for
        container.seek(1_000_000)
        assert next(p.pts for p in container.demux(video=0)) > 0
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_a_head_that_is_not_of_ffmpeg_is_left_alone(film, tmp_path):
    path = film("in.mkv", codec="ffv1", frames=4)
    before = path.read_bytes()
    with pytest.raises(NoRoomError, match="no track 7"):
        set_pixel_aspect(path, 6, (128, 72), Fraction(4, 3))
    assert path.read_bytes() == before
