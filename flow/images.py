"""What every estimator of flow takes: two images, or two batches of them, as numpy arrays."""

import numpy as np


def refuse_others(image0: np.ndarray, image1: np.ndarray) -> None:
    """Raise ValueError unless both are (H, W, 3) uint8, or batches (B, H, W, 3) of such, of one shape."""
    for image in (image0, image1):
        if image.dtype != np.uint8 or image.ndim not in (3, 4) or image.shape[-1] != 3 or not image.size:
            raise ValueError(f"not an (H, W, 3) uint8 image, nor a batch of them: {image.shape} {image.dtype}")
    if image0.shape != image1.shape:
        raise ValueError(f"the images differ in shape: {image0.shape} and {image1.shape}; bring them to one size")
