"""A video frame: one picture at its exact time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

import av
import numpy as np

from vfi.media.alpha import alpha_of, opaque_format, premultiplied, with_alpha
from vfi.media.coarse import coarse_alpha, coarse_picture, coarse_rgb
from vfi.media.color import RGB, Color, beyond_range, convert, from_rgb, has_alpha, luma, luma_of_rgb, to_rgb
from vfi.media.images import upright
from vfi.media.yuv import YuvImage

Origin = Literal["source", "repeated", "made", "blended"]
"""Whether a frame is one of the source's, one of them shown again, interpolated, or a blend across a cut."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture at its time; exactly one of ``picture`` (as decoded, or new and like that) and ``pixels`` is set."""

    time: Fraction  # seconds since the start of the file
    duration: Fraction  # seconds for which it is shown, if no other frame comes earlier
    color: Color
    picture: av.VideoFrame | None = None
    pixels: np.ndarray | None = None  # RGB (H, W, 3) or with alpha (H, W, 4), uint8 or uint16
    confidence: float | None = None  # how far a new one is to be trusted, 0 to 1, where their maker knows
    studio: bool = False  # whether the pixels leave room beyond black and white: see `studio_rgb`
    origin: Origin = "source"

    @cached_property
    def rgb(self) -> np.ndarray:
        """RGB (H, W, 3): uint8 for sources of up to 8 bits per sample, else uint16 scaled to 0..65535."""
        if self.pixels is not None:
            return self.pixels if self.pixels.shape[2] == 3 else self.pixels[..., :3]
        assert self.picture is not None
        return to_rgb(self.picture, self.color)

    @cached_property
    def alpha(self) -> np.ndarray | None:
        """Alpha (H, W) of the same type, 0 where nothing is seen; None if the format has none, which is opaque."""
        if self.pixels is not None:
            return self.pixels[..., 3] if self.pixels.shape[2] == 4 else None
        assert self.picture is not None
        return alpha_of(self.picture)

    @cached_property
    def opaque(self) -> bool:
        """Whether no pixel is transparent, not even in part."""
        return self.alpha is None or bool((self.alpha == np.iinfo(self.alpha.dtype).max).all())

    @cached_property
    def yuv(self) -> YuvImage | None:
        """An opaque picture as it is stored, where it can be worked on so."""
        return YuvImage.of(self.picture, self.color) if self.picture is not None and self.opaque else None

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
        """Means over blocks of 8x8 pixels: (H / 8, W / 8, channels) float32 in 0..255, luma first, alpha last."""
        if self.alpha is not None:  # what is hidden does not count
            return np.dstack([coarse_rgb(self.flat), coarse_alpha(self.alpha)])
        if self.picture is None or self.picture.format.is_rgb or self.picture.format.has_palette:
            return coarse_rgb(self.rgb)
        return coarse_picture(self.picture)

    @cached_property
    def luma(self) -> np.ndarray:
        """Luma (H, W), uint8: black 0, white 255; what goes beyond is clipped."""
        if self.picture is None or self.picture.format.is_rgb or self.picture.format.has_palette:
            return luma_of_rgb(self.rgb, self.color)
        return luma(self.picture, self.color)

    @property
    def flat(self) -> np.ndarray:
        """RGB (H, W, 3) as it is seen over black."""
        if self.opaque:
            return self.rgb
        assert self.alpha is not None
        return premultiplied(self.rgb, self.alpha, self.rgb.dtype.type)

    @property
    def rgba(self) -> np.ndarray:
        """RGB with straight alpha (H, W, 4); opaque if the format has none."""
        opaque = np.full(self.rgb.shape[:2], np.iinfo(self.rgb.dtype).max, self.rgb.dtype)
        return np.dstack([self.rgb, opaque if self.alpha is None else self.alpha])

    def at(self, time: Fraction) -> Frame:
        """Return the same picture, shown at another time."""
        return replace(self, time=time)

    def again(self, time: Fraction) -> Frame:
        """Return the same picture, shown once more."""
        return replace(self, time=time, origin="repeated")

    def slowed(self, speed: Fraction) -> Frame:
        """Return the frame as it is shown at ``speed`` times the film's own."""
        return replace(self, time=self.time / speed, duration=self.duration / speed)

    def turned(self, rotation: int) -> Frame:
        """Return the frame as it is shown: ``rotation`` degrees counter-clockwise, to the nearest quarter."""
        if round(rotation / 90) % 4 == 0:
            return self
        pixels = self.rgb if self.alpha is None else self.rgba
        return replace(self, picture=None, pixels=upright(pixels, rotation))

    def beside(self, right: Frame, rotation: int) -> Frame:
        """Return the other frame with this one on its left, both turned as by `turned`, and an even height."""
        pair = (self, right)
        studio = any(frame.studio or frame.beyond_range for frame in pair)
        if any(frame.alpha is not None for frame in pair):
            images = [frame.rgba for frame in pair]
        else:
            images = [frame.studio_rgb if studio and frame.picture is not None else frame.rgb for frame in pair]
        images = [upright(image, rotation) for image in images]
        both = np.hstack(images)
        both = np.concatenate([both, both[-1:]]) if both.shape[0] % 2 else both
        return replace(right, picture=None, pixels=both, studio=studio)

    def encoded_as(self, pix_fmt: str, color: Color) -> av.VideoFrame:
        """Return the picture for an encoder; a decoded one of the same format is returned as it is.

        In a format without transparency it is as it is seen over black.
        """
        picture = self._picture_as(pix_fmt, color)
        # ProRes takes its tags from every picture.
        picture.colorspace, picture.color_range = color.matrix, color.range
        picture.color_primaries, picture.color_trc = color.primaries, color.transfer
        return picture

    def _picture_as(self, pix_fmt: str, color: Color) -> av.VideoFrame:
        if not has_alpha(pix_fmt):
            return self._colors_as(pix_fmt, color) if self.opaque else self._converted(self.flat, pix_fmt, color)
        if self.picture is not None and self.picture.format.name == pix_fmt:
            return self.picture
        return with_alpha(self._colors_as(opaque_format(pix_fmt), color), self.alpha, pix_fmt)

    def _colors_as(self, pix_fmt: str, color: Color) -> av.VideoFrame:
        """Return the picture without its alpha, straight."""
        if self.picture is not None:
            return convert(self.picture, pix_fmt, self.color, color)
        return self._converted(self.rgb, pix_fmt, color)

    def _converted(self, rgb: np.ndarray, pix_fmt: str, color: Color) -> av.VideoFrame:
        return from_rgb(rgb, pix_fmt, color, self.studio, full_chroma=self.color.matrix == RGB)
