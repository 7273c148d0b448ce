"""Read a video as a stream: pictures are decoded to frames, all other packets are handed on untouched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av

from vfi.media.errors import MediaError, reading
from vfi.media.frame import Frame
from vfi.media.info import VideoInfo
from vfi.media.survey import open_input, survey
from vfi.media.timeline import Timeline

PassOn = Callable[[av.Packet], None]


class VideoReader:
    """The main video stream of a file, frame by frame, and whatever else the file holds.

    Opening reads every packet once (without decoding them) to learn the exact times and to find missing parts
    before any work is done. Use as a context manager. Raises MediaError if the file is missing, empty, damaged,
    cut short, interlaced, has no video or fewer than two pictures.
    """

    container: av.container.InputContainer
    stream: av.VideoStream  # the main one

    def __init__(self, path: Path) -> None:
        self.path = path
        self._survey = survey(path)
        with reading(path):
            self.container = open_input(path)
        self.stream = self.container.streams[self._survey.index]  # type: ignore[assignment]

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def close(self) -> None:
        self.container.close()

    @property
    def info(self) -> VideoInfo:
        """Size, pixel format, colour tags, pixel aspect, rotation and HDR data of the pictures."""
        return self._survey.info

    @property
    def timeline(self) -> Timeline:
        """Times of the main video stream, on the file's own clock."""
        return self._survey.timeline

    @property
    def origin(self) -> Fraction:
        """The file's start on its own clock; the times of frames count from here."""
        return self._survey.origin

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as stored, before rotation."""
        return self.info.width, self.info.height

    @property
    def rate(self) -> Fraction | None:
        """Frames per second, None if variable."""
        return self.timeline.rate

    @property
    def duration(self) -> Fraction:
        """Seconds from the first picture to the end of the last."""
        return self.timeline.duration

    @property
    def frame_count(self) -> int | None:
        """How many frames will come, None if only decoding can tell."""
        return self.timeline.frames if self._survey.countable else None

    @property
    def has_sound(self) -> bool:
        return bool(self.container.streams.audio)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how the file is read, a sentence each."""
        return self._survey.notes(self.container)

    def frames(self, pass_on: PassOn | None = None) -> Iterator[Frame]:
        """Yield every frame in order of time; can be called once.

        Packets of all other streams go to ``pass_on`` as they come. Raises MediaError where the video cannot be
        decoded, or if it ends too early: never a shorter film.
        """
        count, previous = 0, None
        for picture in self._pictures(pass_on):
            time = self._time(picture, count)
            if previous is not None and time <= previous:
                raise MediaError(
                    f"{self.path} jumps back in time after {float(previous):.3f} s: remux it first, for example with"
                    " mkvmerge"
                )
            if (picture.width, picture.height) != self.size:
                raise MediaError(
                    f"{self.path} changes its picture size at {float(time):.3f} s: cut it there and take the parts"
                )
            picture.pict_type = 0  # else the encoder would repeat the source's choice of key frames
            yield Frame(time, self._duration(picture), self.info.color, picture)
            count, previous = count + 1, time
        if self.frame_count is not None and count != self.frame_count:
            raise MediaError(
                f"{self.path} is damaged: {count} of its {self.frame_count} pictures can be decoded; get it anew"
            )

    def _pictures(self, pass_on: PassOn | None) -> Iterator[av.VideoFrame]:
        context: Any = self.stream.codec_context
        context.thread_type = "AUTO"
        context.options = {"err_detect": "explode"}  # a patched-up picture would go unnoticed
        started = False
        for packet in self._packets():
            if packet is not None and packet.stream_index != self.stream.index:
                if pass_on is not None:
                    pass_on(packet)
                continue
            try:
                pictures = context.decode(packet)
            except av.FFmpegError as error:
                if not started:
                    continue  # a recording that begins between key frames
                raise self._damaged(packet) from error
            if started and any(picture.is_corrupt for picture in pictures):
                raise self._damaged(packet)
            started = started or bool(pictures)
            yield from pictures

    def _packets(self) -> Iterator[av.Packet | None]:
        """Yield every packet, then None: the order to decode what is still held back."""
        packets = self.container.demux()
        while True:
            with reading(self.path):
                packet = next(packets, None)
            if packet is None:
                break
            if packet.size:  # PyAV ends with an empty packet for each stream
                yield packet
        yield None

    def _damaged(self, packet: av.Packet | None) -> MediaError:
        time = (
            "its end"
            if packet is None or packet.dts is None
            else f"{float(packet.dts * packet.time_base - self.origin):.2f} s"
        )
        return MediaError(f"{self.path} is damaged near {time}: get it anew, or cut it there and take the parts")

    def _time(self, picture: av.VideoFrame, index: int) -> Fraction:
        if not self._survey.stamped or picture.pts is None:
            return self.timeline.start + index / self.timeline.average_rate - self.origin
        assert self.stream.time_base is not None
        return self.timeline.exact(picture.pts * self.stream.time_base) - self.origin

    def _duration(self, picture: av.VideoFrame) -> Fraction:
        if self.timeline.rate is not None:
            return 1 / self.timeline.rate
        assert self.stream.time_base is not None
        return picture.duration * self.stream.time_base or 1 / self.timeline.average_rate
