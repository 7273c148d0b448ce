"""How close a made frame is to the true one. Images are (H, W, 3) uint8 RGB, rounded as they would be saved."""

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

MAX_PSNR = 100.0
SSIM_WINDOW = 11
LUMA = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue, as BT.709 has it


def psnr(made: np.ndarray, true: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB, over all three channels; higher is better.

    Equal images get 100: their true value, infinity, would swallow every mean that it is part of.

    >>> round(psnr(np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 11, np.uint8)), 2)
    48.13
    """
    value = peak_signal_noise_ratio(*_tensors(made, true), data_range=1.0).item()
    return min(value, MAX_PSNR)


def ssim(made: np.ndarray, true: np.ndarray) -> float:
    """Return the mean structural similarity of the RGB channels, at most 1; higher is better.

    Gaussian window, sigma 1.5, 11 pixels wide; borders where it does not fit are left out. Raises ValueError
    if it fits nowhere. Source: Wang 2004, "Image quality assessment: from error visibility to structural
    similarity"; within 1e-4 of scikit-image's value.

    >>> round(ssim(np.full((16, 16, 3), 9, np.uint8), np.full((16, 16, 3), 9, np.uint8)), 4)
    1.0
    """
    if min(made.shape[:2]) < SSIM_WINDOW:
        raise ValueError(
            f"SSIM needs images of {SSIM_WINDOW}x{SSIM_WINDOW} pixels or more, not {made.shape[1]}x{made.shape[0]}"
        )
    _, similarity = structural_similarity_index_measure(
        *_tensors(made, true), sigma=1.5, data_range=1.0, return_full_image=True
    )
    # torchmetrics' own mean includes the border, where it pads the images.
    border = SSIM_WINDOW // 2
    return similarity[..., border:-border, border:-border].mean().item()


def interpolation_error(made: np.ndarray, true: np.ndarray) -> float:
    """Return the mean absolute difference in 8-bit levels (IE in recent papers); lower is better.

    >>> interpolation_error(np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 13, np.uint8))
    3.0
    """
    made, true = _checked(made, true)
    return float(np.abs(made.astype(np.int16) - true).mean())


def luma_step(made: np.ndarray, before: np.ndarray, after: np.ndarray, time: Fraction = Fraction(1, 2)) -> float:
    """Return by how much a made frame is brighter than its two neighbours, in 8-bit levels; 0 is best.

    That is its mean luma (BT.709) minus that of the neighbours, each weighing as much as it is near: at time 1/2 their
    mean. Where every second frame is off by half a level, a film flickers.

    >>> round(luma_step(*(np.full((4, 4, 3), level, np.uint8) for level in (13, 10, 20))), 3)
    -2.0
    """
    _checked(made, before)
    _checked(made, after)
    first, second = _mean_luma(before), _mean_luma(after)
    return _mean_luma(made) - (first + float(time) * (second - first))


def _mean_luma(image: np.ndarray) -> float:
    return float(image.mean(axis=(0, 1)) @ LUMA)


def _tensors(made: np.ndarray, true: np.ndarray) -> tuple[Tensor, Tensor]:
    """Two images as (1, 3, H, W) float32 in [0, 1]."""
    made, true = _checked(made, true)
    first, second = (torch.from_numpy(np.array(i)).permute(2, 0, 1)[None].float() / 255 for i in (made, true))
    return first, second


def _checked(made: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if made.shape != true.shape or made.dtype != np.uint8 or true.dtype != np.uint8:
        raise ValueError(
            f"the frame made is {made.shape} {made.dtype}, the true one {true.shape} {true.dtype}: "
            "compare uint8 images of one size"
        )
    return made, true
