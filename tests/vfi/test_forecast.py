from dataclasses import replace
from fractions import Fraction

import pytest

from vfi.forecast import forecast
from vfi.media import Encoding, MediaError
from vfi.media.probe import probe
from vfi.pipeline import upsample
from vfi.timing import Factor, TargetRate

DOUBLE = Factor(Fraction(2))


@pytest.mark.parametrize("name", ["in.mkv", "in.mp4"])
@pytest.mark.parametrize("ending", [".mkv", ".mp4", ".mov", ".webm"])
def test_what_is_foretold_is_what_is_written(name, ending, film, blend):
    text = "subrip" if name == "in.mkv" else "mov_text"
    source = film(name, sound=["aac"], subtitles=[text], chapters=True)
    output = source.with_name(f"out{ending}")
    foretold = forecast(probe(source), output, DOUBLE, Encoding(crf=30))
    written = upsample(source, output, blend, DOUBLE, encoding=Encoding(crf=30))
    assert (foretold.frames, foretold.rate) == (written.frames_out, written.rate_out)
    assert foretold.copied == written.copied
    left = " ".join(written.notes)
    assert all(stream in left for stream in foretold.left_out)
    assert len(foretold.converted) == left.count(" is converted to ")
    assert all(f"{stream.capitalize()} is converted to " in left for stream in foretold.converted)
    assert len(foretold.left_out) == left.count("Left out ")
    video = probe(output).video
    assert {"libx264": "h264", "libvpx-vp9": "vp9"}[foretold.codec] == video.codec
    assert foretold.pix_fmt == video.info.pix_fmt


def test_a_rate_to_reach_decides_the_frames(film):
    foretold = forecast(probe(film(frames=10)), film().with_name("out.mkv"), TargetRate(Fraction(60)))
    assert (foretold.frames, foretold.rate) == (24, 60)


def test_a_refusal_says_why(film):
    found = probe(film())
    output = found.path.with_name("out.mp4")
    with pytest.raises(MediaError, match="it is torn"):
        forecast(replace(found, fault="it is torn"), output, DOUBLE)
    with pytest.raises(MediaError, match="it is interlaced"):
        forecast(replace(found, unfit="it is interlaced"), output, DOUBLE)
    with pytest.raises(MediaError, match="no encoder 'x264'"):
        forecast(found, output, DOUBLE, Encoding(codec="x264"))
    output.touch()
    assert "--overwrite" in forecast(found, output, DOUBLE).notes[-1]


@pytest.mark.parametrize("name", ["out.gif", "out.y4m", "out/%05d.png"])
def test_what_is_no_container_takes_the_pictures_alone(name, film, blend):
    source = film(sound=["aac"], frames=4)
    output = source.parent / name
    foretold = forecast(probe(source), output, DOUBLE)
    written = upsample(source, output, blend, DOUBLE)
    assert (foretold.frames, foretold.rate) == (written.frames_out, written.rate_out) == (8, 50)
    assert (foretold.codec, foretold.copied, foretold.left_out) == (None, (), ("audio 1 (aac)",))
    fast = film("fast.mp4", rate=Fraction(50))
    if name == "out.gif":
        with pytest.raises(MediaError, match="50 frames per second at most"):
            forecast(probe(fast), output, DOUBLE)
