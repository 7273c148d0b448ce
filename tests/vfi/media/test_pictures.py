from fractions import Fraction

import numpy as np
import pytest

from vfi.media import Color, Frame, MediaError, read_image, write_image
from vfi.media.pictures import PictureReader, PictureWriter, check_pictures, picture_info


def image(index, dtype=np.uint8, alpha=False, size=(20, 30)):
    made = np.random.default_rng(index).integers(0, np.iinfo(dtype).max, (*size, 3 + alpha), dtype)
    if alpha:
        made[:5, :, 3] = 0
    return made


def fill(folder, count, suffix=".png", **what):
    folder.mkdir(exist_ok=True)
    for i in range(count):
        write_image(folder / f"{i:03d}{suffix}", image(i, **what))
    return folder


def frames(*images):
    return [Frame(Fraction(i), Fraction(1), Color(), pixels=made) for i, made in enumerate(images)]


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lossless_pictures_are_read_and_written_exactly(suffix, alpha, dtype, tmp_path):
    if suffix == ".webp" and dtype == np.uint16:
        pytest.skip("WebP has 8 bits")
    with PictureReader(fill(tmp_path / "in", 3, suffix, dtype=dtype, alpha=alpha), Fraction(24)) as reader:
        assert reader.info.depth == (8 if dtype == np.uint8 else 16)
        with PictureWriter(tmp_path / f"out/%04d{suffix}", reader.info) as writer:
            for frame in reader.frames():
                writer.write(frame)
            writer.finish(Fraction(1))
    for i in range(3):
        written = read_image(tmp_path / f"out/{i + 1:04d}{suffix}", alpha)
        expected = image(i, dtype, alpha)
        seen = expected[..., 3] > 0 if alpha else np.ones(expected.shape[:2], bool)  # WebP drops what is hidden
        np.testing.assert_array_equal(written[seen], expected[seen])
        if alpha:
            np.testing.assert_array_equal(written[..., 3], expected[..., 3])


def test_times_follow_the_rate_and_without_one_a_note_says_what_is_assumed(tmp_path):
    fill(tmp_path / "in", 3)
    with PictureReader(tmp_path / "in", Fraction(24000, 1001)) as reader:
        assert [frame.time for frame in reader.frames()] == [Fraction(i * 1001, 24000) for i in range(3)]
        assert (reader.duration, reader.frame_count, reader.notes) == (Fraction(3 * 1001, 24000), 3, ())
    assert "25 frames per second" in PictureReader(tmp_path / "in").notes[0]


def test_one_transparent_picture_makes_a_film_with_alpha(tmp_path):
    folder = fill(tmp_path / "in", 2)
    write_image(folder / "002.png", image(2, alpha=True))
    alphas = [frame.alpha for frame in PictureReader(folder).frames()]
    assert [alpha.min() for alpha in alphas] == [255, 255, 0]


def test_grey_and_colour_may_be_mixed(tmp_path):
    folder = fill(tmp_path / "in", 2)
    write_image(folder / "002.png", np.full((20, 30, 3), 70, np.uint8))
    assert [frame.rgb.shape for frame in PictureReader(folder).frames()] == [(20, 30, 3)] * 3


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda file: file.write_text("some words"), "002.png is no image that can be read"),
        (lambda file: file.write_bytes(b""), "002.png is no image that can be read"),
        (lambda file: file.write_bytes(file.read_bytes()[:900]), "002.png is no image of 8 or 16 bits"),
        (lambda file: write_image(file, image(2, size=(20, 31))), "002.png is 31x20 but 000.png is 30x20"),
        (lambda file: write_image(file, image(2, np.uint16)), "002.png differs in size or depth"),
        (lambda file: file.unlink(), "lacks a picture between 001.png and 003.png"),
    ],
    ids=["text", "empty", "cut", "size", "depth", "missing"],
)
def test_a_bad_picture_is_one_sentence(spoil, sentence, tmp_path):
    folder = fill(tmp_path / "in", 5)
    spoil(folder / "002.png")
    with pytest.raises(MediaError, match=sentence) as error:
        list(PictureReader(folder).frames())
    assert "\n" not in str(error.value)


def test_a_single_picture_is_refused(tmp_path):
    with pytest.raises(MediaError, match="single picture"):
        PictureReader(fill(tmp_path / "in", 1))


def test_the_folder_appears_only_when_it_is_complete(tmp_path):
    writer = PictureWriter(tmp_path / "out/%d.png", picture_info(image(0)))
    with writer:
        for frame in frames(image(0), image(1)):
            writer.write(frame)
        assert not (tmp_path / "out").exists()
        writer.finish(Fraction(2))
    assert sorted(f.name for f in tmp_path.rglob("*")) == ["1.png", "2.png", "out"]


def test_a_failure_leaves_the_earlier_folder_and_nothing_else(tmp_path):
    fill(tmp_path / "out", 2)
    with PictureWriter(tmp_path / "out/%03d.png", picture_info(image(0))) as writer:
        writer.write(frames(image(7))[0])
    assert [f.name for f in tmp_path.iterdir()] == ["out"]
    np.testing.assert_array_equal(read_image(tmp_path / "out/001.png"), image(1))


def test_overwriting_replaces_the_pictures_and_spares_what_came_meanwhile(tmp_path):
    fill(tmp_path / "out", 5)
    with PictureWriter(tmp_path / "out/%03d.png", picture_info(image(0))) as writer:
        writer.write(frames(image(7))[0])
        (tmp_path / "out/notes.txt").write_text("mine")
        writer.finish(Fraction(1))
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["001.png", "notes.txt"]
    assert [f.name for f in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("pattern", "overwrite", "sentence"),
    [
        ("out/%03d.png", False, "already exists"),
        ("out/%02d.png", True, "holds other files, such as 000.png"),
        ("source/%03d.png", True, "source's own folder"),
        ("file/%03d.png", True, "is a file"),
        ("no/such/%03d.png", True, "no folder"),
    ],
)
def test_a_folder_that_may_not_be_written_is_refused_at_once(pattern, overwrite, sentence, tmp_path):
    source = fill(tmp_path / "source", 2)
    fill(tmp_path / "out", 2)
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match=sentence):
        check_pictures(tmp_path / pattern, source, overwrite)


def test_the_current_folder_is_never_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MediaError, match="no folder of its own"):
        check_pictures(tmp_path / "%03d.png", tmp_path / "film.mp4", True)


def test_an_empty_folder_may_be_written_to(tmp_path):
    (tmp_path / "out").mkdir()
    check_pictures(tmp_path / "out/%03d.png", tmp_path / "film.mp4", False)


def test_what_a_format_cannot_hold_is_said(tmp_path):
    info = picture_info(image(0, np.uint16, alpha=True))
    with PictureWriter(tmp_path / "out/%d.jpg", info) as writer:
        assert ["8 bits" in note or "Transparency" in note for note in writer.notes] == [True, True]
        writer.write(frames(np.full((8, 8, 4), (65535, 65535, 65535, 32768), np.uint16))[0])
        writer.finish(Fraction(1))
    assert abs(int(read_image(tmp_path / "out/1.jpg")[4, 4, 0]) - 128) <= 1


def test_a_format_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    with pytest.raises(MediaError, match="no image format"):
        PictureWriter(tmp_path / "out/%d.xyz", picture_info(image(0)))
    assert list(tmp_path.iterdir()) == []
