"""Colour: what a stream says about its samples, and exact conversion between them and RGB.

Samples are converted here rather than by libswscale, whose results are off by half a level in full range and by up
to four levels above 8 bits: new frames would flicker between the originals, which never leave their own samples.

RGB is (H, W, 3), in R, G, B order, non-linear as stored (no transfer function is applied): uint8 in 0..255 for
sources of up to 8 bits, uint16 in 0..65535 for deeper ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from av.codec.codec import find_best_pix_fmt_of_list

from vfi.media.chroma import averaged, downsampled, upsampled

RGB, UNSPECIFIED, BT601 = 0, 2, 5  # of the matrix codes of ITU-T H.273; 2 also of primaries and transfer
LIMITED_RANGE, FULL_RANGE = 1, 2  # of FFmpeg's colour range; 0 is unspecified

# Weights of red and blue in luma by matrix code of ITU-T H.273, table 4.
_LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}

BAND = 64  # rows that are converted at once: what that takes stays in the processor's cache, however large a frame is

_GBR = (1, 2, 0)  # the order of the planes of planar RGB
_PLANAR = tuple(
    f"{layout}{depth}"
    for layout in ("gray", "yuv420p", "yuv422p", "yuv444p", "gbrp")
    for depth in ("", "9le", "10le", "12le", "14le", "16le")
)


@dataclass(frozen=True)
class Color:
    """A stream's colour tags as stored: codes of ITU-T H.273 (2: unspecified); range 1 limited, 2 full, 0 unspecified.

    >>> Color(matrix=1, range=1, primaries=1, transfer=1).luma_weights(height=1080)
    (0.2126, 0.0722)
    """

    matrix: int = UNSPECIFIED
    range: int = 0
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    @property
    def full_range(self) -> bool:
        return self.range == FULL_RANGE

    def guessed_matrix(self, height: int) -> int:
        """Return the matrix to use: an unknown one is guessed by height (pixels), as players do."""
        if self.matrix in _LUMA_WEIGHTS:
            return self.matrix
        return 1 if height >= 720 else 6

    def luma_weights(self, height: int) -> tuple[float, float]:
        """Return the weights of red and blue in luma."""
        return _LUMA_WEIGHTS[self.guessed_matrix(height)]


def depth(pix_fmt: str) -> int:
    """Return the bits per sample of an FFmpeg pixel format.

    >>> depth("yuv420p10le")
    10
    """
    return max(component.bits for component in av.VideoFormat(pix_fmt).components)


def has_alpha(pix_fmt: str) -> bool:
    """Tell whether an FFmpeg pixel format has transparency."""
    return len(av.VideoFormat(pix_fmt).components) in (2, 4)


def beyond_range(picture: av.VideoFrame, color: Color) -> bool:
    """Return whether limited-range luma visibly goes beyond black or white, as many cameras let it.

    Compression alone oversteps a little here and there: a thousandth of the pixels by three levels does not count.
    """
    if picture.format.is_rgb or color.full_range:
        return False
    picture = planar(picture)
    luma, step = stored_planes(picture)[0], 2 ** (depth(picture.format.name) - 8)
    return float(np.mean((luma < 13 * step) | (luma > 238 * step))) > 0.001


def to_rgb(picture: av.VideoFrame, color: Color, studio: bool = False) -> np.ndarray:
    """Return the picture as RGB (H, W, 3), uint8 up to 8 bits per sample, else uint16 scaled to 0..65535.

    What a YUV picture has beyond black and white is clipped, unless ``studio`` asks for black at 16/255 and white
    at 235/255 of the scale, which leaves room for it.
    """
    picture = planar(picture)
    deep = depth(picture.format.name) > 8
    peak, dtype = (65535, np.uint16) if deep else (255, np.uint8)
    rgb = np.empty((picture.height, picture.width, 3), dtype)
    if picture.format.is_rgb:
        top = 2 ** depth(picture.format.name) - 1
        for plane, channel in zip(stored_planes(picture), _GBR, strict=False):  # alpha may follow
            rgb[..., channel] = plane if top == peak else _quantised(plane / np.float32(top), peak)
        return rgb
    for rows in _bands(picture.height):
        channels = [_quantised(channel, peak) for channel in _channels(picture, rows, color, studio)]
        # One after the other into every third sample would take longer than all else.
        cv2.merge(channels * (3 // len(channels)), rgb[rows])
    return rgb


def from_rgb(
    rgb: np.ndarray, pix_fmt: str, color: Color, studio: bool = False, full_chroma: bool = False
) -> av.VideoFrame:
    """Return RGB (H, W, 3), uint8 or uint16, as a picture of ``pix_fmt``; samples are rounded.

    ``studio`` as in `to_rgb`; without it the whole range is from black to white. ``full_chroma`` says that every pixel
    has a colour of its own, as it is not in what came from YUV of fewer chroma samples; they are averaged then.
    """
    layout = av.VideoFormat(pix_fmt)
    peak = np.iinfo(rgb.dtype).max
    if studio and (layout.is_rgb or layout.has_palette):
        rgb = _quantised((rgb / np.float32(peak) - np.float32(16 / 255)) * np.float32(255 / 219), peak)
        rgb = rgb.astype(np.uint8 if peak == 255 else np.uint16)
    if layout.is_rgb or layout.has_palette:
        name = pix_fmt if pix_fmt in _PLANAR else _nearest_planar(pix_fmt)
        picture = av.VideoFrame(rgb.shape[1], rgb.shape[0], name)
        top = 2 ** depth(name) - 1
        for plane, channel in zip(stored_planes(picture), _GBR, strict=True):
            plane[...] = rgb[..., channel] if top == peak else _quantised(rgb[..., channel] / np.float32(peak), top)
        return repacked(picture, pix_fmt)
    return _picture(
        lambda rows: _luma_and_chroma(rgb[rows], color.luma_weights(rgb.shape[0]), studio),
        (rgb.shape[0], rgb.shape[1]),
        pix_fmt,
        color.full_range,
        full_chroma,
    )


def planes(picture: av.VideoFrame) -> list[np.ndarray]:
    """Return the planes as stored, (H, W) each, uint8 or uint16: luma and, unless grey, both chromas; or G, B, R."""
    return stored_planes(planar(picture))[:3]


def luma(picture: av.VideoFrame, color: Color) -> np.ndarray:
    """Return the luma of a YUV or grey picture, (H, W) uint8: black 0, white 255."""
    picture = planar(picture)
    black, span, _, _ = sample_levels(depth(picture.format.name), color.full_range)
    return _quantised(stored_planes(picture)[0] - np.float32(black), 255 / span, peak=255).astype(np.uint8)


def luma_of_rgb(rgb: np.ndarray, color: Color) -> np.ndarray:
    """Return the luma of RGB (H, W, 3), uint8 or uint16, as `luma` has it.

    >>> luma_of_rgb(np.full((1, 1, 3), 65535, np.uint16), Color())
    array([[255]], dtype=uint8)
    """
    red, blue = color.luma_weights(rgb.shape[0])
    weights = np.array([red, 1 - red - blue, blue], np.float32)
    return _quantised(rgb @ weights, 255 / np.iinfo(rgb.dtype).max, peak=255).astype(np.uint8)


def convert(picture: av.VideoFrame, pix_fmt: str, color: Color, target: Color) -> av.VideoFrame:
    """Return the picture in another pixel format, from the range and matrix of ``color`` to those of ``target``.

    A picture that has them already is returned as it is.
    """
    alike = color.luma_weights(picture.height) == target.luma_weights(picture.height)
    if picture.format.name == pix_fmt and (picture.format.is_rgb or (alike and color.full_range == target.full_range)):
        return picture
    source = planar(picture)
    if source.format.is_rgb or av.VideoFormat(pix_fmt).is_rgb or not alike:
        return from_rgb(to_rgb(source, color), pix_fmt, target, full_chroma=bool(source.format.is_rgb))
    size = (picture.height, picture.width)
    return _picture(lambda rows: _components(source, color.full_range, rows), size, pix_fmt, target.full_range)


def planar(picture: av.VideoFrame) -> av.VideoFrame:
    """Repack into little-endian planes, one per component, without changing a sample; alpha is left behind."""
    name = picture.format.name
    if name.replace("yuvj", "yuv").replace("yuva", "yuv").replace("gbrap", "gbrp") in _PLANAR:
        return picture
    return repacked(picture, _nearest_planar(name))


def repacked(picture: av.VideoFrame, pix_fmt: str) -> av.VideoFrame:
    """Return the picture in another arrangement of the same samples, itself if it has that."""
    # In one thread: where another one begins, libswscale (FFmpeg 8.1) sometimes spoils a few samples of p010 and the
    # like, and what it makes of yuv410p depends on how many there are.
    return picture if picture.format.name == pix_fmt else picture.reformat(format=pix_fmt, threads=1)


def _nearest_planar(pix_fmt: str) -> str:
    nearest: Any = find_best_pix_fmt_of_list(list(_PLANAR), pix_fmt)[0]
    return nearest.name


def stored_planes(picture: av.VideoFrame) -> list[np.ndarray]:
    dtype = np.dtype(np.uint16 if depth(picture.format.name) > 8 else np.uint8)
    return [
        np.frombuffer(memoryview(plane), dtype).reshape(plane.height, plane.line_size // dtype.itemsize)[
            :, : plane.width
        ]
        for plane in picture.planes
    ]


def sample_levels(bits: int, full_range: bool) -> tuple[float, float, float, float]:
    """Return luma's black and span, and chroma's zero and span, in sample values.

    >>> sample_levels(8, full_range=False)
    (16, 219, 128, 224)
    """
    step = 2 ** (bits - 8)
    if full_range:
        return 0, 2**bits - 1, 128 * step, 2**bits - 1
    return 16 * step, 219 * step, 128 * step, 224 * step


_Components = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]
"""Luma in 0..1 and, unless grey, both chromas in -0.5..0.5, each (h, W) float32, not clipped."""


def _bands(height: int) -> Iterator[slice]:
    for top in range(0, height, BAND):
        yield slice(top, min(top + BAND, height))


def _seen(rows: slice, times: int, height: int) -> slice:
    """Return the rows that these are made of, where chroma has so many times fewer: one of it more on either side."""
    return rows if times == 1 else slice(max(rows.start - times, 0), min(rows.stop + times, height))


def _components(picture: av.VideoFrame, full_range: bool, rows: slice) -> _Components:
    """Return those of some rows, the first of them even."""
    black, span, zero, chroma_span = sample_levels(depth(picture.format.name), full_range)
    planes = stored_planes(picture)
    y = planes[0][rows].astype(np.float32)
    y -= np.float32(black)
    y *= np.float32(1 / span)
    if len(planes) < 3:
        return y, None, None
    times = 2 if planes[1].shape[0] < picture.height else 1
    seen = _seen(rows, times, picture.height)
    shape = seen.stop - seen.start, picture.width
    cb, cr = (
        upsampled(
            (plane[seen.start // times : -(-seen.stop // times)].astype(np.float32) - np.float32(zero))
            * np.float32(1 / chroma_span),
            shape,
        )[rows.start - seen.start : rows.stop - seen.start]
        for plane in planes[1:3]
    )
    return y, cb, cr


def _channels(picture: av.VideoFrame, rows: slice, color: Color, studio: bool) -> list[np.ndarray]:
    """Return red, green and blue of some rows as `to_rgb` has them, or what all three are: 0..1, not clipped."""
    y, cb, cr = _components(picture, color.full_range, rows)
    if studio:
        y *= np.float32(219 / 255)
        y += np.float32(16 / 255)
    if cb is None or cr is None:
        return [y]
    if studio:
        cb *= np.float32(219 / 255)
        cr *= np.float32(219 / 255)
    return red_green_blue(y, cb, cr, color.luma_weights(picture.height))


def red_green_blue(y: np.ndarray, cb: np.ndarray, cr: np.ndarray, weights: tuple[float, float]) -> list[np.ndarray]:
    """Return the colours of components as `_Components` has them, by the weights of red and blue in luma. Spoils y."""
    red, blue = weights
    green = 1 - red - blue
    r, b = y + np.float32(2 * (1 - red)) * cr, y + np.float32(2 * (1 - blue)) * cb
    y -= np.float32(2 * red * (1 - red) / green) * cr
    y -= np.float32(2 * blue * (1 - blue) / green) * cb
    return [r, y, b]


def luma_and_chroma(
    r: np.ndarray, g: np.ndarray, b: np.ndarray, weights: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the inverse of `red_green_blue`. Spoils r and b."""
    red, blue = weights
    y = np.float32(red) * r
    y += np.float32(1 - red - blue) * g
    y += np.float32(blue) * b
    b -= y
    b *= np.float32(0.5 / (1 - blue))
    r -= y
    r *= np.float32(0.5 / (1 - red))
    return y, b, r


