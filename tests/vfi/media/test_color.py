import av
import numpy as np
import pytest

from vfi.media import color
from vfi.media.color import Color, beyond_range, convert, depth, from_rgb, repacked, to_rgb

BT601, BT709, BT2020 = 6, 1, 9
LIMITED, FULL = 1, 2


def tags(matrix, color_range=LIMITED):
    return Color(matrix, color_range, matrix, matrix)


def samples(picture):
    dtype = np.uint16 if depth(picture.format.name) > 8 else np.uint8
    return [np.frombuffer(memoryview(p), dtype).reshape(p.height, -1)[:, : p.width] for p in picture.planes]


def noise(height, width, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)


@pytest.mark.parametrize(
    ("matrix", "color_range", "yuv"),
    [  # the textbook values
        (BT601, LIMITED, (81, 90, 240)),
        (BT709, LIMITED, (63, 102, 240)),
        (BT601, FULL, (76, 85, 255)),
        (BT709, FULL, (54, 99, 255)),
    ],
)
def test_pure_red_has_the_samples_of_its_matrix_and_survives(matrix, color_range, yuv):
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    picture = from_rgb(red, "yuv420p", tags(matrix, color_range))
    assert tuple(int(plane[0, 0]) for plane in samples(picture)) == yuv
    assert np.abs(to_rgb(picture, tags(matrix, color_range)).astype(int) - red).max() <= 1


@pytest.mark.parametrize("matrix", [BT601, BT709, BT2020])
@pytest.mark.parametrize("color_range", [LIMITED, FULL])
def test_samples_are_rounded_without_bias(matrix, color_range):
    image = noise(64, 64)
    red, blue = tags(matrix).luma_weights(64)
    luma = (image / 255) @ np.array([red, 1 - red - blue, blue])
    exact = luma * 255 if color_range == FULL else 16 + luma * 219
    error = samples(from_rgb(image, "yuv444p", tags(matrix, color_range)))[0] - exact
    assert np.abs(error).max() <= 0.501
    assert abs(error.mean()) < 0.02


@pytest.mark.parametrize("pix_fmt", ["yuv444p10le", "yuv444p16le", "gbrp10le", "gbrp16le"])
@pytest.mark.parametrize("color_range", [LIMITED, FULL])
def test_deep_colour_keeps_its_depth(pix_fmt, color_range):
    image = noise(32, 32, np.uint16)
    back = to_rgb(from_rgb(image, pix_fmt, tags(BT2020, color_range)), tags(BT2020, color_range))
    assert back.dtype == np.uint16
    assert np.abs(back.astype(int) - image).max() <= 2.2 * 65536 / 2 ** depth(pix_fmt)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuv422p10le", "gray"])
@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_a_picture_that_goes_through_rgb_gets_its_own_samples_back(pix_fmt, size):
    # A smooth picture within the gamut, which clipping leaves alone.
    smooth = np.stack(np.meshgrid(np.linspace(60, 180, size[1]), np.linspace(70, 190, size[0])), -1)
    image = np.dstack([smooth, smooth[..., :1]]).astype(np.uint8)
    if depth(pix_fmt) > 8:
        image = image.astype(np.uint16) * 257
    picture = from_rgb(image, pix_fmt, tags(BT709))
    again = from_rgb(to_rgb(picture, tags(BT709)), pix_fmt, tags(BT709))
    for one, other in zip(samples(picture), samples(again), strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1
        assert abs(float(one.mean()) - float(other.mean())) < 0.1


def test_chroma_does_not_drift_when_converted_again_and_again():
    size = (32, 48)
    image = np.full((*size, 3), 90, np.uint8)
    image[8:20, 10:30] = (180, 80, 60)
    picture = from_rgb(image, "yuv420p", tags(BT709))
    again = picture
    for _ in range(10):
        again = from_rgb(to_rgb(again, tags(BT709)), "yuv420p", tags(BT709))
    first, last = samples(picture)[1].astype(float), samples(again)[1].astype(float)
    centre = [(plane - 128) * np.arange(plane.shape[1]) for plane in (first, last)]
    assert abs(centre[0].sum() / (first - 128).sum() - centre[1].sum() / (last - 128).sum()) < 0.1


def test_a_conversion_between_yuv_formats_keeps_luma_exactly():
    picture = from_rgb(noise(47, 63), "yuv420p", tags(BT601))
    converted = convert(picture, "yuv444p", tags(BT601), tags(BT601))
    assert (converted.width, converted.height) == (63, 47)
    np.testing.assert_array_equal(samples(converted)[0], samples(picture)[0])
    np.testing.assert_array_equal(samples(converted)[1][::2, ::2].shape, samples(picture)[1].shape)


def test_a_picture_of_the_right_format_is_not_touched():
    picture = from_rgb(noise(16, 16), "yuv420p", tags(BT709))
    assert convert(picture, "yuv420p", tags(BT709), tags(BT709)) is picture


@pytest.mark.parametrize("pix_fmt", ["rgb24", "bgr24", "bgra", "gbrp"])
def test_rgb_formats_are_exact(pix_fmt):
    image = noise(16, 24)
    picture = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=pix_fmt)
    np.testing.assert_array_equal(to_rgb(picture, Color(matrix=0, range=FULL)), image)
    again = from_rgb(image, pix_fmt, Color(matrix=0, range=FULL))
    np.testing.assert_array_equal(to_rgb(again, Color(matrix=0, range=FULL)), image)


