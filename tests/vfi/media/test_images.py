import cv2
import numpy as np
import pytest

from vfi.media import MediaError, read_image, write_image


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_an_image_comes_back_as_it_was_written(dtype, suffix, tmp_path):
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (7, 11, 3), dtype)
    write_image(tmp_path / f"näme{suffix}", image)
    back = read_image(tmp_path / f"näme{suffix}")
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, image)


def test_the_first_channel_is_red(tmp_path):
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    write_image(tmp_path / "red.png", red)
    assert tuple(cv2.imread(str(tmp_path / "red.png"))[0, 0]) == (0, 0, 255)  # OpenCV reads blue first


def test_a_grey_image_becomes_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((3, 5), 77, np.uint8))
    assert read_image(tmp_path / "grey.png").tolist() == np.full((3, 5, 3), 77).tolist()


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.png").write_bytes(b"")
    for name, sentence in (("text.png", "no image"), ("empty.png", "no image"), ("none.png", "does not exist")):
        with pytest.raises(MediaError, match=sentence):
            read_image(tmp_path / name)


def test_an_image_that_cannot_be_written_is_refused(tmp_path):
    image = np.zeros((4, 4, 3), np.uint16)
    for name, sentence in (("a.jpg", "8 bits"), ("no/a.png", "cannot be written")):
        with pytest.raises(MediaError, match=sentence):
            write_image(tmp_path / name, image)
    with pytest.raises(MediaError, match="no image format"):
        write_image(tmp_path / "a.xyz", image.astype(np.uint8))
