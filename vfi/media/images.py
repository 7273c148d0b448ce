"""Still images: RGB (H, W, 3) or with alpha (H, W, 4), uint8 in 0..255 or uint16 in 0..65535."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from vfi.media.errors import MediaError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp")
_DEEP_SUFFIXES = (".png", ".tif", ".tiff")
_ALPHA_SUFFIXES = (".png", ".tif", ".tiff", ".webp")
_QUALITY = {".webp": [cv2.IMWRITE_WEBP_QUALITY, 101]}  # beyond 100 is lossless


def holds_alpha(suffix: str) -> bool:
    """Tell whether images of this ending hold transparency."""
    return suffix.lower() in _ALPHA_SUFFIXES


def holds_16_bits(suffix: str) -> bool:
    """Tell whether images of this ending hold 16 bits per sample."""
    return suffix.lower() in _DEEP_SUFFIXES


def read_image(path: Path, alpha: bool = False) -> np.ndarray:
    """Return an image file as RGB (H, W, 3), uint8, or uint16 if it has 16 bits per sample.

    Grey becomes RGB. Transparency is left out, or with ``alpha`` follows as the fourth channel, opaque where the image
    has none. Raises MediaError if the file is missing or no image.
    """
    if not path.is_file():
        raise MediaError(f"{path} does not exist: check the name")
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread fails on some names, for example on Windows
    except PermissionError as error:
        raise MediaError(f"{path} may not be read: ask for permission to read it") from error
    return decode_image(data, str(path), alpha)


def decode_image(data: np.ndarray, name: str, alpha: bool = False) -> np.ndarray:
    """Return an image from the bytes of its file (N,) uint8, as `read_image` does; ``name`` is what errors call it."""
    flags = cv2.IMREAD_UNCHANGED if alpha else cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR
    with _silence():
        image = (
            cv2.imdecode(data, flags) if data.size and not cut_png(data[:4].tobytes(), data[-4096:].tobytes()) else None
        )
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise MediaError(f"{name} is no image of 8 or 16 bits that can be read: give a PNG, JPEG or TIFF file")
    if not alpha:
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    channels = 1 if image.ndim == 2 else image.shape[2]
    codes = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}
    return cv2.cvtColor(image, codes[channels])


def cut_png(start: bytes, end: bytes) -> bool:
    """Tell by its start and end a PNG that was cut short: libpng complains of it on the terminal, Pillow not always."""
    return start.startswith(b"\x89PNG") and b"IEND" not in end


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep OpenCV from writing to the terminal: what is wrong is raised."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def write_image(path: Path, image: np.ndarray) -> None:
    """Write RGB (H, W, 3) or with alpha (H, W, 4), uint8 or uint16, in the format of the name's ending.

    PNG and TIFF keep 16 bits; they and WebP are lossless and keep alpha. Raises MediaError if the format is unknown,
    cannot hold 16 bits or alpha, or the file cannot be written.
    """
    if image.dtype == np.uint16 and not holds_16_bits(path.suffix):
        raise MediaError(f"{path.suffix} holds 8 bits per sample and the image has 16: write a .png")
    if image.shape[2] == 4 and not holds_alpha(path.suffix):
        raise MediaError(f"{path.suffix} holds no transparency: write a .png")
    turned = cv2.cvtColor(image, cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    try:
        done, data = cv2.imencode(path.suffix or ".?", turned, _QUALITY.get(path.suffix.lower(), []))
    except cv2.error:
        done = False
    if not done:
        raise MediaError(f"{path.suffix or path.name} is no image format that can be written: use .png")
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(data.tobytes())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise MediaError(f"{path} cannot be written ({error.strerror}): choose another folder") from error


def eight_bit(image: np.ndarray) -> np.ndarray:
    """Return uint8 levels for uint8 or uint16 ones, rounded."""
    return image if image.dtype == np.uint8 else ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)


def upright(image: np.ndarray, rotation: int) -> np.ndarray:
    """Return a picture (H, W, C) as it is shown: ``rotation`` degrees counter-clockwise, to the nearest quarter."""
    return np.ascontiguousarray(np.rot90(image, round(rotation / 90)))
