"""How far a new frame is from what its neighbours hold: no true frame is needed to find what is torn or made up."""

import cv2
import numpy as np

from flow.dis import dis_flow
from flow.warp import look_up

WIDTH = 640  # pixels, to which frames are reduced: a flow at full size would take longer than the film


def doubt(new: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return by how many levels each pixel of a new frame differs from what is there in either neighbour.

    new, before, after: luma (H, W) uint8; returns (h, w) uint8, reduced to `WIDTH` if it is wider. What moves is looked
    up along DIS flow from the new frame to each neighbour, and the nearer of the two counts: what one of them hides is
    no fault. Ghosts, tears and smears are in neither.

    >>> image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8), (0, 0), 2)
    >>> shifted = [np.roll(image, step, axis=1) for step in (-2, 0, 2)]
    >>> int(doubt(shifted[1], shifted[0], shifted[2])[16:48, 16:48].max()) < 8
    True
    """
    frame, *neighbours = (_reduced(image) for image in (new, before, after))
    along = (_looked_up(frame, neighbour) for neighbour in neighbours)
    first, second = (cv2.absdiff(frame, found) for found in along)
    return np.minimum(first, second)


def _looked_up(frame: np.ndarray, neighbour: np.ndarray) -> np.ndarray:
    first, second = (cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) for image in (frame, neighbour))
    return look_up(neighbour, dis_flow(first, second))


def _reduced(image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    if width <= WIDTH:
        return image
    return cv2.resize(image, (WIDTH, max(1, round(height * WIDTH / width))), interpolation=cv2.INTER_AREA)
