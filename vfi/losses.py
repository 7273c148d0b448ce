"""Image losses to train with: differentiable, smaller is better.

A loss takes the frames made and the true ones, both (B, 3, H, W) in [0, 1], and returns a scalar.
"""

from collections.abc import Callable

import torch
from kornia.metrics import ssim as structural_similarity
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]


def l1(made: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference."""
    return F.l1_loss(made, true)


def charbonnier(made: Tensor, true: Tensor) -> Tensor:
    """Mean of ``sqrt(d² + 0.001²)``: L1 with a round tip. Source: Charbonnier 1994; Lai 2017, arXiv:1704.03915."""
    return (made - true).square().add(1e-6).sqrt().mean()


def mse(made: Tensor, true: Tensor) -> Tensor:
    """Mean squared difference."""
    return F.mse_loss(made, true)


def psnr(made: Tensor, true: Tensor) -> Tensor:
    """Negative peak signal-to-noise ratio in dB, of each image and then averaged; -80 for equal images."""
    error = (made - true).square().mean(dim=(1, 2, 3))
    # Well below the rounding noise of 8 bits (1.3e-6), it only keeps the slope finite at no error.
    return 10 * torch.log10(error + 1e-8).mean()


def ssim(made: Tensor, true: Tensor) -> Tensor:
    """One minus the mean structural similarity; Gaussian window, sigma 1.5, 11 wide, only where it fits.

    Source: Wang 2004. Raises ValueError for images smaller than the window.
    """
    if min(made.shape[-2:]) < 11:
        raise ValueError(f"ssim needs images of 11x11 pixels or more, not {made.shape[-1]}x{made.shape[-2]}")
    return 1 - structural_similarity(made, true, window_size=11, padding="valid").mean()


def laplacian(made: Tensor, true: Tensor) -> Tensor:
    """Sum over the bands of a Laplacian pyramid of their mean absolute difference.

    Five bands, the last one low-pass, or as many as fit. Source: Bojanowski 2018, arXiv:1707.05776 (Lap1);
    Niklaus 2018, arXiv:1803.10967.
    """
    # The pyramid is linear: the difference of two pyramids is the pyramid of the difference.
    rest = made - true
    total = torch.zeros((), device=rest.device)
    for _ in range(4):
        if min(rest.shape[-2:]) < 4:
            break
        smaller = _halved(rest)
        larger = F.interpolate(smaller, size=rest.shape[-2:], mode="bilinear", align_corners=False)
        total = total + (rest - larger).abs().mean()
        rest = smaller
    return total + rest.abs().mean()


LOSSES: dict[str, Loss] = {
    "l1": l1,
    "charbonnier": charbonnier,
    "mse": mse,
    "ssim": ssim,
    "psnr": psnr,
    "laplacian": laplacian,
}


def parse_loss(spec: str) -> Loss:
    """Return the loss that ``spec`` names, or the weighted sum of several.

    Raises ValueError for an unknown name or a weight that is no number.

    >>> loss = parse_loss("l1 + 0.5*mse")
    >>> loss(torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
    tensor(1.5000)
    """
    terms = [_parse_term(term) for term in spec.split("+")]

    def weighted_sum(made: Tensor, true: Tensor) -> Tensor:
        # Autocast would filter in bfloat16, whose steps near 1 are a whole 8-bit level.
        with torch.autocast(made.device.type, enabled=False):
            made, true = made.float(), true.float()
            return torch.stack([weight * loss(made, true) for weight, loss in terms]).sum()

    return weighted_sum


def _parse_term(term: str) -> tuple[float, Loss]:
    weight, times, name = term.rpartition("*")
    name = name.strip()
    if name not in LOSSES:
        raise ValueError(f"unknown loss {name!r}: use {', '.join(LOSSES)}, or a sum such as laplacian+0.2*ssim")
    try:
        return (float(weight) if times else 1.0), LOSSES[name]
    except ValueError:
        raise ValueError(f"{weight.strip()!r} is no weight for {name}: use a number, as in 0.2*{name}") from None


def _halved(images: Tensor) -> Tensor:
    """Blur with the binomial (1, 3, 3, 1) and halve: a centre between two pixels suits bilinear enlarging."""
    taps = images.new_tensor([1, 3, 3, 1]) / 8
    kernel = torch.outer(taps, taps).repeat(images.shape[1], 1, 1, 1)
    return F.conv2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=images.shape[1])
