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
from vfi.media.yuv import YuvImage
from vfi.models.mixture import Composition

Image = np.ndarray | YuvImage
"""(H, W, 3), uint8 or uint16, or as video stores it."""

BAND = 64  # rows that are made at once
DEPTHS = {np.uint8: cv2.CV_8U, np.uint16: cv2.CV_16U}
TAPS = 3  # rows on either side of a place that bicubic sampling and rounding reach


def compose_image(composition: Composition, before: Image, after: Image) -> Image:
    """Return the image between two, both of one kind; the composition of one frame, B = 1.

    It differs from the frame that `compose` makes by the steps of 1/32 pixel in which OpenCV knows places, at most.
    """
    rest = _channels_last(composition.rest)
    overlay = None if composition.dragged is None else _Overlay(composition, before, after)
    if isinstance(before, YuvImage) and isinstance(after, YuvImage):
        known = composition.weights if composition.still is None else composition.weights + composition.still
        rests = before.in_samples(rest, 1 - known[0].float().sum(0).numpy())
        luma = _composed(composition, before.luma, after.luma, rests[0], overlay, before.peak)
        # Of what is smooth, samples are as good that take in no more than four, and hold less of how it was rounded.
        sampling = cv2.INTER_LINEAR if before.chroma.shape[:2] != before.luma.shape else cv2.INTER_CUBIC
        chroma = _composed(composition, before.chroma, after.chroma, rests[1], overlay, before.peak, sampling)
        return before.like(luma, chroma)
    assert isinstance(before, np.ndarray)
    assert isinstance(after, np.ndarray)
    levels = np.iinfo(before.dtype).max
    return _composed(composition, before, after, rest * np.float32(levels), overlay, levels)


def _composed(
    composition: Composition,
    before: np.ndarray,
    after: np.ndarray,
    rest: np.ndarray,
    overlay: "_Overlay | None",
    peak: int,
    sampling: int = cv2.INTER_CUBIC,
) -> np.ndarray:
    """Return what is composed of samples (H, W) or (H, W, C), uint8 or uint16; rest: of their kind, float32."""
    height, width = before.shape[:2]
    small_height, small_width = composition.flows.shape[-2:]
    scales = np.array([width / small_width, height / small_height] * 2, np.float32)[:, None, None]
    flows = composition.flows[0].float().numpy() * scales  # in planes, which are added to in half the time
    parts = [composition.weights]
    if composition.still is not None and composition.still.any():
        parts.append(composition.still)
    weights = [[_for_each_channel(part[0, i], rest) for part in parts] for i in (0, 1)]
    image = np.empty(before.shape, before.dtype)  # in rows, whatever the order of the others

    def make(top: int) -> None:
        rows = range(top, min(top + BAND, height))
        x0, y0, x1, y1 = (_enlarged(part, rows, before.shape) for part in flows)
        made = np.zeros((len(rows), *before.shape[1:]), np.float32)
        for source, x, y, known in ((before, x0, y0, weights[0]), (after, x1, y1, weights[1])):
            for i, weight in enumerate(known):
                seen = source[rows.start : rows.stop].astype(np.float32) if i else _warped(source, x, y, rows, sampling)
                cv2.accumulateProduct(seen, _enlarged(weight, rows, before.shape), made)
        added = _enlarged(rest, rows, before.shape)
        if overlay is not None and (share := overlay.share(rows, before.shape)) is not None:
            added += share * (overlay.blend(before, after, rows) - made - added)
        # It rounds, and keeps within the range of the type.
        here = cv2.add(made, added, dtype=DEPTHS[before.dtype.type])
        image[top : rows.stop] = np.minimum(here, peak, out=here).reshape(image[top : rows.stop].shape)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(make, range(0, height, BAND)))
    return image


class _Overlay:
    """What stands still over a picture that moves."""

    def __init__(self, composition: Composition, before: Image, after: Image) -> None:
        assert composition.dragged is not None
        self._dragged = composition.dragged[0, 0].float().numpy()
        self._t = np.float32(composition.t.item())
        self._images = [image.rgb if isinstance(image, YuvImage) else image for image in (before, after)]

    def share(self, rows: range, size: Sequence[int]) -> np.ndarray | None:
        """Return how far it is to be laid over some rows of samples of a size, float32 of their kind; None: nowhere."""
        height, width = self._images[0].shape[:2]
        times = -(-height // size[0])  # more rows has the image than these samples
        seen = range(rows.start * times, min(rows.stop * times, height))
        share = _enlarged(self._dragged, seen, (height, width))
        if not share.any():
            return None
        share *= stillness_in_images(*(image[seen.start : seen.stop] for image in self._images))
        if share.shape != (len(rows), size[1]):
            share = cv2.resize(share, (size[1], len(rows)), interpolation=cv2.INTER_AREA)
        return share[..., None] if len(size) > 2 else share

    def blend(self, before: np.ndarray, after: np.ndarray, rows: range) -> np.ndarray:
        """Return the mean of some rows of samples by the time, float32."""
        return before[rows.start : rows.stop] * (1 - self._t) + after[rows.start : rows.stop] * self._t


def _warped(image: np.ndarray, x: np.ndarray, y: np.ndarray, rows: range, sampling: int) -> np.ndarray:
    """Return ``rows`` of what backward warping makes of samples, float32; x, y: their flow, (h, W) each, used up."""
    height, width = image.shape[:2]
    x += np.arange(width, dtype=np.float32)
    y += np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    # Only the rows that are looked at are made float32.
    first = int(np.clip(y.min() - TAPS, 0, height - 1))
    last = int(np.clip(y.max() + TAPS, first, height - 1))
    seen = np.ascontiguousarray(image[first : last + 1], np.float32)
    return cv2.remap(seen, x, np.subtract(y, first, out=y), sampling, borderMode=cv2.BORDER_REPLICATE)


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


def _for_each_channel(weights: torch.Tensor, like: np.ndarray) -> np.ndarray:
    """(h, w) to that of what is ``like`` it, float32: multiplying pixels by them is much faster than by one a pixel."""
    found = weights.float().numpy()
    return found if like.ndim == 2 else np.repeat(found[..., None], like.shape[2], axis=2)
