"""HDR: ten bits, tags and mastering data stay, and new frames are as fine as the source's."""

from fractions import Fraction

import av
import numpy as np
import pytest

from vfi.interpolator import Interpolator
from vfi.media import Encoding, VideoReader
from vfi.media.color import stored_planes
from vfi.media.probe import probe
from vfi.pipeline import upsample
from vfi.timing import Factor

PQ, HLG = 16, 18
DISPLAY = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50)"
IN_UNITS = "G(0.17,0.797)B(0.131,0.046)R(0.708,0.292)WP(0.3127,0.329)L(1000,0.005)"
SOURCES = {
    "libx265": {"x265-params": f"log-level=none:hdr10=1:repeat-headers=1:master-display={DISPLAY}:max-cll=1000,400"},
    "libsvtav1": {"svtav1-params": f"mastering-display={IN_UNITS}:content-light=1000,400", "crf": "10", "preset": "12"},
}
LOSSLESS = {"libx265": {"x265-params": "log-level=none:lossless=1"}, "ffv1": {}}


def ramp(index, size):
    """Luma that rises by less than a code value from pixel to pixel, and pans; chroma that rises too."""
    picture = av.VideoFrame(*size, "yuv420p10le")
    luma, *chromas = stored_planes(picture)
    luma[...] = np.rint(np.linspace(150, 900, size[0]) + 4 * index)
    for chroma, start in zip(chromas, (490, 500), strict=True):
        chroma[...] = np.rint(np.linspace(start, start + 25, chroma.shape[1]))
    return picture


@pytest.fixture
def hdr_film(film):
    def make(codec, transfer):
        return film(
            "in.mkv", codec=codec, pix_fmt="yuv420p10le", tags=(9, 1, 9, transfer), options=SOURCES[codec],
            picture=ramp, frames=3, size=(1024, 64),
        )  # fmt: skip

    return make


def samples(path):
    with VideoReader(path) as reader:
        return [[plane.astype(int) for plane in stored_planes(frame.picture)] for frame in reader]


@pytest.mark.parametrize("codec", SOURCES)
@pytest.mark.parametrize(("transfer", "name"), [(PQ, "HDR10"), (HLG, "HLG")])
@pytest.mark.parametrize("target", ["libx265", "libsvtav1", None], ids=["hevc", "av1", "as the source"])
def test_tags_depth_and_mastering_data_stay(codec, transfer, name, target, hdr_film, tmp_path, blend):
    source, output = hdr_film(codec, transfer), tmp_path / "out.mp4"
    options = {"x265-params": "log-level=none"} if target == "libx265" else {}
    preset = {"libx265": "ultrafast", "libsvtav1": "12", None: "ultrafast"}[target]
    summary = upsample(
        source, output, blend, Factor(Fraction(2)), encoding=Encoding(target, None, preset, None, options)
    )
    before, after = probe(source).video, probe(output).video
    assert (before.hdr, after.hdr) == (name, name)
    assert after.info.color == before.info.color
    assert (after.info.pix_fmt, after.info.color.transfer) == ("yuv420p10le", transfer)
    assert before.info.hdr.near(after.info.hdr)
    assert after.info.hdr.light_level == (1000, 400)
    assert summary.notes == ()


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("codec", LOSSLESS)
def test_frames_of_the_source_come_through_unchanged_where_nothing_is_lost(codec, transfer, hdr_film, tmp_path, blend):
    source, output = hdr_film("libx265", transfer), tmp_path / "out.mkv"
    upsample(source, output, blend, Factor(Fraction(2)), encoding=Encoding(codec, options=LOSSLESS[codec]))
    first, after = samples(source), samples(output)
    assert len(after) == 2 * len(first)
    for kept, original in zip(after[::2], first, strict=True):
        assert all(np.array_equal(plane, true) for plane, true in zip(kept, original, strict=True))


@pytest.mark.parametrize("model", ["blend", "classical", "fast"])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_new_frames_are_as_fine_as_ten_bits_and_lie_between_their_neighbours(model, transfer, film, tmp_path):
    source = film(
        "in.mkv", codec="ffv1", pix_fmt="yuv420p10le", tags=(9, 1, 9, transfer), picture=ramp, frames=2, size=(1024, 64)
    )
    output = tmp_path / "out.mkv"
    maker = Interpolator.load(model, "cpu", "float32")
    upsample(source, output, maker, Factor(Fraction(2)), encoding=Encoding("ffv1"))
    before, new, after, _ = samples(output)
    assert len(np.unique(new[0])) > 700  # eight bits have 256 at most
    for plane, one, other in zip(new, before, after, strict=True):
        assert np.abs(plane - (one + other) / 2)[:, 8:-8].max() <= (1 if model == "blend" else 3)
