"""A picture as video stores it: luma, and chroma of as many samples or of fewer.

What is made of two of them, sample by sample, needs no RGB of every pixel: to get that and to turn it back takes as
long as to warp a frame. What no RGB can say, such as whiter than white, stays what it is.
"""

from __future__ import annotations

from functools import cached_property

import av
import cv2
import numpy as np

from vfi.media.alpha import opaque_format
from vfi.media.color import (
    Color,
    depth,
    luma_and_chroma,
    planar,
    red_green_blue,
    sample_levels,
    stored_planes,
    to_rgb,
)


class YuvImage:
    """A YUV picture without its alpha, as its samples or as RGB."""

    def __init__(self, picture: av.VideoFrame, color: Color) -> None:
        """picture: in planes, 8 to 16 bits a sample."""
        self.picture, self.color = picture, color
        self._small: dict[int, np.ndarray] = {}

    @classmethod
    def of(cls, picture: av.VideoFrame, color: Color) -> YuvImage | None:
        """Return a decoded picture as one, None if it is RGB or grey."""
        if picture.format.is_rgb or picture.format.has_palette:
            return None
        picture = planar(picture)
        return cls(picture, color) if len(stored_planes(picture)) > 1 else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """That of the picture as RGB, (H, W, 3)."""
        return self.picture.height, self.picture.width, 3

    @property
    def dtype(self) -> np.dtype:
        """Of its samples: uint8 for those of up to 8 bits, else uint16."""
        return self.luma.dtype

    @property
    def peak(self) -> int:
        """The largest sample that there may be."""
        return 2 ** depth(self.picture.format.name) - 1

    @property
    def _levels(self) -> tuple[float, float, float, float]:
        return sample_levels(depth(self.picture.format.name), self.color.full_range)

    @property
    def _weights(self) -> tuple[float, float]:
        return self.color.luma_weights(self.picture.height)

    def is_like(self, other: YuvImage) -> bool:
        """Tell whether samples of both mean the same."""
        return self.picture.format.name == other.picture.format.name and self.color == other.color

    @cached_property
    def luma(self) -> np.ndarray:
        """(H, W), as stored."""
        return stored_planes(self.picture)[0]

    @cached_property
    def chroma(self) -> np.ndarray:
        """(h, w, 2), as stored: blue, then red."""
        return np.dstack(stored_planes(self.picture)[1:3])

    @cached_property
    def rgb(self) -> np.ndarray:
        """(H, W, 3), as `to_rgb` has it."""
        return to_rgb(self.picture, self.color)

    def small(self, times: int) -> np.ndarray:
        """Return it as RGB so many times smaller, (H / times, W / times, 3) float32 in [0, 1].

        times: from 2 on, of which both sides are whole multiples.
        """
        if times not in self._small:
            height, width = self.luma.shape[0] // times, self.luma.shape[1] // times
            black, span, zero, chroma_span = self._levels
            luma = cv2.resize(self.luma, (width, height), interpolation=cv2.INTER_AREA)
            y = (luma - np.float32(black)) * np.float32(1 / span)
            chroma: np.ndarray = self.chroma.astype(np.float32)
            if chroma.shape[1] < self.luma.shape[1]:
                # To half way between the two columns of luma that share a sample, the first of which it lies on.
                right = np.concatenate([chroma[:, 1:], chroma[:, -1:]], axis=1)
                chroma = cv2.addWeighted(chroma, 0.75, right, 0.25, 0)
            chroma = cv2.resize(chroma, (width, height), interpolation=cv2.INTER_AREA)
            cb, cr = ((chroma[..., i] - np.float32(zero)) * np.float32(1 / chroma_span) for i in (0, 1))
            channels = red_green_blue(y, cb, cr, self._weights)
            self._small[times] = np.clip(cv2.merge(channels), 0, 1)
        return self._small[times]

    def in_samples(self, rgb: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return as luma (h, w) and chroma (h, w, 2) float32 what RGB (h, w, 3) float32 adds to a weighted sum.

        share: of all weights, those of this, (h, w); what is black has samples, too.
        """
        black, span, zero, chroma_span = self._levels
        r, g, b = (np.asarray(channel) for channel in cv2.split(rgb))
        y, cb, cr = luma_and_chroma(r, g, b, self._weights)
        chroma = np.dstack([cb, cr]) * np.float32(chroma_span)
        return y * np.float32(span) + np.float32(black) * share, chroma + np.float32(zero) * share[..., None]

    def like(self, luma: np.ndarray, chroma: np.ndarray) -> YuvImage:
        """Return another picture of the same kind, without alpha."""
        picture = av.VideoFrame(self.picture.width, self.picture.height, opaque_format(self.picture.format.name))
        samples = luma, chroma[..., 0], chroma[..., 1]
        for plane, stored in zip(stored_planes(picture)[:3], samples, strict=True):
            plane[...] = stored
        return YuvImage(picture, self.color)
