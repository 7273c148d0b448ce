"""A picture in coarse, to tell at little cost what happens in a film: means over blocks of 8x8 pixels.

They hold what moves and what changes; the noise of a codec is averaged away. All are (H / 8, W / 8, channels) float32
in 0..255, luma first, then the chromas unless the picture is grey; alpha by itself has no channels.
"""

from __future__ import annotations

import av
import cv2
import numpy as np

from vfi.media.color import depth, planes

BLOCK = 8  # pixels


def coarse_picture(picture: av.VideoFrame) -> np.ndarray:
    """Return a YUV or grey picture in coarse, of its samples as stored."""
    found = planes(picture)
    height, width = found[0].shape
    scale = np.float32(2.0 ** (8 - depth(picture.format.name)))
    return np.dstack([_block_means(plane, height, width) * scale for plane in found])


def coarse_rgb(rgb: np.ndarray) -> np.ndarray:
    """Return RGB (H, W, 3), uint8 or uint16, in coarse."""
    means = _block_means(rgb, *rgb.shape[:2]) * np.float32(1 / np.iinfo(rgb.dtype).max)
    return cv2.cvtColor(means, cv2.COLOR_RGB2YUV) * np.float32(255)


def coarse_alpha(alpha: np.ndarray) -> np.ndarray:
    """Return alpha (H, W), uint8 or uint16, in coarse, (H / 8, W / 8)."""
    return _block_means(alpha, *alpha.shape) * np.float32(255 / np.iinfo(alpha.dtype).max)


def _block_means(samples: np.ndarray, height: int, width: int) -> np.ndarray:
    # As whole numbers, OpenCV would round the means, and slow fades would go in steps.
    size = max(1, round(width / BLOCK)), max(1, round(height / BLOCK))
    return cv2.resize(samples.astype(np.float32), size, interpolation=cv2.INTER_AREA)
