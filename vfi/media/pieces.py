"""Pieces of a film's new pictures: each encoded to a file of its own, all later joined without encoding again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from vfi.media.color import has_alpha
from vfi.media.encoding import FINEST_TICK, Encoder, add_encoder, stored
from vfi.media.errors import MediaError, reading, writing
from vfi.media.frame import Frame
from vfi.media.info import VideoInfo
from vfi.media.names import removed_with
from vfi.media.survey import open_input

# Both keep the packets of an encoder as they are, with exact times; the first takes nearly all codecs.
_CONTAINERS = ("nut", "mov")
# Only Matroska keeps the transparency of VP8 and VP9, which lies beside the pictures. It counts in these units of a
# second: pieces in it have their ticks counted as such.
_BESIDE, _UNIT = ".mkv", Fraction(1, 1000)
PIECES = (*(f".{name}" for name in _CONTAINERS), _BESIDE)
"""How the names of pieces end."""


@dataclass(frozen=True)
class Piece:
    """A finished piece."""

    path: Path  # no file is there if it has no frames
    start: int  # of its first frame, in ticks since the film's first
    frames: int

    def packets(self) -> Iterator[av.Packet]:
        """Yield the packets in order of decoding; their times count from anywhere."""
        if self.frames:
            with reading(self.path), open_input(self.path) as container:
                yield from (packet for packet in container.demux(video=0) if packet.size)

    def ticks(self, tick: Fraction) -> np.ndarray:
        """Return when each picture is shown, in order of decoding: in ticks (seconds) since the film's first one.

        Raises MediaError if the file does not hold the frames.
        """
        unit = _UNIT if self.path.suffix == _BESIDE else tick
        times = [round(packet.pts * packet.time_base / unit) for packet in self.packets() if packet.pts is not None]
        if len(times) != self.frames:
            raise MediaError(
                f"{self.path} holds {len(times)} pictures, not {self.frames}: remove it, to have it made anew"
            )
        ticks = np.array(times, np.int64)
        return ticks - ticks.min(initial=np.iinfo(np.int64).max) + self.start


def piece_ending(encoder: Encoder) -> str:
    """Return how the name of a piece's file ends; raises MediaError for a codec that no piece can hold."""
    if encoder.codec.startswith("libvpx") and has_alpha(encoder.pix_fmt):
        return _BESIDE
    for name in _CONTAINERS:
        with contextlib.suppress(ValueError), av.open("", "w", format=name) as output:
            output.add_stream(encoder.codec)
            return f".{name}"
    raise MediaError(f"{encoder.codec} can be encoded only in one go, which is not done here: choose another codec")


class PieceWriter:
    """Encodes frames to a piece, which gets its name when it is complete.

    Use as a context manager and call `finish` at the end; leaving without it removes what was written.
    """

    def __init__(
        self, path: Path, encoder: Encoder, info: VideoInfo, *, rate: Fraction, tick: Fraction, start: Fraction
    ) -> None:
        """Open the file; ``path`` ends as `piece_ending` says.

        ``info`` describes the frames, ``rate`` is their number in a second, on average; they come whole numbers of
        ``tick`` (seconds) after ``start`` (seconds), the time of the film's first frame.
        """
        self.path = path
        self._info, self._tick, self._start = stored(info, encoder), max(tick, FINEST_TICK), start
        self._first: int | None = None
        self._frames = 0
        self._temporary = path.with_suffix(f".part{path.suffix}")
        self._remove = removed_with(self, self._temporary)
        with writing(path):
            self._output = av.open(str(self._temporary), "w")
        try:
            with writing(path):
                self._video: Any = add_encoder(self._output, encoder, self._info, rate, self._tick)
                self._unit = _UNIT if path.suffix == _BESIDE else self._tick
                self._video.time_base = self._unit
                self._output.start_encoding()
        except BaseException:
            self._discard()
            raise

    def __enter__(self) -> PieceWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def write(self, frame: Frame) -> None:
        """Encode the frame; times must rise."""
        with writing(self.path):
            picture = frame.encoded_as(self._info.pix_fmt, self._info.color)
            at = round((frame.time - self._start) / self._tick)
            self._first = at if self._first is None else self._first
            picture.pts, picture.time_base = at - self._first, self._tick
            self._mux(self._video.encode(picture))
            self._frames += 1

    def finish(self) -> Piece:
        """Write the rest and give the file its name."""
        with writing(self.path):
            if self._frames:
                self._mux(self._video.encode(None))
                self._output.close()
                with self._temporary.open("r+b") as file:
                    os.fsync(file.fileno())
                self._temporary.replace(self.path)
        return Piece(self.path, self._first or 0, self._frames)

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            packet.time_base = self._unit
            self._output.mux(packet)

    def _discard(self) -> None:
        """Close and remove the temporary file, if it is still there."""
        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            self._output.close()
        self._remove()
