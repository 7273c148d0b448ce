"""Descriptor matching: what the pyramid of an optical flow lost, looked for in the whole of the other image.

A coarse-to-fine estimator finds a motion only if the thing that moves still shows where its motion is small. Things
that move further than they are large are lost, and leave a trace: there the flow does not explain the image. Those
places alone are matched by the looks of the patch around them. Source: Brox and Malik 2011, "Large displacement
optical flow: descriptor matching in variational motion estimation".
"""

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np

from flow.warp import look_up

LINES = 90  # short side at which patches are matched
PATCH = 7  # their side there
FAINT = 20.0  # contrast below which a patch is too flat to be told from others: the norm of its waves, in levels
QUERIES = 1200  # places to match at most: beyond, every second one or fewer, in rows and columns
UNEXPLAINED = 12.0  # levels by which the warped image must miss, for a place to be lost
ALIKE = 0.65  # least correlation of matching patches
BETTER = 0.7  # the match must leave less than this of what the flow left unexplained
_MEAN = np.full((1, 3), 1 / 3, np.float32)
SMALLEST = 5  # pixels: matched places smaller than this in either direction are chance
_COLOURS = ((1, 1, 1), (1, 0, -1), (1, -2, 1))  # brightness, and two that are apart from it and from each other


def _waves(counts: Sequence[int]) -> np.ndarray:
    """Return the longest waves of a patch, (N, 3, PATCH, PATCH) float32: so many across and down of each colour.

    They are those of the discrete cosine transform, orthonormal, without the mean.
    """
    places = 2 * np.arange(PATCH) + 1
    lines = np.cos(np.pi / (2 * PATCH) * np.arange(PATCH)[:, None] * places)
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    colours = np.array(_COLOURS) / np.linalg.norm(_COLOURS, axis=1, keepdims=True)
    return np.stack(
        [
            np.einsum("c,y,x->cyx", colour, lines[down], lines[across])
            for colour, count in zip(colours, counts, strict=True)
            for down, across in np.ndindex(count, count)
            if down + across > 0
        ]
    ).astype(np.float32)


# A third of what makes up a patch, which finds what all of it does in less than half of the time.
WAVES = _waves((5, 4, 4))


class Patches:
    """An image (H, W, 3) uint8, with the looks of the patch around each place."""

    def __init__(self, image: np.ndarray) -> None:
        height, width = image.shape[:2]
        self.image, self.scale = image, max(1, round(min(height, width) / LINES))
        self.size = max(1, round(width / self.scale)), max(1, round(height / self.scale))  # width, height

    @cached_property
    def half(self) -> "Patches":
        """Those of the image half as large, its sides rounded up."""
        height, width = self.image.shape[:2]
        size = (width + 1) // 2, (height + 1) // 2
        return Patches(cv2.resize(self.image, size, interpolation=cv2.INTER_AREA))

    @cached_property
    def descriptors(self) -> np.ndarray:
        """(len(WAVES), h * w) float32: what each patch has of every wave, at unit length unless it is flat."""
        (width, height), margin = self.size, PATCH // 2
        small = cv2.resize(self.image, self.size, interpolation=cv2.INTER_AREA).astype(np.float32)
        padded = cv2.copyMakeBorder(small, margin, margin, margin, margin, cv2.BORDER_REPLICATE).transpose(2, 0, 1)
        patches = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
        found = np.tensordot(WAVES, patches, axes=3).reshape(len(WAVES), -1)
        return found / (np.linalg.norm(found, axis=0) + FAINT)


def match_lost(first: Patches, second: Patches, flow: np.ndarray) -> np.ndarray | None:
    """Return the flow with matches in the places that it lost; None if there are none, or none could be matched.

    flow: (H, W, 2) float32 from the first image to the second, as large, in pixels. Matches are coarse, a guess for an
    estimator to refine. They are those that are found both ways and explain the image clearly better than the flow
    does.

    >>> image = Patches(np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8))
    >>> match_lost(image, image, np.zeros((90, 120, 2), np.float32)) is None
    True
    """
    (height, width), size, scale = flow.shape[:2], first.size, first.scale
    left = _unexplained(first.image, second.image, flow, PATCH * scale)
    lost = cv2.resize((left > UNEXPLAINED).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    # Behind the edges of all that moves there are places a pixel wide that no match could pass for.
    lost = cv2.morphologyEx(lost.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
    if not lost.any():
        return None
    queries, step = _spread(lost)
    matched, shifts = _match(first.descriptors, second.descriptors, queries, size)
    if not matched.any():
        return None
    # A match holds for its cell of the grid of queries.
    distance, nearest = cv2.distanceTransformWithLabels(
        (~matched).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    by_label = np.zeros((nearest.max() + 1, 2), np.float32)
    by_label[nearest[matched]] = shifts[matched]
    near = (distance <= 0.75 * step).astype(np.float32)
    cells = cv2.resize(np.dstack([by_label[nearest], near]), (width, height), interpolation=cv2.INTER_NEAREST)
    guess = cells[..., :2] * np.array([width / size[0], height / size[1]], np.float32)
    better = (cells[..., 2] > 0) & (_unexplained(first.image, second.image, guess, 2 * scale + 1) < BETTER * left)
    better = cv2.morphologyEx(better.astype(np.uint8), cv2.MORPH_OPEN, np.ones((SMALLEST, SMALLEST), np.uint8)) > 0
    return np.where(better[..., None], guess, flow) if better.any() else None


def _unexplained(first: np.ndarray, second: np.ndarray, flow: np.ndarray, window: int) -> np.ndarray:
    """Mean difference in a window around each pixel, in levels (H, W), between the first image and what flow finds."""
    difference = cv2.transform(cv2.absdiff(look_up(second, flow), first).astype(np.float32), _MEAN)
    return cv2.blur(difference, (window, window))


def _spread(lost: np.ndarray) -> tuple[np.ndarray, int]:
    """Indices of lost places on the sparsest grid that they need, at most about `QUERIES`, and its step."""
    step = max(1, int(np.ceil(np.sqrt(np.count_nonzero(lost) / QUERIES))))
    chosen = np.zeros_like(lost)
    grid = (slice(step // 2, None, step),) * 2
    chosen[grid] = lost[grid]
    return np.flatnonzero(chosen), step


def _match(
    first: np.ndarray, second: np.ndarray, queries: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which places are matched (h, w), and by how much they are shifted there (h, w, 2) float32."""
    width, height = size
    likeness = first[:, queries].T @ second
    found = likeness.argmax(axis=1)
    alike = likeness[np.arange(len(queries)), found] > ALIKE
    queries, found = queries[alike], found[alike]
    returned = (second[:, found].T @ first).argmax(axis=1)
    mutual = (abs(returned % width - queries % width) <= 1) & (abs(returned // width - queries // width) <= 1)
    queries, found = queries[mutual], found[mutual]
    matched, shifts = np.zeros(height * width, bool), np.zeros((height * width, 2), np.float32)
    matched[queries] = True
    shifts[queries] = np.stack([found % width - queries % width, found // width - queries // width], axis=1)
    return matched.reshape(height, width), shifts.reshape(height, width, 2)
