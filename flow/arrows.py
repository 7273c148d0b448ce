"""Arrows over a frame: where a few of its points move to.

Frames are RGB (H, W, 3), uint8 or uint16; flow is (H, W, 2) in pixels of the frame, dx (right) then dy (down).
"""

import math

import cv2
import numpy as np

from flow.files import known

_FRACTION = 4  # bits after the point in OpenCV's coordinates: arrows end at sixteenths of a pixel
_TIP = 0.3  # of an arrow's length, but at most ...
_LONGEST_TIP = 6.0  # pixels, so that long arrows keep small heads


def draw_arrows(
    image: np.ndarray,
    flow: np.ndarray,
    valid: np.ndarray | None = None,
    *,
    spacing: int = 16,
    scale: float = 1.0,
    threshold: float = 0.5,
    color: tuple[int, int, int] = (255, 255, 0),
    thickness: int = 1,
) -> np.ndarray:
    """Return a new image with an arrow from every ``spacing``-th known pixel that moves by more than ``threshold``.

    image (H, W, 3) uint8 or uint16 RGB; flow (H, W, 2), pixels; valid (H, W) bool. An arrow is ``scale`` times as long
    as the motion; ``threshold`` is in pixels of motion, ``color`` RGB in 0..255. The grid of arrows is centred.
    Raises ValueError if the sizes differ, the image is of another kind, or ``spacing``, ``scale`` or ``thickness``
    is not positive.

    >>> flow = np.zeros((9, 21, 2))
    >>> flow[..., 0] = 6
    >>> drawn = draw_arrows(np.zeros((9, 21, 3), np.uint8), flow, spacing=21)
    >>> (drawn[4, 9:18, 0] > 128).astype(int).tolist()
    [0, 1, 1, 1, 1, 1, 1, 1, 0]
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"image is {image.shape} of {image.dtype}: give (height, width, 3), uint8 or uint16")
    mask = known(flow, valid)
    height, width = mask.shape
    if image.shape[:2] != mask.shape:
        raise ValueError(f"image is {image.shape[:2]} but flow is {mask.shape} (height, width): bring them to one size")
    if spacing < 1 or thickness < 1 or not 0 < scale < math.inf:
        raise ValueError(
            f"spacing is {spacing}, thickness {thickness} and scale {scale}: give positive numbers, the first two whole"
        )
    drawn = np.ascontiguousarray(image).copy()
    level = 257 if image.dtype == np.uint16 else 1
    paint = tuple(level * value for value in color)
    leaves = 2 * math.hypot(height, width)  # an arrow of this length ends outside, however much longer it is
    for y in range((height - 1) % spacing // 2, height, spacing):
        for x in range((width - 1) % spacing // 2, width, spacing):
            motion = math.hypot(*flow[y, x]) if mask[y, x] else 0.0
            if motion <= threshold:
                continue
            length = scale * motion
            shown = min(length, leaves)
            start = (x << _FRACTION, y << _FRACTION)
            end = tuple(
                round((at + float(step) * shown / motion) * 2**_FRACTION)
                for at, step in zip((x, y), flow[y, x], strict=True)
            )
            cv2.arrowedLine(
                drawn, start, end, paint, thickness, cv2.LINE_AA, _FRACTION, min(_TIP, _LONGEST_TIP / shown)
            )
    return drawn
