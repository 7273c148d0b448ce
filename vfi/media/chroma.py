"""Chroma planes (H, W) float32 brought to luma's size and back.

Chroma samples lie on every second luma column and half way between two luma rows, as H.264, HEVC and VP9 assume unless
told. Bringing chroma up to luma's size and down again returns every sample, so a new frame in a still scene gets the
originals' chroma.
"""

from __future__ import annotations

import numpy as np


def upsampled(chroma: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the plane interpolated linearly to luma's (H, W)."""
    height, width = shape
    if chroma.shape[0] < height:
        above, below = np.concatenate([chroma[:1], chroma[:-1]]), np.concatenate([chroma[1:], chroma[-1:]])
        tall = np.empty((2 * chroma.shape[0], chroma.shape[1]), np.float32)
        tall[0::2] = 0.75 * chroma + 0.25 * above
        tall[1::2] = 0.75 * chroma + 0.25 * below
        chroma = tall[:height]
    while chroma.shape[1] < width:
        right = np.concatenate([chroma[:, 1:], chroma[:, -1:]], axis=1)
        wide = np.empty((chroma.shape[0], 2 * chroma.shape[1]), np.float32)
        wide[:, 0::2] = chroma
        wide[:, 1::2] = 0.5 * (chroma + right)
        chroma = wide[:, :width] if wide.shape[1] >= width else wide
    return chroma


def downsampled(chroma: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the full-size plane at the size of its chroma plane; undoes `upsampled` exactly."""
    height, width = shape
    while chroma.shape[1] > width:
        chroma = chroma[:, ::2]
    if chroma.shape[0] > height:
        if chroma.shape[0] % 2:
            chroma = np.concatenate([chroma, chroma[-1:]])
        even, odd = chroma[0::2], chroma[1::2]
        before, after = np.concatenate([even[:1], odd[:-1]]), np.concatenate([even[1:], odd[-1:]])
        chroma = 0.75 * (even + odd) - 0.25 * (before + after)
    return chroma


def averaged(chroma: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the full-size plane at the size of its chroma plane, each sample the mean of what lies around it."""
    height, width = shape
    while chroma.shape[1] > width:
        left = np.concatenate([chroma[:, :1], chroma[:, 1:-1:2]], axis=1)[:, : (chroma.shape[1] + 1) // 2]
        right = np.concatenate([chroma[:, 1::2], chroma[:, -1:]], axis=1)[:, : (chroma.shape[1] + 1) // 2]
        chroma = 0.5 * chroma[:, ::2] + 0.25 * (left + right)
    if chroma.shape[0] > height:
        if chroma.shape[0] % 2:
            chroma = np.concatenate([chroma, chroma[-1:]])
        chroma = 0.5 * (chroma[0::2] + chroma[1::2])
    return chroma
