import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vfi.metrics import interpolation_error, psnr, ssim


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


def test_equal_images_have_finite_scores():
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    assert psnr(image, image) == 100
    assert ssim(image, image) == pytest.approx(1)
    assert interpolation_error(image, image) == 0


def test_images_of_unequal_size_or_depth_are_refused():
    image = np.zeros((16, 16, 3), np.uint8)
    for score in (psnr, ssim, interpolation_error):
        for other in (np.zeros((16, 18, 3), np.uint8), np.zeros((16, 16, 3), np.float32)):
            with pytest.raises(ValueError, match="uint8 images of one size"):
                score(image, other)


def test_an_image_smaller_than_the_window_of_ssim_is_refused():
    with pytest.raises(ValueError, match="11x11"):
        ssim(np.zeros((10, 16, 3), np.uint8), np.zeros((10, 16, 3), np.uint8))
