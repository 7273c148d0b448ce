"""What a source of frames and a sink for frames have in common, whatever the kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av

from vfi.media.encoding import Encoder
from vfi.media.frame import Frame
from vfi.media.info import VideoInfo
from vfi.media.verify import Written

PassOn = Callable[[av.Packet], None]
"""Takes a packet of a stream that is not the main video."""


class Source(Protocol):
    """Frames to read once, in order, as a context manager. All times are in seconds on the clock of the frames."""

    path: Path  # what the source is called in messages

    @property
    def info(self) -> VideoInfo:
        """What the pictures are like."""

    @property
    def start(self) -> Fraction:
        """When the first frame is shown."""

    @property
    def rate(self) -> Fraction | None:
        """Frames per second, None if variable."""

    @property
    def average_rate(self) -> Fraction:
        """Frames per second on average."""

    @property
    def tick(self) -> Fraction:
        """Seconds; every frame's time is the start plus a whole number of these."""

    @property
    def duration(self) -> Fraction | None:
        """Seconds from the first frame to the end of the last, None if only reading to the end can tell."""

    @property
    def frame_count(self) -> int | None:
        """How many frames will come, None if only reading to the end can tell."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how it is read, a sentence each."""

    def frames(self, pass_on: PassOn | None = None) -> Iterator[Frame]:
        """Yield every frame; what else the source holds goes to ``pass_on``. Raises MediaError if it ends too early."""

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Sink(Protocol):
    """Takes frames, as a context manager: without `finish` nothing is left of what was written."""

    encoder: Encoder
    copied: tuple[str, ...]  # the streams that are copied, in words
    notes: tuple[str, ...]  # what could not be kept, and what was done, a sentence each

    def write(self, frame: Frame) -> None:
        """Take the next frame; times must rise."""

    def copy(self, packet: av.Packet) -> None:
        """Take a packet of another stream of the source, if that stream is copied."""

    def finish(self, end: Fraction) -> Written | None:
        """Write the rest and put the result in its place; the last frame is shown until ``end`` (seconds).

        Returns what reading it back showed, None if it is not read back.
        """

    def __enter__(self) -> Sink: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
