"""Frames composed at full size on the CPU, as `vfi.models.mixture.compose` does: from images to images, with OpenCV.

A composition is as small as the grid of the flow, and a frame is made of it a band of rows at a time: what that takes
beside the images does not grow with them. OpenCV samples in half the time that PyTorch takes.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch

from flow.overlay import stillness_in_images
from vfi.models.mixture import Composition

BAND = 64  # rows that are made at once
DEPTHS = {np.uint8: cv2.CV_8U, np.uint16: cv2.CV_16U}
TAPS = 3  # rows on either side of a place that bicubic sampling and rounding reach


def compose_image(composition: Composition, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the image between two (H, W, 3), uint8 or uint16, like them; the composition of one frame, B = 1.

    It differs from the frame that `compose` makes by the steps of 1/32 pixel in which OpenCV knows places.
    """
    height, width = before.shape[:2]
    small_height, small_width = composition.flows.shape[-2:]
    levels = np.iinfo(before.dtype).max
    flows = _channels_last(composition.flows) * np.array([width / small_width, height / small_height] * 2, np.float32)
    rest = _channels_last(composition.rest * levels)
    dragged = None if composition.dragged is None else composition.dragged[0, 0].float().numpy()
    t = np.float32(composition.t.item())
    parts = [composition.weights]
    if composition.still is not None and composition.still.any():
        parts.append(composition.still)
    weights = [[_for_each_colour(part[0, i]) for part in parts] for i in (0, 1)]
    image = np.empty(before.shape, before.dtype)  # in rows, whatever the order of the others

    def make(top: int) -> None:
        rows = range(top, min(top + BAND, height))
        flow, made = _enlarged(flows, rows, before.shape), np.zeros((len(rows), width, 3), np.float32)
        for i, source in enumerate((before, after)):
            seen = [_warped(source, flow[..., 2 * i : 2 * i + 2], rows), source[rows.start : rows.stop]]
            for pixels, weight in zip(seen, weights[i], strict=False):
                made += pixels * _enlarged(weight, rows, before.shape)
        added = _enlarged(rest, rows, before.shape)
        if dragged is not None and (share := _enlarged(dragged, rows, before.shape)).any():
            here = [source[rows.start : rows.stop] for source in (before, after)]
            share *= stillness_in_images(*here)
            added += share[..., None] * (here[0] * (1 - t) + here[1] * t - made - added)
        # It rounds, and keeps within the range of the image.
        cv2.add(made, added, image[top : rows.stop], dtype=DEPTHS[before.dtype.type])

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(make, range(0, height, BAND)))
    return image


def _warped(image: np.ndarray, flow: np.ndarray, rows: range) -> np.ndarray:
    """Return ``rows`` of what backward warping makes of an image, float32; flow: of these rows, (h, W, 2)."""
    height, width = image.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    # Only the rows that are looked at are made float32.
    first = int(np.clip(y.min() - TAPS, 0, height - 1))
    last = int(np.clip(y.max() + TAPS, first, height - 1))
    seen = np.ascontiguousarray(image[first : last + 1], np.float32)
    return cv2.remap(seen, x, y - np.float32(first), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _enlarged(small: np.ndarray, rows: range, size: Sequence[int]) -> np.ndarray:
    """Return ``rows`` of a grid (h, w, C) float32 enlarged to ``size`` (height, width), bilinearly."""
    times = size[0] // small.shape[0]
    if (small.shape[0] * times, small.shape[1] * times) == tuple(size[:2]) and rows.start % times == 0:
        # By whole numbers it is resizing, which is much faster, of a row more on either side.
        first = max(rows.start // times - 1, 0)
        large = cv2.resize(small[first : -(-rows.stop // times) + 1], None, fx=times, fy=times)
        return large[rows.start - first * times : rows.stop - first * times]
    down, across = small.shape[0] / size[0], small.shape[1] / size[1]
    places = np.array([[across, 0, across / 2 - 0.5], [0, down, (rows.start + 0.5) * down - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(small, places, (size[1], len(rows)), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _channels_last(grid: torch.Tensor) -> np.ndarray:
    """(1, C, h, w) to (h, w, C) float32."""
    return np.ascontiguousarray(grid[0].float().permute(1, 2, 0).numpy())


def _for_each_colour(weights: torch.Tensor) -> np.ndarray:
    """(h, w) to (h, w, 3) float32: multiplying pixels by them is much faster than by one weight a pixel."""
    return np.repeat(weights.float().numpy()[..., None], 3, axis=2)
