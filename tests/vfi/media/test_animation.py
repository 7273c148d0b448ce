import re
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from vfi.media import MediaError
from vfi.media.animation import AnimationReader

DELAYS = [70, 50, 180, 30, 170, 70]  # milliseconds
FORMATS = [".gif", ".webp", ".png"]


def sprite(index, transparent=True):
    """A red square that moves to the right over nothing, before something with a hole."""
    image = np.zeros((24, 40, 4), np.uint8)
    image[..., 3] = 0 if transparent else 255
    image[:, ::39] = 200, 90, 20, 255
    image[8:16, 2 + 4 * index : 10 + 4 * index] = 250, 10, 20, 255
    return image


def make(path, delays=DELAYS, loop=0, transparent=True, **options):
    images = [Image.fromarray(sprite(i, transparent)) for i in range(len(delays))]
    loops = {} if loop is None else {"loop": loop}
    if path.suffix == ".webp":
        options = {"lossless": True, "exact": True, **options}
    if path.suffix == ".gif":
        options = {"disposal": 2, **options}
    images[0].save(path, save_all=True, append_images=images[1:], duration=delays, **loops, **options)
    return path


def read(path):
    with AnimationReader(path) as reader:
        return list(reader.frames())


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_frame_has_its_own_delay(suffix, tmp_path):
    frames = read(make(tmp_path / f"a{suffix}"))
    assert [frame.duration for frame in frames] == [Fraction(delay, 1000) for delay in DELAYS]
    assert [frame.time for frame in frames] == [Fraction(sum(DELAYS[:i]), 1000) for i in range(6)]
    reader = AnimationReader(tmp_path / f"a{suffix}")
    assert (reader.rate, reader.tick, reader.duration) == (None, Fraction(1, 100), Fraction(57, 100))
    assert reader.average_rate == 6 / Fraction(57, 100)


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_transparent_stays_so_and_each_frame_is_whole(suffix, tmp_path):
    for index, frame in enumerate(read(make(tmp_path / f"a{suffix}"))):
        np.testing.assert_array_equal(frame.alpha, sprite(index)[..., 3])
        np.testing.assert_array_equal(frame.flat, sprite(index)[..., :3])


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_opaque_has_no_alpha_and_equal_delays_are_a_rate(suffix, tmp_path):
    reader = AnimationReader(make(tmp_path / f"a{suffix}", delays=[40] * 4, transparent=False))
    assert (reader.info.pix_fmt, reader.rate, reader.frame_count) == ("rgb24", 25, 4)


@pytest.mark.parametrize(
    ("suffix", "loop", "plays"),
    [
        (".gif", None, 1),
        (".gif", 0, 0),
        (".gif", 2, 3),  # it counts repeats
        (".webp", 1, 1),
        (".webp", 0, 0),
        (".webp", 3, 3),
        (".png", 0, 0),
        (".png", 3, 3),
    ],
)
def test_how_often_it_is_played_is_read(suffix, loop, plays, tmp_path):
    assert AnimationReader(make(tmp_path / f"a{suffix}", loop=loop)).plays == plays


def test_the_fractions_of_a_second_of_an_apng_are_exact(tmp_path):
    base = Fraction(1001, 30000)
    with av.open(str(tmp_path / "a.apng"), "w", options={"final_delay": "1001/30000"}) as output:
        stream = output.add_stream("apng", rate=1 / base)
        stream.width, stream.height, stream.pix_fmt = 40, 24, "rgba"
        for i in range(5):
            picture = av.VideoFrame.from_ndarray(sprite(i), "rgba")
            picture.pts, picture.time_base = i, base
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    with AnimationReader(tmp_path / "a.apng") as reader:
        assert (reader.rate, reader.duration) == (1 / base, 5 * base)


def test_the_still_picture_of_an_apng_is_no_frame(tmp_path):
    images = [Image.fromarray(sprite(i)) for i in range(4)]
    images[0].save(tmp_path / "a.png", save_all=True, append_images=images[1:], duration=40, default_image=True)
    frames = read(tmp_path / "a.png")
    assert len(frames) == 3
    np.testing.assert_array_equal(frames[0].alpha, sprite(1)[..., 3])


def test_a_delay_too_short_to_be_shown_is_what_browsers_make_of_it(tmp_path):
    reader = AnimationReader(make(tmp_path / "a.gif", delays=[0, 10, 20, 30]))
    assert [frame.duration for frame in reader.frames()] == [Fraction(n, 100) for n in (10, 10, 2, 3)]
    assert "0.1 s" in reader.notes[0]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_was_cut_off_is_refused_before_any_work(suffix, share, tmp_path):
    path = make(tmp_path / f"a{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(MediaError, match=r"cut short|can be read") as error:
        AnimationReader(path)
    assert "\n" not in str(error.value)


def test_a_gif_that_ends_after_a_whole_frame_is_cut_short_all_the_same(tmp_path):
    path = make(tmp_path / "a.gif")
    data = path.read_bytes()
    fourth = [match.start() + 1 for match in re.finditer(b"\0!\xf9\x04", data)][3]
    path.write_bytes(data[:fourth])
    with pytest.raises(MediaError, match="cut short"):
        AnimationReader(path)


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b"some text" * 50, "no GIF, WebP or PNG")])
@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_no_animation_is_one_sentence(suffix, content, words, tmp_path):
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises(MediaError, match=words) as error:
        AnimationReader(tmp_path / f"a{suffix}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_still_picture_is_refused(suffix, tmp_path):
    Image.fromarray(sprite(0)).save(tmp_path / f"a{suffix}")
    with pytest.raises(MediaError, match="single picture"):
        AnimationReader(tmp_path / f"a{suffix}")
    with pytest.raises(MediaError, match="does not exist"):
        AnimationReader(tmp_path / f"none{suffix}")
