from fractions import Fraction

import av
import numpy as np
import pytest

from vfi.media import Color, Encoding, Frame, MediaError
from vfi.media.animation import AnimationReader
from vfi.media.animation_writer import AnimationWriter
from vfi.media.color import RGB
from vfi.media.pictures import picture_info

FORMATS = [".gif", ".webp", ".apng"]
STAMPS = [0, 7, 12, 30, 33, 50, 57]  # hundredths of a second; the last is the end


def sprite(index, alpha=True):
    """A red square that moves to the right over nothing."""
    image = np.zeros((24, 40, 3 + alpha), np.uint8)
    image[8:16, 2 + 4 * index : 10 + 4 * index] = (250, 10, 20, 255)[: 3 + alpha]
    return image


def frames(images, stamps=STAMPS):
    """Frames of a source, decoded."""
    for image, stamp in zip(images, stamps, strict=False):
        names = {(3, 1): "rgb24", (4, 1): "rgba", (3, 2): "rgb48le", (4, 2): "rgba64le"}
        picture = av.VideoFrame.from_ndarray(image, names[image.shape[2], image.itemsize])
        yield Frame(Fraction(stamp, 100), Fraction(1, 100), Color(matrix=RGB), picture)


def new(frame):
    return Frame(frame.time, frame.duration, frame.color, pixels=frame.rgba, origin="made")


def write(path, made, like, end=Fraction(57, 100), **what):
    what = {"rate": None, "tick": Fraction(1, 100), "start": Fraction(0), "encoding": Encoding(), **what}
    with AnimationWriter(path, picture_info(like), **what) as writer:
        for frame in made:
            writer.write(frame)
        writer.finish(end)
    return writer


@pytest.mark.parametrize("plays", [0, 1, 3])
@pytest.mark.parametrize("suffix", FORMATS)
def test_delays_plays_and_transparency_come_back_exactly(suffix, plays, tmp_path):
    images = [sprite(i) for i in range(6)]
    writer = write(tmp_path / f"a{suffix}", frames(images), images[0], plays=plays)
    with AnimationReader(tmp_path / f"a{suffix}") as reader:
        assert reader.plays == plays
        made = list(reader.frames())
    assert [frame.time for frame in made] == [Fraction(stamp, 100) for stamp in STAMPS[:-1]]
    assert made[-1].duration == Fraction(7, 100)
    for frame, image in zip(made, images, strict=True):
        np.testing.assert_array_equal(frame.alpha, image[..., 3])
        assert np.abs(frame.flat.astype(int) - image[..., :3]).max() <= (8 if suffix == ".gif" else 0)
    assert writer.notes == ()
    assert [f.name for f in tmp_path.iterdir()] == [f"a{suffix}"]


def test_a_rate_that_no_clock_holds_keeps_its_length(tmp_path):
    images, rate = [sprite(i % 6) for i in range(30)], Fraction(24000, 1001)
    made = [frame.at(i / rate) for i, frame in enumerate(frames(images, [0] * 30))]
    for suffix, step in ((".gif", Fraction(1, 100)), (".webp", Fraction(1, 1000)), (".apng", Fraction(0))):
        write(tmp_path / f"a{suffix}", made, images[0], rate=rate, tick=1 / rate, end=30 / rate)
        with AnimationReader(tmp_path / f"a{suffix}") as reader:
            times = [frame.time for frame in reader.frames()]
            assert all(abs(time - i / rate) <= step / 2 for i, time in enumerate(times))
            assert abs(reader.duration - 30 / rate) <= step / 2


def test_deep_colour_stays_deep_in_an_apng_and_is_noted_elsewhere(tmp_path):
    images = [np.random.default_rng(i).integers(0, 65535, (8, 12, 4), np.uint16) for i in range(6)]
    assert write(tmp_path / "a.png", frames(images), images[0]).notes == ()
    with av.open(str(tmp_path / "a.png"), format="apng") as made:
        decoded = [frame.to_ndarray(format="rgba64le") for frame in made.decode(video=0)]
    np.testing.assert_array_equal(decoded, images)
    assert "8 bits" in write(tmp_path / "a.webp", frames(images), images[0]).notes[0]


