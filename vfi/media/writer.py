"""Write a video whose main stream is new and whose other streams are the source's, untouched."""

from __future__ import annotations

import contextlib
import os
from array import array
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import av
from av.stream import Stream

from vfi.media.companions import Companions
from vfi.media.encoding import CONTAINERS, FINEST_TICK, Encoder, Encoding, add_encoder, choose_encoder, headers, stored
from vfi.media.errors import MediaError, writing
from vfi.media.frame import Frame
from vfi.media.info import VideoInfo
from vfi.media.matroska import set_pixel_aspect
from vfi.media.names import removed_with, temporary_name
from vfi.media.placement import Placement, SlowMotion
from vfi.media.protocols import Source
from vfi.media.reader import VideoReader
from vfi.media.streams import carried_chapters, carried_metadata, carried_stream_metadata, is_cover, made_anew
from vfi.media.timeline import common_step
from vfi.media.verify import Plan, Written

if TYPE_CHECKING:
    from av.container.core import Chapter

_MP4 = (".mp4", ".m4v", ".mov")  # endings of MP4 and what it came of
# Tags that MP4 has a place for; any other needs the newer kind of tag.
_MP4_KEYS = {
    "title", "artist", "album_artist", "album", "date", "comment", "genre", "copyright", "composer", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "episode_sort",
    "season_number", "media_type", "hd_video", "gapless_playback", "compilation", "track", "disc", "tmpo",
    "creation_time", "language", "encoder", "location",
}  # fmt: skip


def check_output(output: Path, source: Path, overwrite: bool) -> None:
    """Raise MediaError if ``output`` may not or cannot be written; a cheap test before any work."""
    if output.exists() and source.exists() and output.samefile(source):
        raise MediaError(f"{output} is the source itself: choose another name for the output")
    if output.is_dir():
        raise MediaError(f"{output} is a folder: name a file in it")
    if output.exists() and not overwrite:
        raise MediaError(f"{output} already exists: choose another name, or use --overwrite")
    if not output.parent.is_dir():
        raise MediaError(f"there is no folder {output.parent}: make it first or choose another")
    if not os.access(output.parent, os.W_OK):
        raise MediaError(f"the folder {output.parent} may not be written to: choose another")