def test_an_untagged_picture_is_read_as_players_guess():
    assert Color().luma_weights(height=480) == tags(BT601).luma_weights(480)
    assert Color().luma_weights(height=1080) == tags(BT709).luma_weights(1080)
    assert tags(BT601).luma_weights(1080) == tags(BT601).luma_weights(480)


def test_studio_rgb_keeps_what_lies_beyond_white_and_black():
    picture = av.VideoFrame(16, 16, "yuv420p")
    for plane, level in zip(picture.planes, (250, 128, 128), strict=True):
        plane.update(bytes([level]) * plane.buffer_size)
    color = Color(matrix=1, range=1)
    assert beyond_range(picture, color)
    clipped = from_rgb(to_rgb(picture, color), "yuv420p", color)
    kept = from_rgb(to_rgb(picture, color, studio=True), "yuv420p", color, studio=True)
    assert memoryview(clipped.planes[0])[0] == 235
    assert memoryview(kept.planes[0])[0] == 250


def test_studio_rgb_written_as_rgb_is_stretched_to_the_whole_range():
    studio = np.full((4, 4, 3), 235, np.uint8)
    assert (from_rgb(studio, "gbrp", Color(), studio=True).to_ndarray(format="rgb24") == 255).all()


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p", "gray", "nv12"])
@pytest.mark.parametrize("height", [64, 65, 131])
@pytest.mark.parametrize("full_chroma", [False, True])
def test_rows_are_the_same_however_many_are_converted_at_once(pix_fmt, height, full_chroma, monkeypatch):
    image, found = noise(height, 37), []
    for band in (64, 1000):
        monkeypatch.setattr(color, "BAND", band)
        picture = from_rgb(image, pix_fmt, tags(BT709), full_chroma=full_chroma)
        found.append((repacked(picture, "yuv444p16le"), to_rgb(picture, tags(BT709))))
    for one, other in zip(samples(found[0][0]), samples(found[1][0]), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize(("pix_fmt", "planar"), [("p010le", "yuv420p10le"), ("p210le", "yuv422p10le")])
def test_repacking_changes_no_sample(pix_fmt, planar):
    """Sizes and times at which libswscale, in threads, does in some of a hundred."""
    for size in ((66, 40), (42, 68)) * 50:
        picture = av.VideoFrame(*size, pix_fmt)
        for plane in picture.planes:
            stored = np.frombuffer(memoryview(plane), np.uint16)
            stored[...] = np.random.default_rng(0).integers(0, 1024, stored.shape) << 6
        luma, chroma = (
            np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1) >> 6 for plane in picture.planes
        )
        y, cb, cr = samples(repacked(picture, planar))
        np.testing.assert_array_equal(y, luma[:, : size[0]])
        np.testing.assert_array_equal(cb, chroma[:, : size[0] : 2])
        np.testing.assert_array_equal(cr, chroma[:, 1 : size[0] : 2])