def test_a_gif_shows_nothing_too_briefly_and_keeps_the_frames_of_its_source(tmp_path):
    images = [sprite(i % 6) for i in range(12)]
    source = list(frames(images[::2], [0, 3, 6, 9, 19, 29]))
    between = [new(frame.at(frame.time + Fraction(3, 200))) for frame in source[:3]]
    made = sorted([*source, *between], key=lambda frame: frame.time)
    writer = write(tmp_path / "a.gif", made, images[0], tick=Fraction(1, 200), end=Fraction(39, 100))
    with AnimationReader(tmp_path / "a.gif") as reader:
        assert [frame.time * 100 for frame in reader.frames()] == [0, 3, 6, 9, 19, 29]
        assert reader.notes == ()
    assert "0.02 s: 3 are left out" in writer.notes[0]


@pytest.mark.parametrize(("suffix", "rate"), [(".gif", 60), (".webp", 120), (".apng", 100)])
def test_a_rate_that_browsers_would_slow_down_is_refused_at_once(suffix, rate, tmp_path):
    with pytest.raises(MediaError, match="frames per second at most"):
        write(tmp_path / f"a{suffix}", [], sprite(0), rate=Fraction(rate), tick=Fraction(1, rate))
    assert list(tmp_path.iterdir()) == []


def test_what_stands_still_in_a_gif_does_not_flicker(tmp_path):
    ground = np.random.default_rng(0).integers(0, 255, (24, 40, 3), np.uint8)
    images = [ground.copy() for _ in range(6)]
    for i, image in enumerate(images):
        image[8:16, 2 + 4 * i : 10 + 4 * i] = 250, 10, 20
    write(tmp_path / "a.gif", frames(images), images[0])
    made = [frame.rgb for frame in AnimationReader(tmp_path / "a.gif").frames()]
    assert all((image[:8] == made[0][:8]).all() for image in made)
    assert np.abs(made[0].astype(int) - images[0]).mean() < 16


def test_frames_of_a_gif_keep_their_colours_in_a_gif(tmp_path):
    colors = np.random.default_rng(1).integers(0, 255, (200, 3), np.uint8)
    images = [colors[np.random.default_rng(i).integers(0, 200, (24, 40))] for i in range(6)]
    mixed = [new(frame) for frame in frames([255 - image for image in images], [stamp + 2 for stamp in STAMPS])]
    made = sorted([*frames(images, [stamp * 2 for stamp in STAMPS]), *mixed], key=lambda frame: frame.time)
    write(tmp_path / "a.gif", made, images[0], was_gif=True, end=Fraction(120, 100))
    shown = {frame.time: frame.rgb for frame in AnimationReader(tmp_path / "a.gif").frames()}
    for image, stamp in zip(images, STAMPS, strict=False):
        np.testing.assert_array_equal(shown[Fraction(stamp * 2, 100)], image)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_appears_only_when_it_is_complete(suffix, tmp_path):
    what = {"rate": None, "tick": Fraction(1, 100), "start": Fraction(0), "encoding": Encoding()}
    with AnimationWriter(tmp_path / f"a{suffix}", picture_info(sprite(0)), **what) as writer:
        for frame in frames([sprite(0), sprite(1)]):
            writer.write(frame)
        assert not (tmp_path / f"a{suffix}").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("suffix", "encoding", "words"),
    [
        (".gif", Encoding(codec="gif"), "one encoder"),
        (".gif", Encoding(options={"dither": "none"}), "no option dither=none: leave it out"),
        (".webp", Encoding(options={"quality": "high"}), "no option quality=high: use lossless=NUMBER"),
        (".webp", Encoding(crf=3), "one encoder"),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_sentence(suffix, encoding, words, tmp_path):
    with pytest.raises(MediaError, match=words):
        write(tmp_path / f"a{suffix}", [], sprite(0), encoding=encoding)
    assert list(tmp_path.iterdir()) == []


def test_the_quality_of_a_webp_can_be_chosen(tmp_path):
    images = [np.random.default_rng(i).integers(0, 255, (48, 64, 3), np.uint8) for i in range(6)]
    sizes = []
    for quality in ("5", "95"):
        options = Encoding(options={"lossless": "0", "quality": quality})
        write(tmp_path / f"{quality}.webp", frames(images), images[0], encoding=options)
        sizes.append((tmp_path / f"{quality}.webp").stat().st_size)
    assert sizes[0] * 2 < sizes[1]
