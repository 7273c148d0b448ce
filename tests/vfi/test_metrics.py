from fractions import Fraction

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vfi.metrics import interpolation_error, luma_step, psnr, ssim


@pytest.fixture(params=[(32, 40), (11, 11), (97, 64)])
def images(request):
    """A smooth image and a noisy copy, uint8."""
    rng = np.random.default_rng(0)
    true = np.linspace(0, 255, int(np.prod(request.param)) * 3).reshape(*request.param, 3)
    made = true + rng.normal(0, 12, true.shape)
    return made.clip(0, 255).astype(np.uint8), true.astype(np.uint8)


def test_psnr_agrees_with_scikit_image(images):
    made, true = images
    assert psnr(made, true) == pytest.approx(peak_signal_noise_ratio(true, made), abs=1e-4)


def test_ssim_agrees_with_scikit_image(images):
    made, true = images
    known = structural_similarity(
        true, made, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2
    )
    assert ssim(made, true) == pytest.approx(known, abs=1e-4)


def test_interpolation_error_is_the_mean_absolute_difference():
    made, true = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)
    made[0], true[1] = 200, 100
    assert interpolation_error(made, true) == (200 + 100) / 4


def test_the_luma_step_is_the_brightness_that_the_neighbours_do_not_have():
    before, after = np.full((4, 4, 3), 100, np.uint8), np.full((4, 4, 3), 120, np.uint8)
    made = np.full((4, 4, 3), 110, np.uint8)
    assert luma_step(made, before, after) == pytest.approx(0)
    assert luma_step(made - 1, before, after) == pytest.approx(-1)
    assert luma_step(made, before, after, Fraction(1, 4)) == pytest.approx(5)
    made[..., 1] += 10  # green is most of the luma, a little red or blue is not seen
    assert luma_step(made, before, after) == pytest.approx(7.152)


def test_moving_what_is_there_is_no_luma_step():
    before = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    assert luma_step(np.roll(before, 1, axis=1), before, np.roll(before, 2, axis=1)) == pytest.approx(0)


def test_equal_images_have_finite_scores():
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    assert psnr(image, image) == 100
    assert ssim(image, image) == pytest.approx(1)
    assert interpolation_error(image, image) == 0


def test_images_of_unequal_size_or_depth_are_refused():
    image = np.zeros((16, 16, 3), np.uint8)
    for score in (psnr, ssim, interpolation_error, lambda made, true: luma_step(made, image, true)):
        for other in (np.zeros((16, 18, 3), np.uint8), np.zeros((16, 16, 3), np.float32)):
            with pytest.raises(ValueError, match="uint8 images of one size"):
                score(image, other)


def test_an_image_smaller_than_the_window_of_ssim_is_refused():
    with pytest.raises(ValueError, match="11x11"):
        ssim(np.zeros((10, 16, 3), np.uint8), np.zeros((10, 16, 3), np.uint8))
