"""A video frame: one picture at its exact time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import av
import numpy as np

from vfi.media.color import Color, convert, from_rgb, to_rgb


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture at its time; exactly one of ``picture`` (as decoded) and ``pixels`` (new) is set."""

    time: Fraction  # seconds since the start of the file
    duration: Fraction  # seconds for which it is shown, if no other frame comes earlier
    color: Color
    picture: av.VideoFrame | None = None
    pixels: np.ndarray | None = None  # RGB (H, W, 3), uint8 or uint16

    @cached_property
    def rgb(self) -> np.ndarray:
        """RGB (H, W, 3): uint8 for sources of up to 8 bits per sample, else uint16 scaled to 0..65535."""
        if self.pixels is not None:
            return self.pixels
        assert self.picture is not None
        return to_rgb(self.picture, self.color)

    def at(self, time: Fraction) -> Frame:
        """Return the same picture, shown at another time."""
        return replace(self, time=time)

    def encoded_as(self, pix_fmt: str, color: Color) -> av.VideoFrame:
        """Return the picture for an encoder; a decoded one of the same format is returned as it is."""
        if self.picture is not None:
            return convert(self.picture, pix_fmt, self.color, color)
        assert self.pixels is not None
        return from_rgb(self.pixels, pix_fmt, color)
