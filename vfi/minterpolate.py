"""FFmpeg's own motion interpolation, the filter minterpolate at its defaults, to measure others by.

It looks one frame back and one ahead of a gap, and makes nothing before the second frame and after the last but one.
A copy of the first frame ahead of it and one of the last behind it make up for that.
"""

import time
from collections.abc import Generator, Iterator
from fractions import Fraction

import av
import numpy as np

from vfi.media import Color
from vfi.media.color import from_rgb, to_rgb
from vfi.remake import Gap, Made

PIX_FMTS = ("yuv420p", "yuv422p", "yuv444p")  # of those that it takes


def minterpolate(pix_fmt: str, color: Color, gaps: Iterator[Gap]) -> Generator[Made]:
    """Remake the frames of every gap; with functools.partial a `Remake`.

    pix_fmt, color: the source's, in which the filter works: a picture that was decoded from it is brought back to it
    without loss, unless its colours were clipped. Raises ValueError unless the times divide all gaps evenly, and into
    the same number of parts.
    """
    graph = None
    seconds, images = 0.0, []
    for count, (image, parts) in enumerate(_with_copies(gaps)):
        began = time.perf_counter()
        if graph is None:
            graph = _open(image, pix_fmt, parts)
        picture = from_rgb(image, pix_fmt, color)
        picture.pts, picture.time_base = count, Fraction(1)
        graph.vpush(picture)
        for made in _ready(graph):
            assert made.pts is not None
            # At whole numbers it repeats what it was given; up to the first there is the copy of the first frame.
            if made.pts > parts and made.pts % parts:
                images.append(to_rgb(made, color))
        seconds += time.perf_counter() - began
        while len(images) >= parts - 1:
            yield Made(images[: parts - 1], seconds)
            images, seconds = images[parts - 1 :], 0.0


def _with_copies(gaps: Iterator[Gap]) -> Iterator[tuple[np.ndarray, int]]:
    """Yield every frame that was kept, the first and the last twice, and into how many parts gaps are divided."""
    parts, last = 0, None
    for gap in gaps:
        if last is None:
            parts = len(gap.times) + 1
            yield gap.before, parts
            yield gap.before, parts
        if gap.times != tuple(Fraction(i, parts) for i in range(1, parts)):
            raise ValueError("minterpolate needs a constant frame rate, and this video's varies: leave it out")
        last = gap.after
        yield last, parts
    if last is not None:
        yield last, parts


def _open(image: np.ndarray, pix_fmt: str, parts: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    # A frame lasts a second on the filter's clock, whatever it does on the film's.
    source = graph.add_buffer(
        width=image.shape[1],
        height=image.shape[0],
        format=pix_fmt,  # type: ignore[arg-type]
        time_base=Fraction(1),
    )
    graph.link_nodes(source, graph.add("minterpolate", fps=str(parts)), graph.add("buffersink")).configure()
    return graph


def _ready(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