class VideoWriter:
    """Writes frames beside the other streams of a source, under a temporary name until all is verified.

    Use as a context manager and call `finish` at the end; leaving without it, by an error or an interrupt,
    removes what was written. Raises MediaError if the output or the encoding does not work out.
    """

    encoder: Encoder
    start: Fraction  # seconds, of the first frame
    tick: Fraction  # seconds
    until: Fraction | None  # seconds, up to which other streams are taken; None: to their ends
    copied: tuple[str, ...]  # the streams that are copied, in words
    notes: tuple[str, ...]  # what could not be kept, and what was done, a sentence each

    def __init__(
        self,
        path: Path,
        source: Source,
        *,
        encoding: Encoding,
        rate: Fraction,
        tick: Fraction,
        start: Fraction,
        info: VideoInfo | None = None,
        slow: SlowMotion | None = None,
        until: Fraction | None = None,
        temporary: Path | None = None,
    ) -> None:
        """Open the output.

        ``rate`` is the new frame rate, on average if it varies. Frames will come at ``start`` (seconds) plus
        whole numbers of ``tick`` (seconds). ``info`` describes them where they are not like those of the source;
        ``slow`` says that they come slower, and what becomes of the sound; of the other streams nothing is taken that
        begins at ``until`` (seconds) or later. ``temporary`` is the name in the meantime, in the same folder; by itself
        it is one that no other writer has.
        """
        info = info or source.info
        film = source if isinstance(source, VideoReader) else None  # other sources hold nothing but pictures
        speed = slow.speed if slow is not None else Fraction(1)
        self.path = path
        self._rate, self.start, self.until = rate, start, until
        self.tick = max(tick, FINEST_TICK)
        # Packets count on a clock that has the start, every frame and the end of the last one on it.
        length = source.tick if source.duration is None else source.duration / speed
        self._clock = max(common_step(common_step(self.tick, start), length), FINEST_TICK)
        self._ticks = array("q")
        self._durations: dict[int, int] = {}
        self._pending: Frame | None = None
        self._held: av.Packet | None = None  # not written yet, since it may be the last one
        self._first: int | None = None  # when the first packet is decoded, on the clock
        self._encoded = False  # whether there is anything to get out of the encoder
        self._temporary = temporary or temporary_name(path)
        self._remove = removed_with(self, self._temporary)
        self.encoder = encoder = choose_encoder(encoding, info, path)
        self._info = stored(info, encoder)
        try:
            with writing(path):
                self._output = self._open(film)
                self._companions: Companions | None = None
                self._chapters: list[Chapter] = []
                if film is None:
                    self._add_video(None, encoder)
                else:
                    self._add_streams(film, encoder, slow)
                if self._chapters:
                    self._output.set_chapters(self._chapters)
                self._output.start_encoding()
        except BaseException:
            self._discard()
            raise
        self.copied = self._companions.copied if self._companions else ()
        self.notes = encoder.notes

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    @property
    def headers(self) -> bytes:
        """What the encoder puts at the head of a file; an encoder's packets fit only where its own head is."""
        return headers(self._video.codec_context)

    def write(self, frame: Frame) -> None:
        """Encode the frame; times must rise."""
        if self._pending is not None:
            self._encode(self._pending, frame.time)
        self._pending = frame

    def append(self, packet: av.Packet, duration: Fraction) -> None:
        """Write a packet of an encoder like our own, with times in ticks since the start; it is shown for seconds."""
        assert packet.pts is not None
        self._ticks.append(packet.pts)
        self._durations[packet.pts] = round(duration / self._clock)
        packet.stream = self._video
        with writing(self.path):
            self._mux([packet])

    def copy(self, packet: av.Packet) -> None:
        """Take a packet of another stream of the source, to be written if that stream is in the output."""
        assert self._companions is not None  # or there would be no packets
        with writing(self.path):
            self._companions.write(packet)

    def finish(self, end: Fraction) -> Written:
        """Write the rest, verify the file and move it into place; the last frame is shown until ``end`` (seconds)."""
        if self._pending is not None:
            self._encode(self._pending, end)
            self._pending = None
        with writing(self.path):
            if self._encoded:
                self._mux(self._video.encode(None))
            self._mux_last(end)
            if self._companions:
                self._companions.finish()
            self._output.close()
            self._shape_pixels()
        written = self._plan(end).verify(self._temporary)
        if self._companions:
            self.copied = self._companions.copied
            self.notes += self._companions.notes
        if written.lost:
            self.notes += (f"Left out metadata that {self.path.suffix} cannot hold: {', '.join(written.lost)}.",)
        with writing(self.path):
            self._temporary.replace(self.path)
        return written

    def _open(self, film: VideoReader | None) -> av.container.OutputContainer:
        metadata = carried_metadata(film.container.metadata) if film else {}
        options = {}
        foreign = {key.lower() for key in metadata} - _MP4_KEYS
        if (
            self.path.suffix.lower() in _MP4
            and film is not None
            and foreign
            and not any(map(is_cover, film.container.streams))
        ):
            options["movflags"] = "+use_metadata_tags"  # which has no place for a cover
        output = av.open(str(self._temporary), "w", container_options=options, metadata_errors="surrogateescape")
        output.metadata.update(metadata)
        self._metadata = metadata
        return output

    def _add_streams(self, film: VideoReader, encoder: Encoder, slow: SlowMotion | None) -> None:
        """Make a place for each stream of the film that can be kept, and for its chapters."""
        speed = slow.speed if slow is not None else Fraction(1)
        length = _length(film, slow)
        if self.until is not None:
            length = self.until * speed if length is None else min(length, self.until * speed)
        placement = Placement(film.origin, length, film.excerpt.offset > 0, speed)
        self._companions = Companions(self._output, placement, encoder, slow)
        for stream in film.container.streams:
            if made_anew(stream, film.stream):
                continue
            if stream.index == film.stream.index:
                self._add_video(film.stream, encoder)
            else:
                self._companions.add(stream)
        self._chapters = carried_chapters(film.container.chapters(), placement)

    def _add_video(self, source: Stream | None, encoder: Encoder) -> None:
        self._video_index = len(self._output.streams)
        try:
            stream = add_encoder(self._output, encoder, self._info, self._rate, self.tick)
        except ValueError as error:
            raise MediaError(
                f"{self.path.suffix} cannot hold {encoder.codec}: choose another codec, or .mkv which holds most"
            ) from error
        stream.time_base = self._clock
        if source is not None:
            stream.metadata.update(carried_stream_metadata(source.metadata))
            stream.disposition = source.disposition
        if self._info.display_matrix:
            stream.set_display_matrix(self._info.display_matrix)
        self._video = stream

    def _encode(self, frame: Frame, end: Fraction) -> None:
        with writing(self.path):
            picture = frame.encoded_as(self._info.pix_fmt, self._info.color)
            picture.pts = round((frame.time - self.start) / self.tick)
            picture.time_base = self.tick
            self._ticks.append(picture.pts)
            self._durations[picture.pts] = round((end - frame.time) / self._clock)
            self._mux(self._video.encode(picture))
            self._encoded = True

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            assert packet.pts is not None
            assert packet.dts is not None
            packet.duration = self._durations.pop(packet.pts, 0)
            packet.pts = round((self.start + packet.pts * self.tick) / self._clock)
            packet.dts = round((self.start + packet.dts * self.tick) / self._clock)
            packet.time_base = self._clock
            if self._held is not None:
                self._output.mux(self._held)
            self._held, self._first = packet, packet.dts if self._first is None else self._first

    def _mux_last(self, end: Fraction) -> None:
        """Write the packet that is decoded last; the last frame is shown until ``end`` (seconds)."""
        if self._held is None:
            return
        if self.path.suffix.lower() in _MP4:
            assert self._held.dts is not None
            assert self._first is not None
            # There a film lasts as long as its packets together, from one being decoded to the next; the frame of this
            # one need not be the last one shown, nor frames be decoded at the pace at which they are shown.
            length = round((end - self.start) / self._clock) - (self._held.dts - self._first)
            self._held.duration = length if length > 0 else self._held.duration
        self._output.mux(self._held)
        self._held = None

    def _shape_pixels(self) -> None:
        """Say in Matroska how wide the pixels are, for the codecs that do not."""
        info = self._info
        if CONTAINERS[self.path.suffix.lower()] in ("matroska", "webm") and info.pixel_aspect not in (None, 1):
            set_pixel_aspect(self._temporary, self._place, (info.width, info.height), info.pixel_aspect)

    @property
    def _place(self) -> int:
        """The index of the video in the finished file."""
        return self._companions.place(self._video_index) if self._companions else self._video_index

    def _plan(self, end: Fraction) -> Plan:
        return Plan(
            video_index=self._place,
            info=self._info,
            ticks=array("q", sorted(self._ticks)),  # packets come in order of decoding
            tick=self.tick,
            start=self.start,
            end=end,
            copies=self._companions.plan() if self._companions else {},
            metadata=self._metadata,
            chapters=len(self._chapters),
        )

    def _discard(self) -> None:
        """Close and remove the temporary file, if it is still there."""
        output = getattr(self, "_output", None)
        if output is not None:
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                output.close()
        self._remove()


def _length(source: VideoReader, slow: SlowMotion | None) -> Fraction | None:
    """Return how many seconds of the source's other streams there will be; None for all there are."""
    end = source.excerpt.end
    if end is None and slow is not None:  # sound that is made anew is as long as the pictures
        end = source.timeline.end
    return None if end is None else end - source.origin
