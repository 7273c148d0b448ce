"""A video frame: one picture at its exact time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

import av
import numpy as np

from vfi.media.coarse import coarse_picture, coarse_rgb
from vfi.media.color import Color, beyond_range, convert, from_rgb, luma, luma_of_rgb, to_rgb

Origin = Literal["source", "repeated", "made", "blended"]
"""Whether a frame is one of the source's, one of them shown again, interpolated, or a blend across a cut."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture at its time; exactly one of ``picture`` (as decoded) and ``pixels`` (new) is set."""

    time: Fraction  # seconds since the start of the file
    duration: Fraction  # seconds for which it is shown, if no other frame comes earlier
    color: Color
    picture: av.VideoFrame | None = None
    pixels: np.ndarray | None = None  # RGB (H, W, 3), uint8 or uint16
    confidence: float | None = None  # how far new pixels are to be trusted, 0 to 1, where their maker knows
    studio: bool = False  # whether the pixels leave room beyond black and white: see `studio_rgb`
    origin: Origin = "source"

    @cached_property
    def rgb(self) -> np.ndarray:
        """RGB (H, W, 3): uint8 for sources of up to 8 bits per sample, else uint16 scaled to 0..65535."""
        if self.pixels is not None:
            return self.pixels
        assert self.picture is not None
        return to_rgb(self.picture, self.color)

    @cached_property
    def beyond_range(self) -> bool:
        """Whether the picture has visible detail blacker than black or whiter than white, which `rgb` clips."""
        return self.picture is not None and beyond_range(self.picture, self.color)

    @cached_property
    def studio_rgb(self) -> np.ndarray:
        """Like `rgb`, but with black at 16/255 and white at 235/255 of the scale, so that nothing is clipped."""
        assert self.picture is not None
        return to_rgb(self.picture, self.color, studio=True)

    @cached_property
    def coarse(self) -> np.ndarray:
        """Means over blocks of 8x8 pixels: (H / 8, W / 8, channels) float32 in 0..255, luma first."""
        if self.picture is None or self.picture.format.is_rgb or self.picture.format.has_palette:
            return coarse_rgb(self.rgb)
        return coarse_picture(self.picture)

    @cached_property
    def luma(self) -> np.ndarray:
        """Luma (H, W), uint8: black 0, white 255; what goes beyond is clipped."""
        if self.picture is None or self.picture.format.is_rgb or self.picture.format.has_palette:
            return luma_of_rgb(self.rgb, self.color)
        return luma(self.picture, self.color)

    def at(self, time: Fraction) -> Frame:
        """Return the same picture, shown at another time."""
        return replace(self, time=time)

    def again(self, time: Fraction) -> Frame:
        """Return the same picture, shown once more."""
        return replace(self, time=time, origin="repeated")

    def slowed(self, speed: Fraction) -> Frame:
        """Return the frame as it is shown at ``speed`` times the film's own."""
        return replace(self, time=self.time / speed, duration=self.duration / speed)

    def encoded_as(self, pix_fmt: str, color: Color) -> av.VideoFrame:
        """Return the picture for an encoder; a decoded one of the same format is returned as it is."""
        if self.picture is not None:
            return convert(self.picture, pix_fmt, self.color, color)
        assert self.pixels is not None
        return from_rgb(self.pixels, pix_fmt, color, self.studio)
