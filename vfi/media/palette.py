"""The 256 colours of a GIF: one palette for all of its frames, so that what stands still does not flicker.

FFmpeg's palettegen and paletteuse choose and apply it. An ordered dither stays in its place from frame to frame, where
error diffusion would crawl; measured on film and cartoon, its error is smaller as well. What was a GIF is not dithered
again: in the palette of its own frames, these come out as they were.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain

import av
import numpy as np
from av.filter import Graph

from vfi.media.filters import source, through

_SIZE = 256  # colours
_DITHER = "dither=bayer:bayer_scale=3"


def best_palette(pictures: Iterable[av.VideoFrame], alpha: bool) -> av.VideoFrame:
    """Return the palette for RGBA pictures, at least one; with ``alpha`` one of its colours is transparent."""
    pictures = iter(pictures)
    first = next(pictures)
    graph = Graph()
    entry, exit = source(graph, first), graph.add("buffersink")
    graph.link_nodes(entry, graph.add("palettegen", f"reserve_transparent={int(alpha)}"), exit).configure()
    return list(through(chain([first], pictures), entry, exit))[-1]


def own_palette(pictures: Iterable[av.VideoFrame], alpha: bool) -> av.VideoFrame | None:
    """Return the palette of all colours of RGBA pictures, None if there are too many; ``alpha`` as above."""
    found = np.empty(0, np.uint32)
    for picture in pictures:
        pixels = picture.to_ndarray().reshape(-1, 4)
        found = np.union1d(found, pixels[pixels[:, 3] > 0].view(np.uint32))
        if found.size > _SIZE - alpha:
            return None
    colors = np.zeros(_SIZE, np.uint32)  # what is left over is transparent
    colors[: found.size] = found
    side = math.isqrt(_SIZE)
    return av.VideoFrame.from_ndarray(colors.view(np.uint8).reshape(side, side, 4), "rgba")


def with_palette(
    pictures: Iterable[av.VideoFrame], palette: av.VideoFrame, dither: bool = True
) -> Iterator[av.VideoFrame]:
    """Yield RGBA pictures, at least one, in the colours of a palette; what is mostly transparent is so wholly."""
    pictures = iter(pictures)
    first = next(pictures)
    graph = Graph()
    entry, colors, exit = source(graph, first), source(graph, palette), graph.add("buffersink")
    use = graph.add("paletteuse", _DITHER if dither else "dither=none")
    entry.link_to(use, 0, 0)
    colors.link_to(use, 0, 1)
    use.link_to(exit)
    graph.configure()
    palette.pts = 0
    colors.push(palette)
    colors.push(None)
    yield from through(chain([first], pictures), entry, exit)
