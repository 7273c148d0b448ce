"""FFmpeg's own motion interpolation, the filter minterpolate, to measure others by.

It looks one frame back and one ahead of a gap, and makes nothing before the second frame and after the last but one.
A copy of the first frame ahead of it and one of the last behind it make up for that.
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import numpy as np

from vfi.media import Color, Encoding, Frame, MediaError, VideoReader, VideoWriter
from vfi.media.color import from_rgb, to_rgb
from vfi.remake import Gap, Made
from vfi.timing import Factor

Item = TypeVar("Item")

PIX_FMTS = ("yuv420p", "yuv422p", "yuv444p")  # of those that it takes
MODES: dict[str, dict[str, str]] = {  # its options beside the rate
    "minterpolate": {},
    "minterpolate-best": {"mc_mode": "aobmc", "me_mode": "bidir", "vsbmc": "1"},
}
VARIES = "minterpolate needs a constant frame rate, and this video's varies: leave it out"


def minterpolate(pix_fmt: str, color: Color, mode: str, gaps: Iterator[Gap]) -> Generator[Made]:
    """Remake the frames of every gap; with functools.partial a `Remake`.

    pix_fmt, color: the source's, in which the filter works: a picture that was decoded from it is brought back to it
    without loss, unless its colours were clipped; mode: one of `MODES`. Raises ValueError unless the times divide all
    gaps evenly, and into the same number of parts.
    """
    motion = None
    seconds, images = 0.0, []
    for image, parts in _with_copies(_kept(gaps)):
        began = time.perf_counter()
        motion = motion or Motion(parts, mode)
        for place, made in motion.take(from_rgb(image, pix_fmt, color)):
            if place % parts:
                images.append(to_rgb(made, color))
        seconds += time.perf_counter() - began
        while len(images) >= parts - 1:
            yield Made(images[: parts - 1], seconds)
            images, seconds = images[parts - 1 :], 0.0


def upsample(
    source: Path, output: Path, factor: int, mode: str, progress: Callable[[int, int | None], None] | None = None
) -> tuple[int, int]:
    """Do from file to file what `vfi.upsample` does, by the filter, which is given the pictures as they are decoded.

    Reader, writer, encoding and the number of frames are the same. Returns the frames of the source and those written.
    Raises ValueError if the rate varies, and what `vfi.upsample` raises.
    """
    with VideoReader(source) as reader:
        times, timing = reader.timeline, Factor(Fraction(factor))
        if times.rate is None:
            raise MediaError(VARIES)
        start, rate = times.start - reader.origin, times.rate * factor
        with VideoWriter(
            output, reader, encoding=Encoding(), rate=rate, tick=timing.tick(times.tick), start=start
        ) as writer:
            done = 0
            decoded = (frame.picture for frame in reader.frames(writer.copy) if frame.picture is not None)
            for done, picture in enumerate(_filled(decoded, factor, mode), start=1):
                writer.write(Frame(start + (done - 1) / rate, 1 / rate, reader.info.color, picture))
                if progress is not None:
                    progress(done, timing.count(times.frames, times.duration))
            writer.finish(start + times.duration)
    return done // factor, done


class Motion:
    """The filter at work on a film whose frames come one by one, the first and the last of them twice."""

    def __init__(self, parts: int, mode: str) -> None:
        """Divide every gap into ``parts``, by one of `MODES`."""
        self._parts, self._mode = parts, mode
        self._graph: av.filter.Graph | None = None
        self._taken = 0

    def take(self, picture: av.VideoFrame) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield what is ready now, a frame or more behind: place in the new film and picture, the source's as well.

        The source's frames are at the multiples of ``parts``, from 0.
        """
        if self._graph is None:
            self._graph = self._open(picture)
        # A frame lasts a second on the filter's clock, whatever it does on the film's.
        picture.pts, picture.time_base = self._taken, Fraction(1)
        self._taken += 1
        self._graph.vpush(picture)
        while True:
            try:
                made = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert made.pts is not None
            if made.pts >= self._parts:  # before, there is the copy of the first frame
                yield made.pts - self._parts, made

    def _open(self, picture: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=picture.width,
            height=picture.height,
            format=picture.format.name,  # type: ignore[arg-type]
            time_base=Fraction(1),
        )
        filter = graph.add("minterpolate", fps=str(self._parts), **MODES[self._mode])
        try:
            graph.link_nodes(source, filter, graph.add("buffersink")).configure()
        except av.FFmpegError as error:
            size = f"{picture.width}x{picture.height}"
            raise MediaError(
                f"minterpolate does not take {size} {picture.format.name} pictures: leave it out"
            ) from error
        return graph


def _filled(pictures: Iterable[av.VideoFrame], parts: int, mode: str) -> Iterator[av.VideoFrame]:
    """Yield the pictures with ``parts`` - 1 new ones after each; the last is repeated."""
    motion = Motion(parts, mode)
    for picture in _with_copies(pictures):
        for _, made in motion.take(picture):
            yield made
            latest = made
    yield from [latest] * (parts - 1)


def _kept(gaps: Iterator[Gap]) -> Iterator[tuple[np.ndarray, int]]:
    """Yield every frame that was kept, and into how many parts gaps are divided."""
    parts, last = 0, None
    for gap in gaps:
        if last is None:
            parts = len(gap.times) + 1
            yield gap.before, parts
        if gap.times != tuple(Fraction(i, parts) for i in range(1, parts)):
            raise MediaError(VARIES)
        last = gap.after
        yield last, parts


def _with_copies(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the first and the last of them twice."""
    ends: list[Item] = []
    for item in items:
        if not ends:
            yield item
        yield item
        ends = [item]
    yield from ends
