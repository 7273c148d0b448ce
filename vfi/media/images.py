"""Still images: RGB (H, W, 3), uint8 in 0..255 or uint16 in 0..65535."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from vfi.media.errors import MediaError


def read_image(path: Path) -> np.ndarray:
    """Return an image file as RGB (H, W, 3), uint8, or uint16 if it has 16 bits per sample.

    Grey becomes RGB, transparency is left out. Raises MediaError if the file is missing or no image.
    """
    if not path.is_file():
        raise MediaError(f"{path} does not exist: check the name")
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread fails on some names, for example on Windows
    except PermissionError as error:
        raise MediaError(f"{path} may not be read: ask for permission to read it") from error
    return decode_image(data, str(path))


def decode_image(data: np.ndarray, name: str) -> np.ndarray:
    """Return an image from the bytes of its file (N,) uint8, as `read_image` does; ``name`` is what errors call it."""
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR
    with _silence():
        image = cv2.imdecode(data, flags) if data.size else None
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise MediaError(f"{name} is no image of 8 or 16 bits that can be read: give a PNG, JPEG or TIFF file")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


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
    """Write RGB (H, W, 3), uint8 or uint16, in the format of the name's ending; PNG and TIFF keep 16 bits.

    Raises MediaError if the format is unknown, cannot hold 16 bits, or the file cannot be written.
    """
    if image.dtype == np.uint16 and path.suffix.lower() not in (".png", ".tif", ".tiff"):
        raise MediaError(f"{path.suffix} holds 8 bits per sample and the image has 16: write a .png")
    try:
        done, data = cv2.imencode(path.suffix or ".?", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
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
