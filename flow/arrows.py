"""Arrows over a frame: where a few of its points move to.

Frames are RGB (H, W, 3), uint8 or uint16; flow is (H, W, 2) in pixels of the frame, dx (right) then dy (down).
"""

import math

import cv2
import numpy as np

from flow.files import known
from flow.warp import look_up

_FRACTION = 4  # bits after the point in OpenCV's coordinates: arrows end at sixteenths of a pixel
_TIP = 0.3  # of an arrow's length, but at most ...
_LONGEST_TIP = 6.0  # pixels, so that long arrows keep small heads
# In pure noise the change of a patch stays below 3.3 times the median of what is left of it once the flow is undone.
_BEYOND_NOISE = 6.0
_UNSEEN = 0.25  # squared levels: what compression alone makes of a still scene
_PATCH = 9  # grains, side of the patches whose change is looked at


def evident_motion(first: np.ndarray, second: np.ndarray, flow: np.ndarray, grain: float = 1.0) -> np.ndarray:
    """Return where the images differ by more than their noise, (H, W) bool: elsewhere a flow is a guess.

    first, second (H, W, 3) uint8 RGB; flow (H, W, 2), pixels, from the first to the second. An estimator finds motion
    in the noise of a dark scene too, since noise always resembles itself a little somewhere near. The noise is told
    from what is left of the difference once the flow is undone. ``grain`` is the side in pixels of what was a pixel
    of the camera, where the images were enlarged. Raises ValueError if the sizes differ.

    >>> image = np.zeros((40, 40, 3), np.uint8)
    >>> moved, flow = image.copy(), np.full((40, 40, 2), 2.)
    >>> moved[20, 20] = 200
    >>> found = evident_motion(image, moved, flow)
    >>> bool(found[20, 20]), bool(found[5, 5])
    (True, False)
    """
    if first.shape != second.shape or first.shape[:2] != flow.shape[:2]:
        raise ValueError(
            f"the images are {first.shape} and {second.shape}, the flow {flow.shape}: bring them to one size"
        )
    one, other = (
        cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), grain)
        for image in (first, second)
    )
    there = np.where(known(flow)[..., None], flow, 0).astype(np.float32)
    back = look_up(other, there)
    side = round(_PATCH * grain)
    change, left = (cv2.blur((image - one) ** 2, (side, side)) for image in (other, back))
    found: np.ndarray = change > max(_BEYOND_NOISE * float(np.median(left)), _UNSEEN)
    return found


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
    """Return a new image with an arrow in each square of ``spacing`` pixels where any moves by more than ``threshold``.

    The arrow begins at the known pixel in the middle of its square or, if that rests, at the fastest one: what is
    smaller than a square is shown too. The grid of squares is centred. image (H, W, 3) uint8 or uint16 RGB; flow
    (H, W, 2), pixels; valid (H, W) bool. An arrow is ``scale`` times as long as the motion; ``threshold`` is in pixels
    of motion, ``color`` RGB in 0..255. Raises ValueError if the sizes differ, the image is of another kind, or
    ``spacing``, ``scale`` or ``thickness`` is not positive.

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
    speed = np.hypot(*np.moveaxis(np.where(mask[..., None], flow, 0).astype(np.float64), 2, 0))
    for row in range((height - 1) % spacing // 2, height, spacing):
        for column in range((width - 1) % spacing // 2, width, spacing):
            y, x = row, column
            if speed[y, x] <= threshold:
                top, left = max(0, row - spacing // 2), max(0, column - spacing // 2)
                square = speed[top : row - spacing // 2 + spacing, left : column - spacing // 2 + spacing]
                down, right = np.unravel_index(square.argmax(), square.shape)
                y, x = top + int(down), left + int(right)
            motion = float(speed[y, x])
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
