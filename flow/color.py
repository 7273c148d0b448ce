"""Optical flow as colours: the hue tells the direction, the saturation the speed, black where it is unknown.

Flow is (H, W, 2) in pixels, dx (right) then dy (down); pictures are RGB (H, W, 3) uint8. The coding is
Middlebury's, as in most papers: red is motion to the right, yellow down, cyan left, violet up; white is none.
"""

import cv2
import numpy as np

from flow.files import known

# From one pure colour to the next: which channel changes, up or down, and in how many steps, so that the eye sees
# equal differences. Red starts; then green rises to yellow, red falls to green, and so on around to red.
_STEPS = ((1, 1, 15), (0, -1, 6), (2, 1, 4), (1, -1, 11), (0, 1, 13), (2, -1, 6))
LEAST_SCALE = 1.0  # px: where one scale serves many fields, a still film stays white, though its noise seems to move
_EPSILON = 1e-5  # px; keeps a still field from being divided by zero


def _color_wheel() -> np.ndarray:
    """Return the 55 colours (55, 3), 0..1, from motion to the right clockwise."""
    colors, color = [], np.array([255, 0, 0])
    for channel, sign, steps in _STEPS:
        start = color[channel]
        for step in range(steps):
            color[channel] = start + sign * (255 * step // steps)
            colors.append(color.copy())
        color[channel] = start + sign * 255
    return np.array(colors) / np.float32(255)


_WHEEL = _color_wheel().astype(np.float32)


def largest_motion(flow: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Return the speed of the fastest known pixel in pixels, 0 if there is none: the scale of a picture.

    flow (H, W, 2), pixels; valid (H, W) bool. For a video take the largest of all its fields.

    >>> largest_motion(np.array([[[3., 4.], [np.nan, 0.]]]))
    5.0
    """
    mask = known(flow, valid)
    return float(np.hypot(flow[..., 0], flow[..., 1]).max(initial=0, where=mask))


def flow_to_color(flow: np.ndarray, valid: np.ndarray | None = None, max_flow: float | None = None) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 RGB of a field.

    flow (H, W, 2), pixels; valid (H, W) bool; unknown pixels are black. ``max_flow`` is the speed in pixels of the
    full colours, one for all frames of a video, else it flickers; without it, the fastest known pixel's. What is
    faster is darker by a quarter. Raises ValueError for other shapes and for a ``max_flow`` that is not positive.
    Source: Baker 2011, doi:10.1007/s11263-010-0390-2, and its code; that cuts levels off where this rounds them.

    >>> flow_to_color(np.array([[[8., 0.], [-8., 0.], [0., 0.], [np.nan, 0.]]])).tolist()
    [[[255, 0, 0], [0, 209, 255], [255, 255, 255], [0, 0, 0]]]
    """
    mask = known(flow, valid)
    if max_flow is None:
        max_flow = largest_motion(flow, valid)
    elif not 0 < max_flow < np.inf:
        raise ValueError(f"max_flow is {max_flow}: give a speed above 0 in pixels, or None for the largest")
    scale = np.float32(max_flow + _EPSILON)
    dx, dy = (np.where(mask, flow[..., channel], 0).astype(np.float32) / scale for channel in (0, 1))
    speed = np.sqrt(dx * dx + dy * dy)
    # Of the 55 colours the last is not blended into the first: the wheel has a seam just above motion to the right.
    place = (np.arctan2(-dy, -dx) / np.float32(np.pi) + 1) * np.float32((len(_WHEEL) - 1) / 2)
    before = place.astype(np.intp)
    after, share = (before + 1) % len(_WHEEL), place - before.astype(np.float32)
    within = speed <= 1 + 1e-6  # the fastest pixel is, whatever float32 makes of it
    picture = np.empty((*mask.shape, 3), np.uint8)
    for channel, wheel in enumerate(_WHEEL.T):
        hue = wheel[before] + share * (wheel[after] - wheel[before])
        picture[..., channel] = np.rint(255 * np.where(within, 1 - speed * (1 - hue), 0.75 * hue))
    picture[~mask] = 0
    return picture


def color_legend(size: int = 151) -> np.ndarray:
    """Return the key to the colours (size, size, 3) uint8 RGB: the disc of all motions, each where it points to.

    The centre is at rest, the rim moves at ``max_flow``; outside the disc it is white. Raises ValueError if ``size``
    is less than 3.

    >>> color_legend(3).tolist()[1]
    [[0, 209, 255], [255, 255, 255], [255, 0, 0]]
    """
    if size < 3:
        raise ValueError(f"size is {size}: a legend needs 3 pixels or more")
    axis = np.linspace(-1, 1, size)
    motion = np.stack(np.meshgrid(axis, axis), axis=2)
    picture = flow_to_color(motion, max_flow=1)
    picture[np.hypot(motion[..., 0], motion[..., 1]) > 1] = 255
    return picture


def add_legend(picture: np.ndarray, max_flow: float) -> np.ndarray:
    """Return the picture (H, W, 3) uint8 RGB with the key to its colours on a white strip at its right.

    ``max_flow`` is the speed of the full colours in pixels, written below the key. The strip is 110 pixels wide; a
    lower picture is made as high as the key.

    >>> add_legend(np.zeros((200, 300, 3), np.uint8), 12.5).shape
    (200, 410, 3)
    """
    height, width = picture.shape[:2]
    size, margin, line = 90, 10, 20
    drawn = np.full((max(height, size + line + 2 * margin), width + size + 2 * margin, 3), 255, np.uint8)
    drawn[:height, :width] = picture
    left = width + margin
    drawn[margin : margin + size, left : left + size] = color_legend(size)
    place = (left, margin + size + line)
    cv2.putText(drawn, f"{max_flow:.3g} px", place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return drawn
