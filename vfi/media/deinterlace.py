"""Frames from interlaced pictures, each of which holds two moments in every other of its lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal, get_args

import av
from av.filter import Graph

from vfi.media.filters import drained, source
from vfi.media.frame import Frame

Deinterlace = Literal["off", "frame", "field"]
"""Leave pictures as they are, make one frame of each, or one of each of its two fields, at twice the rate."""
Parity = Literal["auto", "tff", "bff"]
"""Which field comes first: as each picture says, the top or the bottom one."""


def interlaced_refusal(name: str) -> str:
    """Say why interlaced pictures are refused, and the way out."""
    return (
        f"{name} is interlaced, each picture holds two moments: make a frame of each moment with vfi upsample"
        " --deinterlace field, or one of both with --deinterlace frame (FFmpeg's bwdif)"
    )


def check_deinterlace(mode: str) -> None:
    """Raise ValueError for what is no `Deinterlace`."""
    if mode not in get_args(Deinterlace):
        raise ValueError(f"there is no way {mode!r} to deinterlace: use {', '.join(get_args(Deinterlace))}")


def deinterlaced(frames: Iterable[Frame], mode: Deinterlace, parity: Parity = "auto") -> Iterator[Frame]:
    """Yield frames made by FFmpeg's bwdif of decoded interlaced ones, or these as they are if the mode is "off"."""
    if mode == "off":
        yield from frames
        return
    waiting: deque[Frame] = deque()  # for what the filter makes of them; it looks one picture ahead
    bwdif: _Bwdif | None = None
    second = False

    def made(pictures: Iterator[av.VideoFrame]) -> Iterator[Frame]:
        nonlocal second
        for picture in pictures:
            frame = waiting[0]
            time = frame.time + frame.duration / 2 if second else frame.time
            length = frame.duration / 2 if mode == "field" else frame.duration
            second = mode == "field" and not second
            if not second:
                waiting.popleft()
            picture.pict_type = 0
            yield replace(frame, time=time, duration=length, picture=picture)

    for number, frame in enumerate(frames):
        picture = frame.picture
        assert picture is not None
        picture.pts = number  # which no filter may find uneven
        bwdif = bwdif or _Bwdif(picture, mode, parity)
        waiting.append(frame)
        yield from made(bwdif.push(picture))
    if bwdif is not None:
        yield from made(bwdif.push(None))


class _Bwdif:
    """The filter; the graph is kept here, for PyAV frees it although its ends are still in use."""

    def __init__(self, picture: av.VideoFrame, mode: Deinterlace, parity: Parity) -> None:
        self._graph = Graph()
        self._entry, self._exit = source(self._graph, picture), self._graph.add("buffersink")
        bwdif = self._graph.add("bwdif", f"mode=send_{mode}:parity={parity}:deint=all")
        self._graph.link_nodes(self._entry, bwdif, self._exit).configure()

    def push(self, picture: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Take the next picture, or None at the end; yield what is finished."""
        self._entry.push(picture)
        return drained(self._exit)
