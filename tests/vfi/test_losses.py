import math

import pytest
import torch
from skimage.metrics import structural_similarity

from vfi.losses import LOSSES, parse_loss


@pytest.fixture(params=LOSSES)
def loss(request):
    return parse_loss(request.param)


def test_equal_images_cost_least_and_their_slope_is_finite(loss):
    true = torch.rand(2, 3, 32, 40)
    made = true.clone().requires_grad_()
    least = loss(made, true)
    least.backward()
    assert made.grad.isfinite().all()
    assert least < loss(true + 0.05, true)


def test_going_down_the_slope_brings_images_together(loss):
    true = torch.rand(1, 3, 12, 12)
    made = torch.full_like(true, 0.5).requires_grad_()
    optimizer = torch.optim.Adam([made], lr=0.05)
    for _ in range(20):
        optimizer.zero_grad()
        loss(made, true).backward()
        optimizer.step()
    assert (made - true).square().mean() < 0.5 * (0.5 - true).square().mean()


def test_ssim_agrees_with_scikit_image():
    true = torch.rand(1, 3, 48, 40)
    made = 0.7 * true + 0.3 * torch.rand(1, 3, 48, 40)
    known = structural_similarity(
        *(image[0].numpy() for image in (true, made)),
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, channel_axis=0,
    )  # fmt: skip
    assert parse_loss("ssim")(made, true).item() == pytest.approx(1 - known, abs=1e-4)


def test_psnr_is_taken_of_each_image_before_the_mean():
    true = torch.zeros(2, 3, 16, 16)
    made = torch.stack([torch.full((3, 16, 16), 0.1), torch.full((3, 16, 16), 0.01)])
    assert parse_loss("psnr")(made, true).item() == pytest.approx(-(20 + 40) / 2, abs=1e-2)


def test_laplacian_sees_a_shift_of_brightness():
    true = torch.rand(1, 3, 64, 64)
    assert parse_loss("laplacian")(true + 0.1, true).item() == pytest.approx(0.1, abs=1e-4)


def test_laplacian_counts_an_error_of_one_band_once():
    true = torch.zeros(1, 3, 64, 64)
    fine = 0.1 * (-1.0) ** torch.arange(64).view(1, 1, 1, 64).expand_as(true)  # it alternates: the finest band
    assert parse_loss("laplacian")(true + fine, true).item() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 33)])
def test_laplacian_takes_as_many_bands_as_fit(size):
    assert parse_loss("laplacian")(torch.ones(1, 3, *size), torch.zeros(1, 3, *size)).item() == pytest.approx(1)


def test_a_sum_weighs_its_terms():
    made, true = torch.rand(2, 2, 3, 24, 24)
    parts = LOSSES["laplacian"](made, true) + 0.2 * LOSSES["ssim"](made, true)
    for spec in ("laplacian+0.2*ssim", " laplacian + 0.2 * ssim ", "1*laplacian+2e-1*ssim"):
        torch.testing.assert_close(parse_loss(spec)(made, true), parts)


@pytest.mark.parametrize("spec", ["", "l3", "l1+", "l1+0.2*vgg", "2*"])
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(spec):
    with pytest.raises(ValueError, match="l1, charbonnier, mse, ssim, psnr, laplacian"):
        parse_loss(spec)


def test_a_weight_that_is_no_number_is_an_error():
    with pytest.raises(ValueError, match="'a' is no weight for l1"):
        parse_loss("a*l1")


def test_autocast_does_not_cost_precision(loss):
    made, true = torch.rand(2, 1, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        cast = loss(made, true)
    assert cast.dtype == torch.float32
    assert math.isclose(cast.item(), loss(made, true).item(), rel_tol=1e-5)
