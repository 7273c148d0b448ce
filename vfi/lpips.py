"""LPIPS, how far two images are apart as people see it, where torchvision and its weights of AlexNet are installed."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

SMALLEST = 64  # pixels a side: AlexNet shrinks images by 32 and more

Distance = Callable[[np.ndarray, np.ndarray], float]
"""The image made and the true one, (H, W, 3) uint8 RGB -> their distance, 0 if they are equal."""


class LpipsMissing(ValueError):
    """LPIPS cannot be measured here; the message says how to get it."""


def load_lpips(device: torch.device | str = "cpu") -> Distance:
    """Return LPIPS with AlexNet, version 0.1, as most papers report it; lower is better.

    The weights are those that torchvision keeps in torch's own folder; nothing is downloaded. Raises LpipsMissing if
    they or torchvision are not installed; the function returned raises ValueError for images below 64x64.
    Source: Zhang 2018, arXiv:1801.03924.
    """
    if importlib.util.find_spec("torchvision") is None:
        raise LpipsMissing("LPIPS is left out, torchvision is not installed: pip install 'vfi[lpips]'")
    try:
        from torchvision.models import AlexNet_Weights
    except (ImportError, RuntimeError) as error:  # RuntimeError is how one built for another torch shows
        raise LpipsMissing(
            "LPIPS is left out, torchvision does not fit the torch installed: get it from where torch came from"
        ) from error

    file = AlexNet_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    if not (Path(torch.hub.get_dir()) / "checkpoints" / file).is_file():
        raise LpipsMissing(
            "LPIPS is left out, the weights of its AlexNet are not here: get them (233 MB) with "
            "python -c \"import torchvision; torchvision.models.alexnet(weights='DEFAULT')\""
        )
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    measure = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True).to(device)

    def distance(made: np.ndarray, true: np.ndarray) -> float:
        if min(made.shape[:2]) < SMALLEST:
            raise ValueError(
                f"LPIPS needs images of {SMALLEST}x{SMALLEST} pixels or more, not {made.shape[1]}x{made.shape[0]}"
            )
        pair = (torch.from_numpy(np.array(i)).to(device).permute(2, 0, 1)[None].float() / 255 for i in (made, true))
        with torch.inference_mode():
            value = measure(*pair).item()
        measure.reset()
        return value

    return distance
