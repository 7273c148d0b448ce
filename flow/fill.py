"""Flow filled where one of the frames hides what the other shows: there nothing can be matched, and DIS guesses.

What is hidden moves as the rest of its surface does, which is near and looks alike.
"""

import cv2
import numpy as np

from flow.dis import dis_flow

AGREED = 1.0  # pixels that the way there and back may miss its start by
LINES = 96  # short side of the grid that is filled
REACH, STEP = 6, 3  # of that grid: known places are looked for up to 6 steps of 3 pixels away, up and down and sideways
NEAR = 8.0  # pixels of the grid: deviation of the weight of what is known, by its distance
ALIKE = 0.045 * 255  # levels: and by its colour
_CORE = np.ones((3, 3), np.uint8)  # at the edge of what is known, the flow is half of what lies behind
_FAINT = 1e-4  # of the weight of what is alike, that of all else
_ENOUGH = 0.02  # weight of one alike at the end of its reach, and more than that of all else together


def dis_filled_flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return what `dis_flow` does, filled where the flow back contradicts it, refined by DIS and filled again.

    first, second: (H, W, 3) uint8 RGB of any size, one like the other; returns (H, W, 2) float32 in pixels. Takes some
    fourteen times as long as one such DIS. Raises ValueError if the sizes differ.

    >>> image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    >>> image = cv2.GaussianBlur(image, (0, 0), 2)
    >>> float(dis_filled_flow(image, np.roll(image, 3, axis=1))[:, :, 0].mean().round(1))
    3.0
    """
    there, back = dis_flow(first, second, patch_stride=2), dis_flow(second, first, patch_stride=2)
    # Patches at the edge of something that moves now begin with either motion.
    guess, guess_back = fill(there, agreed(there, back), first), fill(back, agreed(back, there), second)
    there = dis_flow(first, second, patch_stride=2, guess=guess)
    back = dis_flow(second, first, patch_stride=2, guess=guess_back)
    return fill(there, agreed(there, back), first)


def agreed(flow: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Return where a flow leads to a place of the other frame from which the flow back returns, (H, W) bool.

    Both flows (H, W, 2) float32 in pixels.
    """
    # torch takes a second to import, and what only looks up names here needs none of it.
    from flow.warp import look_up

    height, width = flow.shape[:2]
    missed = np.linalg.norm(flow + look_up(back, flow), axis=2)
    x, y = np.arange(width) + flow[..., 0], np.arange(height)[:, None] + flow[..., 1]
    within = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return (missed < AGREED) & within


def fill(flow: np.ndarray, known: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return the flow with what is not known taken from what is, by its nearness and likeness in the image.

    flow (H, W, 2) float32 in pixels, known (H, W) bool, image (H, W, 3) uint8; returns (H, W, 2) float32. Where nothing
    is known at all the flow is as it was. Source: the weights are those of Petschnigg 2004, doi:10.1145/1186562.1015777
    (joint bilateral filter), and Kopf 2007, doi:10.1145/1275808.1276497, for the coarser grid.

    >>> grey, known = np.full((9, 9, 3), 128, np.uint8), np.ones((9, 9), bool)
    >>> known[:, 5:] = False
    >>> flow = np.where(known[..., None], np.float32([2, -1]), 99).astype(np.float32)
    >>> fill(flow, known, grey)[4, 8]
    array([ 2., -1.], dtype=float32)
    """
    known = cv2.erode(known.astype(np.uint8), _CORE)
    if not known.any() or known.all():
        return flow
    height, width = known.shape
    scale = max(1, round(min(height, width) / LINES))
    size = max(1, width // scale), max(1, height // scale)
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(flow * known[..., None], size, interpolation=cv2.INTER_AREA) / np.maximum(share, 1e-6)[..., None]
    well = share > (0.5 if share.max() > 0.5 else 0)
    filled = _fill_grid(small, well, cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32))
    smooth = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(known[..., None] > 0, flow, smooth)


def _fill_grid(flow: np.ndarray, known: np.ndarray, image: np.ndarray) -> np.ndarray:
    """As `fill`, at the size of the flow and with an image of floats; each round reaches further into the unknown."""
    height, width = known.shape
    while not known.all():
        rows, columns = np.nonzero(~known)
        total, weight = np.zeros((len(rows), 2), np.float32), np.zeros(len(rows), np.float32)
        for down, across in _offsets():
            y, x = rows + down, columns + across
            there = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            y, x = y.clip(0, height - 1), x.clip(0, width - 1)
            unlike = np.square(image[y, x] - image[rows, columns]).sum(axis=1)
            near = np.exp(-(down**2 + across**2) / (2 * NEAR**2))
            share = near * (np.exp(-unlike / (2 * ALIKE**2)) + _FAINT) * (there & known[y, x])
            total += share[:, None] * flow[y, x]
            weight += share
        # What nothing alike is near waits for others of its kind, unless there are none.
        found = weight > (_ENOUGH if weight.max() > _ENOUGH else 0)
        flow[rows[found], columns[found]] = total[found] / weight[found, None]
        known[rows[found], columns[found]] = True
    return flow


def _offsets() -> list[tuple[int, int]]:
    steps = [STEP * i for i in range(-REACH, REACH + 1)]
    # With the nearest neighbours every round gets further, however little is known.
    return [(down, across) for group in (steps, (-1, 0, 1)) for down in group for across in group if down or across]
