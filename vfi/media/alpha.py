"""Transparency: the alpha of a picture, which is 0 where nothing is seen of it.

Alpha is (H, W), uint8 in 0..255 for formats of up to 8 bits per sample, uint16 in 0..65535 for deeper ones: as RGB of
`vfi.media.color`. RGB is straight as stored, unless it is said to be premultiplied, that is black where alpha is 0.
"""

from __future__ import annotations

import av
import numpy as np

from vfi.media.color import depth, has_alpha, repacked, stored_planes


def alpha_of(picture: av.VideoFrame) -> np.ndarray | None:
    """Return the picture's alpha, None if its format has none."""
    name = picture.format.name
    if not has_alpha(name):
        return None
    if name == "ya8":  # libswscale would change it
        pairs = np.frombuffer(memoryview(picture.planes[0]), np.uint8).reshape(picture.height, -1)
        return pairs[:, 1 : 2 * picture.width : 2].copy()
    planar = repacked(picture, _planar(name))
    plane, bits = stored_planes(planar)[-1], depth(planar.format.name)
    peak = 65535 if bits > 8 else 255
    return plane.copy() if 2**bits - 1 == peak else rescaled(plane, 2**bits - 1, peak)


def with_alpha(picture: av.VideoFrame, alpha: np.ndarray | None, pix_fmt: str) -> av.VideoFrame:
    """Return a picture in the format `opaque_format` gives for ``pix_fmt`` as one of ``pix_fmt``; None is opaque."""
    made = av.VideoFrame(picture.width, picture.height, _planar(pix_fmt))
    *colors, plane = stored_planes(made)
    for target, source in zip(colors, stored_planes(picture), strict=True):
        target[...] = source
    top = 2 ** depth(made.format.name) - 1
    plane[...] = top if alpha is None else rescaled(alpha, np.iinfo(alpha.dtype).max, top)
    return repacked(made, pix_fmt)


def opaque_format(pix_fmt: str) -> str:
    """Return the planar format that holds what a format with transparency does, but for the transparency.

    >>> opaque_format("yuva444p10le"), opaque_format("rgba"), opaque_format("yuv420p")
    ('yuv444p10le', 'gbrp', 'yuv420p')
    """
    return _planar(pix_fmt).replace("yuva", "yuv").replace("gbrap", "gbrp") if has_alpha(pix_fmt) else pix_fmt


def premultiplied(rgb: np.ndarray, alpha: np.ndarray, dtype: type = np.uint16) -> np.ndarray:
    """Return straight RGB (H, W, 3) of the alpha's type as premultiplied, which is the picture over black.

    >>> premultiplied(np.uint8([[[255, 100, 0]]]), np.uint8([[128]]), np.uint8).tolist()
    [[[128, 50, 0]]]
    """
    peak = np.iinfo(rgb.dtype).max
    return rescaled(rgb * (alpha[..., None] / np.float32(peak)), peak, np.iinfo(dtype).max)


def straight(premultiplied: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return premultiplied RGB (H, W, 3), uint8 or uint16, as straight RGB of the alpha's type; nothing is black."""
    share = alpha[..., None] / np.float32(np.iinfo(alpha.dtype).max)
    seen = premultiplied / np.float32(np.iinfo(premultiplied.dtype).max)
    rgb = np.divide(seen, share, out=np.zeros_like(seen), where=share > 0)
    return rescaled(np.minimum(rgb, 1), 1, np.iinfo(alpha.dtype).max)


def rescaled(levels: np.ndarray, peak: float, target: int) -> np.ndarray:
    """Return levels of 0..peak as those of 0..target, rounded; uint8 if they fit."""
    scaled = levels * np.float32(target / peak)
    return np.rint(scaled).astype(np.uint8 if target <= 255 else np.uint16)


def _planar(pix_fmt: str) -> str:
    """Return the format with a plane for each component that holds a format with transparency."""
    layout, deep = av.VideoFormat(pix_fmt), depth(pix_fmt) > 8
    if len({component.plane for component in layout.components}) == len(layout.components):
        return pix_fmt.replace("be", "le")
    if layout.is_rgb or len(layout.components) == 2:
        return "gbrap16le" if deep else "gbrap"
    return "yuva444p16le" if deep else "yuva444p"
