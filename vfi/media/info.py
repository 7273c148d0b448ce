"""What is known of a video stream's pictures: everything the output must carry over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type

from vfi.media.color import FULL_RANGE, RGB, UNSPECIFIED, Color, depth


@dataclass(frozen=True)
class Hdr:
    """Static HDR10 metadata of the mastering display (SMPTE ST 2086) and of the light level (CTA-861.3)."""

    primaries: tuple[tuple[Fraction, Fraction], ...]  # x, y of red, green, blue and white
    luminance: tuple[Fraction, Fraction]  # least and greatest, cd/m2
    light_level: tuple[int, int] | None  # MaxCLL and MaxFALL, cd/m2

    def near(self, other: Hdr | None) -> bool:
        """Tell whether the other says the same, but for the rounding of one codec or another."""
        if other is None or other.light_level != self.light_level:
            return False
        ours, theirs = (value for point in self.primaries for value in point), (v for p in other.primaries for v in p)
        return all(abs(a - b) < Fraction(1, 5000) for a, b in zip(ours, theirs, strict=True)) and all(
            abs(a - b) <= max(a / 100, Fraction(1, 1000)) for a, b in zip(self.luminance, other.luminance, strict=True)
        )

    def mastering(self, chromaticity: int, luminance: int) -> str:
        """Spell the mastering display for an encoder, in units of one over the given numbers; 1 keeps decimals."""

        def spelled(value: Fraction, unit: int) -> str:
            return f"{float(value):.4f}" if unit == 1 else str(round(value * unit))

        red, green, blue, white = self.primaries
        points = {"G": green, "B": blue, "R": red, "WP": white}
        text = "".join(f"{k}({spelled(x, chromaticity)},{spelled(y, chromaticity)})" for k, (x, y) in points.items())
        least, greatest = self.luminance
        return f"{text}L({spelled(greatest, luminance)},{spelled(least, luminance)})"


@dataclass(frozen=True)
class VideoInfo:
    """How the pictures of one stream are stored and are to be shown."""

    width: int  # pixels as stored, before rotation
    height: int
    pix_fmt: str  # FFmpeg's name
    color: Color
    pixel_aspect: Fraction | None  # width by height of one pixel; None: not said
    display_matrix: tuple[int, ...] | None  # FFmpeg's nine fixed-point numbers; None: shown as stored
    rotation: int  # degrees counter-clockwise, from the display matrix
    hdr: Hdr | None

    @property
    def depth(self) -> int:
        """Bits per sample."""
        return depth(self.pix_fmt)

    @property
    def upright(self) -> VideoInfo:
        """What the pictures are like once they are turned as they are shown, to the nearest quarter."""
        info = self
        if round(self.rotation / 90) % 2:
            aspect = 1 / self.pixel_aspect if self.pixel_aspect else None
            info = replace(self, width=self.height, height=self.width, pixel_aspect=aspect)
        return replace(info, display_matrix=None, rotation=0)


def describe(picture: av.VideoFrame, stream: av.VideoStream) -> VideoInfo:
    """Read a decoded picture and its stream, which know different parts."""
    items: Any = picture.side_data  # iterates over its items, though typed as a mapping
    side_data = {item.type: item for item in items}
    matrix = side_data.get(Type.DISPLAYMATRIX)
    said = stream.codec_context  # by the container, which a decoder that is not the stream's own does not know
    rgb, full = picture.format.is_rgb, picture.format.is_rgb or picture.format.name.startswith("yuvj")
    color = Color(
        matrix=RGB if rgb else _known(picture.colorspace, said.colorspace),
        range=FULL_RANGE if full else picture.color_range or said.color_range,
        primaries=_known(picture.color_primaries, said.color_primaries),
        transfer=_known(picture.color_trc, said.color_trc),
    )
    return VideoInfo(
        width=picture.width,
        height=picture.height,
        pix_fmt=picture.format.name,
        color=color,
        pixel_aspect=stream.sample_aspect_ratio or None,
        display_matrix=tuple(int(v) for v in _int32(matrix)) if matrix is not None else None,
        rotation=picture.rotation,
        hdr=_hdr(side_data.get(Type.MASTERING_DISPLAY_METADATA), side_data.get(Type.CONTENT_LIGHT_LEVEL)),
    )


def _known(code: int, other: int) -> int:
    return other if code == UNSPECIFIED else code


def _int32(side_data: object) -> np.ndarray:
    return np.frombuffer(bytes(side_data), np.int32)  # type: ignore[call-overload]


def _hdr(mastering: object | None, light_level: object | None) -> Hdr | None:
    if mastering is None:
        return None
    # AVMasteringDisplayMetadata: ten rationals (red, green, blue, white as x, y; luminance), then two flags.
    values = _int32(mastering)
    if not values[20]:
        return None
    rationals = [Fraction(int(a), int(b)) for a, b in values[:20].reshape(10, 2)]
    levels = None if light_level is None else _int32(light_level)
    return Hdr(
        primaries=tuple((rationals[i], rationals[i + 1]) for i in (0, 2, 4, 6)),
        luminance=(rationals[8], rationals[9]),
        light_level=None if levels is None else (int(levels[0]), int(levels[1])),
    )
