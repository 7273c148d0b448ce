"""New frames between frames with transparency, by an interpolator that knows only colours.

Colours are interpolated premultiplied, as 16 bits, and alpha as a picture of its own: what is hidden never shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

import numpy as np

from vfi.media import Frame
from vfi.media.alpha import premultiplied, straight

Made = Iterable[tuple[np.ndarray, "float | None"]]
"""New images, RGB (H, W, 3), uint8 or uint16, each with the confidence in it."""


def between_transparent(before: Frame, after: Frame, make: Callable[[np.ndarray, np.ndarray], Made]) -> Made:
    """Yield the images between two frames with alpha: RGB with straight alpha (H, W, 4), of the frames' type.

    ``make`` returns the images between two images; it is asked twice, but only once where the two alphas are the same.
    """
    one, other = before.alpha, after.alpha
    assert one is not None
    assert other is not None
    colors = make(premultiplied(before.rgb, one), premultiplied(after.rgb, other))
    alphas = repeat(one) if np.array_equal(one, other) else _between_alphas(one, other, make)
    for (color, confidence), alpha in zip(colors, alphas, strict=False):
        yield np.dstack([straight(color, alpha), alpha]), confidence


def _between_alphas(
    one: np.ndarray, other: np.ndarray, make: Callable[[np.ndarray, np.ndarray], Made]
) -> Iterator[np.ndarray]:
    for grey, _ in make(*(np.repeat(alpha[..., None], 3, axis=2) for alpha in (one, other))):
        yield np.rint(grey.mean(axis=2, dtype=np.float32)).astype(one.dtype)
