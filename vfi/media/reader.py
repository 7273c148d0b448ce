"""Read a video as a stream: pictures are decoded to frames, all other packets are handed on untouched."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av

from vfi.media.decoder import decoder_of
from vfi.media.deinterlace import Deinterlace, check_deinterlace, deinterlaced
from vfi.media.entry import INTERLEAVING, Entry, begins, reaches
from vfi.media.errors import MediaError, reading
from vfi.media.frame import Frame
from vfi.media.info import VideoInfo
from vfi.media.part import Excerpt, Part
from vfi.media.protocols import PassOn
from vfi.media.survey import open_input, survey
from vfi.media.timeline import Timeline


class VideoReader:
    """The main video stream of a file or of a part of it, frame by frame, and whatever else is there.

    Opening reads every packet once (without decoding them) to learn the exact times and to find missing parts
    before any work is done. Use as a context manager. Raises MediaError if the file is missing, empty, damaged,
    cut short, interlaced, has no video or, in the part, fewer than two pictures.
    """

    container: av.container.InputContainer
    stream: av.VideoStream  # the main one

    def __init__(self, path: Path, part: Part | None = None, deinterlace: Deinterlace = "off") -> None:
        """Open the file; ``deinterlace`` says what becomes of interlaced pictures, which are refused if it is "off"."""
        check_deinterlace(deinterlace)
        self.path = path
        self.survey = survey(path, part or Part(), deinterlace)
        self._deinterlace, self._fields = deinterlace, 2 if deinterlace == "field" else 1
        with reading(path):
            self.container = open_input(path)
        self._again: av.container.InputContainer | None = None  # to read from the start where seeking failed
        self.stream = self.container.streams[self.survey.index]  # type: ignore[assignment]

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def close(self) -> None:
        for container in (self.container, self._again):
            if container is not None:
                container.close()

    @property
    def info(self) -> VideoInfo:
        """Size, pixel format, colour tags, pixel aspect, rotation and HDR data of the pictures."""
        return self.survey.info

    @property
    def excerpt(self) -> Excerpt:
        """What is read of the file."""
        return self.survey.excerpt

    @property
    def timeline(self) -> Timeline:
        """Times of the main video stream, on the file's own clock."""
        return self.excerpt.timeline

    @property
    def origin(self) -> Fraction:
        """The start of the file, or of the part, on the file's own clock; the times of frames count from here."""
        return self.excerpt.origin

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as stored, before rotation."""
        return self.info.width, self.info.height

    @property
    def start(self) -> Fraction:
        """When the first frame is shown, in seconds."""
        return self.timeline.start - self.origin

    @property
    def rate(self) -> Fraction | None:
        """Frames per second, None if variable."""
        return None if self.timeline.rate is None else self.timeline.rate * self._fields

    @property
    def average_rate(self) -> Fraction:
        """Frames per second on average."""
        return self.timeline.average_rate * self._fields

    @property
    def tick(self) -> Fraction:
        """Seconds; every frame's time is the start plus a whole number of these."""
        return self.timeline.tick / self._fields

    @property
    def duration(self) -> Fraction:
        """Seconds from the first picture to the end of the last."""
        return self.timeline.duration

    @property
    def frame_count(self) -> int | None:
        """How many frames will come, None if only decoding can tell."""
        return self.timeline.frames * self._fields if self.survey.countable else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how the file is read, a sentence each."""
        notes = self.survey.notes(self.container)
        if self._deinterlace != "off" and not self.survey.interlaced:
            notes += ("The pictures are not marked as interlaced, and are deinterlaced all the same.",)
        return notes

    def frames(self, pass_on: PassOn | None = None, *, beyond: bool = False) -> Iterator[Frame]:
        """Yield every frame in order of time; can be called once.

        ``beyond`` also yields the frame that follows the part, if there is one. Packets of all other streams go to
        ``pass_on`` as they come, some from around the part. Raises MediaError where the video cannot be decoded, or
        if it ends too early: never a shorter film.
        """
        return deinterlaced(self.checked(self._items(), 0, pass_on, beyond), self._deinterlace, self.survey.parity)

    def time_of(self, number: int) -> Fraction:
        """Return when frame ``number`` (from 0) comes, in seconds; nearly, where only decoding can tell.

        Of a number beyond the last, when that is over.
        """
        return self.timeline.time_of(number) - self.origin

    def other_packets(self) -> Iterator[av.Packet]:
        """Yield the packets that `frames` passes on; can be called once, and instead of it."""
        for packet in self._packets(self.container, None):
            if packet is not None and packet.stream_index != self.stream.index and self._concerns_part(packet):
                yield packet

    def checked(
        self, items: Iterator[Frame | av.Packet], number: int, pass_on: PassOn | None, beyond: bool
    ) -> Iterator[Frame]:
        """Yield the frames of `decoded`, the first of which has a number, as `frames` does."""
        count, previous = number, None
        for item in items:
            if isinstance(item, av.Packet):
                if pass_on is not None:
                    pass_on(item)
                continue
            time, picture = item.time, item.picture
            assert picture is not None
            if previous is not None and time <= previous:
                raise MediaError(
                    f"{self.path} jumps back in time after {self.spoken(previous)}: remux it first, for example with"
                    " mkvmerge"
                )
            if (picture.width, picture.height) != self.size:
                raise MediaError(
                    f"{self.path} changes its picture size at {self.spoken(time)}: cut it there and take the parts"
                )
            if not self._is_beyond(time):
                yield item
                count, previous = count + 1, time
            elif beyond:
                yield item
        if count < 2 or (self.survey.countable and count != self.timeline.frames):
            raise MediaError(
                f"{self.path} is damaged: {count} of its {self.timeline.frames} pictures can be decoded; get it anew"
            )

    def _items(self) -> Iterator[Frame | av.Packet]:
        """Yield the frames of the part, the one after it, and the packets of other streams as they come."""
        if self.survey.entry is not None:
            ahead: list[Frame | av.Packet] = []
            try:
                items = self.decoded(self.container, self.survey.entry)
                for item in items:
                    ahead.append(item)
                    if isinstance(item, Frame):
                        break
            except MediaError:
                ahead.clear()
            if ahead and self.is_at(ahead[-1], self.start):
                yield from ahead
                yield from items
                return
            with reading(self.path):  # a format, or a codec, in which one cannot enter half way
                self._again = open_input(self.path)
        yield from self.decoded(self._again or self.container, None)

    def decoded(
        self,
        container: av.container.InputContainer,
        entry: Entry | None,
        first: Fraction | None = None,
        threads: str = "AUTO",
    ) -> Iterator[Frame | av.Packet]:
        """Yield what is read of the part from an entry on: packets of other streams, and frames from ``first`` on.

        first: seconds; None for the part's start. What cannot be decoded before it is passed over.
        """
        context = decoder_of(container.streams[self.stream.index])
        context.thread_type = threads
        context.options = {"err_detect": "explode"}  # a patched-up picture would go unnoticed
        first, number = self.start if first is None else first, 0
        started, done, asleep = False, False, entry is not None
        for packet in self._packets(container, entry):
            if packet is not None and packet.stream_index != self.stream.index:
                if self._concerns_part(packet):
                    yield packet
                continue
            if asleep and packet is not None and entry is not None:
                asleep = packet.pts != entry.key
                if asleep and packet.dts is not None and packet.dts > entry.key:
                    return  # too far on
            if asleep or done:
                continue
            try:
                pictures = context.decode(packet)
            except av.FFmpegError as error:
                if not started:
                    continue  # a recording that begins between key frames
                raise self._damaged(packet) from error
            if started and any(picture.is_corrupt for picture in pictures):
                raise self._damaged(packet)
            for picture in pictures:
                frame = self._frame(picture, number)
                number += 1
                if frame.time < first or done:
                    continue
                started, done = True, self._is_beyond(frame.time)
                yield frame

    def _packets(self, container: av.container.InputContainer, entry: Entry | None) -> Iterator[av.Packet | None]:
        """Yield every packet of the part, and some around it, then None: the order to decode what is held back."""
        with reading(self.path):
            if entry is not None and entry.seek is not None:
                container.seek(entry.seek, stream=container.streams[self.stream.index])
            packets = container.demux()
        last = None if self.excerpt.end is None else self.excerpt.end + INTERLEAVING
        while True:
            try:
                with reading(self.path):
                    packet = next(packets, None)
            except MediaError:
                if last is None:
                    raise
                break  # damage behind the part, which is counted
            if packet is None:
                break
            if not packet.size:  # PyAV ends with an empty packet for each stream
                continue
            if packet.stream_index == self.stream.index and last is not None and begins(packet) > last:
                break
            yield packet
        yield None

    def _concerns_part(self, packet: av.Packet) -> bool:
        """Tell whether a packet of another stream may be of use; of other video, all that is ahead of the part may."""
        if self.excerpt.end is not None and begins(packet) >= self.excerpt.end:
            return False
        return self.excerpt.offset == 0 or packet.stream.type != "audio" or reaches(packet, self.origin)

    def _is_beyond(self, time: Fraction) -> bool:
        return self.excerpt.end is not None and time >= self.timeline.end - self.origin

    def is_at(self, item: Frame | av.Packet, time: Fraction) -> bool:
        """Tell whether this is the frame of a time (seconds), and whole."""
        return (
            isinstance(item, Frame) and item.picture is not None and item.time == time and not item.picture.is_corrupt
        )

    def spoken(self, time: Fraction) -> str:
        """Return a frame's time as one of the file."""
        return f"{float(time + self.excerpt.offset):.3f} s"

    def _damaged(self, packet: av.Packet | None) -> MediaError:
        time = (
            "its end"
            if packet is None or packet.dts is None
            else f"{float(packet.dts * packet.time_base - self.origin + self.excerpt.offset):.2f} s"
        )
        return MediaError(f"{self.path} is damaged near {time}: get it anew, or cut it there and take the parts")

    def _frame(self, picture: av.VideoFrame, number: int) -> Frame:
        """Return a decoded picture as a frame; ``number`` counts the pictures decoded, should they have no times."""
        assert self.stream.time_base is not None
        picture.pict_type = 0  # else the encoder would repeat the source's choice of key frames
        if not self.survey.stamped or picture.pts is None:
            moment = self.timeline.start + (number - self.excerpt.first) / self.timeline.average_rate
        else:
            moment = self.timeline.exact(picture.pts * self.stream.time_base)
        duration = picture.duration * self.stream.time_base or 1 / self.timeline.average_rate
        if self.timeline.rate is not None:
            duration = 1 / self.timeline.rate
        return Frame(moment - self.origin, duration, self.info.color, picture)