def _luma_and_chroma(rgb: np.ndarray, weights: tuple[float, float], studio: bool) -> _Components:
    """Return those of RGB (h, W, 3), the inverse of `_channels`."""
    r, g, b = (rgb[..., channel] * np.float32(1 / np.iinfo(rgb.dtype).max) for channel in range(3))
    y, cb, cr = luma_and_chroma(r, g, b, weights)
    if studio:
        y -= np.float32(16 / 255)
        for component in (y, cb, cr):
            component *= np.float32(255 / 219)
    return y, cb, cr


def _picture(
    components: Callable[[slice], _Components],
    size: tuple[int, int],
    pix_fmt: str,
    full_range: bool,
    full_chroma: bool = False,
) -> av.VideoFrame:
    """Quantise components into a new picture of ``size`` (height, width); the inverse of `_components`."""
    if pix_fmt.replace("yuvj", "yuv") not in _PLANAR:
        return repacked(_picture(components, size, _nearest_planar(pix_fmt), full_range, full_chroma), pix_fmt)
    bits = depth(pix_fmt)
    black, span, zero, chroma_span = sample_levels(bits, full_range)
    picture = av.VideoFrame(size[1], size[0], pix_fmt)
    planes = stored_planes(picture)
    times = 1 if len(planes) < 3 or planes[1].shape[0] == size[0] else 2
    for rows in _bands(size[0]):
        seen = _seen(rows, times, size[0])
        y, *chromas = components(seen)
        planes[0][rows] = _quantised(y[rows.start - seen.start : rows.stop - seen.start], span, black, 2**bits - 1)
        for plane, chroma in zip(planes[1:3], chromas, strict=False):
            inner = slice(rows.start // times, -(-rows.stop // times))
            if chroma is None:
                plane[inner] = round(zero)
            else:
                shape = -(-chroma.shape[0] // times), plane.shape[1]
                chroma = (averaged if full_chroma else downsampled)(chroma, shape)
                first = inner.start - seen.start // times
                chroma = chroma[first : first + inner.stop - inner.start]
                plane[inner] = _quantised(chroma, chroma_span, zero, 2**bits - 1)
    return picture


def _quantised(values: np.ndarray, span: float, offset: float = 0, peak: float | None = None) -> np.ndarray:
    """Return ``values * span + offset`` rounded to the nearest whole number (not down) and clipped to 0..peak.

    values: float32; returns uint8 if the peak is no more than it holds, else uint16.
    """
    peak = round(span if peak is None else peak)
    kind = cv2.CV_8U if peak <= 255 else cv2.CV_16U
    # In one pass, which rounds and keeps to the range of the type; numpy takes four.
    scaled = cv2.addWeighted(values, span, values, 0, offset, dtype=kind).reshape(values.shape)
    return scaled if peak in (255, 65535) else np.minimum(scaled, scaled.dtype.type(peak), out=scaled)
