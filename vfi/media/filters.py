"""FFmpeg's filters on pictures as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import av
from av.filter import Graph
from av.filter.context import FilterContext


def source(graph: Graph, picture: av.VideoFrame) -> FilterContext:
    """Add to a graph where pictures like the given one go in."""
    base = picture.time_base
    described = {
        "video_size": f"{picture.width}x{picture.height}",
        "pix_fmt": picture.format.name,
        "time_base": f"{base.numerator}/{base.denominator}" if base else "1/1000",
        "colorspace": str(picture.colorspace),
        "range": str(picture.color_range),
    }
    return graph.add("buffer", ":".join(f"{key}={value}" for key, value in described.items()))


def through(pictures: Iterable[av.VideoFrame], entry: FilterContext, exit: FilterContext) -> Iterator[av.VideoFrame]:
    """Push every picture into a configured graph, and yield what comes out. Raises av.FFmpegError."""
    for picture in pictures:
        entry.push(picture)
        yield from drained(exit)
    entry.push(None)
    yield from drained(exit)


def drained(exit: FilterContext) -> Iterator[av.VideoFrame]:
    """Yield what can be had of a graph without pushing more into it."""
    while True:
        try:
            picture: Any = exit.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield picture
