"""A first look through a whole file: its packets are read, but only the first picture is decoded.

It finds missing parts before hours of work are spent, and gives the exact times on which all work is planned.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging

from vfi.media.decoder import decoder_of
from vfi.media.deinterlace import Deinterlace, Parity, interlaced_refusal
from vfi.media.entry import Entry, EntryFinder, KeyPictures
from vfi.media.errors import MediaError, reading
from vfi.media.info import VideoInfo, describe
from vfi.media.part import Excerpt, Part
from vfi.media.streams import is_cover
from vfi.media.timeline import Timeline, timeline
from vfi.media.wholeness import is_cut_short

# Only local files: a playlist disguised as a video must not reach the network.
_OPEN_OPTIONS = {"protocol_whitelist": "file"}
# Codecs in which a packet need not become a picture, so that counting packets does not count pictures.
_UNCOUNTABLE = {"mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3"}
# By AVFieldOrder: of the last two, the field that is stored first is shown last.
_PARITIES: dict[int, Parity] = {2: "tff", 3: "bff", 4: "bff", 5: "tff"}
# Codecs whose key frames are what they say: from one on, pictures are decoded as if from the start.
_TRUE_KEYS = {
    "h264", "hevc", "av1", "vp8", "vp9", "mpeg1video", "mpeg2video", "prores", "dnxhd", "mjpeg", "ffv1", "rawvideo",
}  # fmt: skip
_APART = 1  # seconds by which pictures, and sound, may lie later in a file than what comes after them
_VP8_SHOWN = 0x10  # in a packet's first byte, RFC 6386, 9.1


@dataclass(frozen=True)
class Survey:
    """What reading all packets tells."""

    index: int  # of the main video stream
    info: VideoInfo
    excerpt: Excerpt  # the part to be read, or the whole film
    entry: Entry | None  # where to begin reading; None: at the start
    keys: KeyPictures | None  # where else one can; None: nowhere
    countable: bool  # every picture of the timeline will be decoded
    stamped: bool  # the pictures carry their own times
    interlaced: bool  # each picture holds two moments
    parity: Parity  # which of its fields comes first
    headless: Fraction  # seconds of pictures at the beginning, before the first that can be decoded
    ends: Mapping[int, Fraction]  # of every stream's last packet, by its index, on the file's own clock

    @property
    def timeline(self) -> Timeline:
        """Times of the pictures to be read, on the file's own clock."""
        return self.excerpt.timeline

    @property
    def origin(self) -> Fraction:
        """When what is read starts, on the file's own clock."""
        return self.excerpt.origin

    def notes(self, container: av.container.InputContainer) -> tuple[str, ...]:
        """Return what the user should know about how the file is read, a sentence each."""
        notes = []
        others = [s for s in container.streams.video if not is_cover(s)]
        if len(others) > 1:
            size = f"{self.info.width}x{self.info.height}"
            notes.append(
                f"The file has {len(others)} video streams: number {self.index} ({size}) is taken, the others keep"
                " their frame rate."
            )
        if not self.stamped:
            rate = float(self.timeline.average_rate)
            notes.append(f"The pictures carry no times: {rate:.6g} frames per second are assumed.")
        if self.headless:
            notes.append(
                f"The file lacks a key frame at its start: its first {float(self.headless):.3g} s of pictures cannot be"
                " decoded and are left out."
            )
        return tuple(notes)

    def unfit(self, path: Path, deinterlace: Deinterlace = "off") -> str | None:
        """Return why there is nothing to interpolate in a file that is whole, None if there is something."""
        if self.interlaced and deinterlace == "off":
            return interlaced_refusal(str(path))
        if self.timeline.frames < 2:
            return f"{path} has a single picture: there is nothing to put in between, give a video"
        return None


def open_input(path: Path) -> av.container.InputContainer:
    """Open a file for reading; bytes that are not UTF-8 in its metadata survive being written back.

    Raises MediaError for a folder, an empty file and one that lacks its index, and what PyAV raises.
    """
    return _open(path)[0]


def _open(path: Path) -> tuple[av.container.InputContainer, list[str]]:
    """Return the open file, and what its demuxer says of an early end: it looks far ahead, in short films to there."""
    if path.is_dir():
        raise MediaError(f"{path} is a folder: name a video file")
    if path.exists() and path.stat().st_size == 0:
        raise MediaError(f"{path} is empty: get it anew")
    with _complaints() as complaints:
        try:
            container = av.open(str(path), options=dict(_OPEN_OPTIONS), metadata_errors="surrogateescape")
        except av.InvalidDataError as error:
            with path.open("rb") as file:
                if file.read(8)[4:] == b"ftyp":  # MP4, which may have its index at its end
                    raise MediaError(f"{path} is cut short or damaged: it has no index; get it anew") from error
            raise
    return container, [text.strip() for _, _, text in complaints if "ended prematurely" in text]


def survey(path: Path, part: Part, deinterlace: Deinterlace = "off") -> Survey:
    """Read every packet of the file. Raises MediaError if it or the part of it is unfit: see `VideoReader`."""
    found = examine(path, part)
    if (reason := found.unfit(path, deinterlace)) is not None:
        raise MediaError(reason)
    return found


def examine(path: Path, part: Part | None = None) -> Survey:
    """Read every packet of the file. Raises MediaError if it is damaged or holds no video."""
    part = part or Part()
    with reading(path):
        container, faults = _open(path)
    with reading(path), container, _complaints() as complaints:
        stream = main_video(container, path)
        index = stream.index
        context: Any = decoder_of(stream)
        context.thread_count = 1  # complaints of other threads could not be caught
        codec, rates = stream.codec_context.name, [stream.average_rate, stream.guessed_rate, stream.base_rate]
        stamps, packets, stamped, ends = array("q"), 0, True, dict[int, Fraction]()
        last, origin, first = (0, 0), None, None
        finder = EntryFinder(index)
        for packet in _packets(container, faults):
            if not packet.size:
                continue
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None and not packet.is_discard:
                time = stamp * packet.time_base
                origin = time if origin is None else min(origin, time)
                end = time + (packet.duration or 0) * packet.time_base
                ends[packet.stream_index] = max(end, ends.get(packet.stream_index, end))
            finder.see(packet, max(origin or Fraction(0), Fraction(0)) + (part.start or 0))
            if packet.stream_index != index:
                continue
            packets += 1
            if packet.is_corrupt:
                faults.append(f"at its packet {packets}")
                break
            if first is None:
                first = first_picture(context, packet)
            if packet.is_discard or (codec == "vp8" and not memoryview(packet)[0] & _VP8_SHOWN):
                continue
            stamped = stamped and packet.pts is not None
            stamps.append(len(stamps) if stamp is None else stamp)
            last = max(last, (stamps[-1], packet.duration or 0))
        first = first or first_picture(context, None)
        if first is None:
            raise MediaError(f"{path} holds no picture that can be decoded: get it anew")
        faults += [text.strip() for _, name, text in complaints if name == container.format.name]
        if is_cut_short(path, container.format.name):
            faults.append("its end is missing")
        if packets < _declared(container, stream):
            faults.append("pictures are missing")
        time_base = stream.time_base or Fraction(1, 90000)
        if faults:
            whole = math.floor((last[0] * time_base - max(origin or Fraction(0), Fraction(0)) - _APART) * 10)
            if part.end is None or part.end * 10 > whole:
                rest = f", or take what is whole with --end {whole / 10:g}" if whole > 0 and stamped else ""
                raise MediaError(
                    f"{path} is damaged or cut short ({', '.join(dict.fromkeys(faults))}): get it anew{rest}"
                )
        headless = Fraction(0)
        if not stamped:
            stamps, time_base = array("q", range(len(stamps))), 1 / next((r for r in rates if r), Fraction(25))
        elif first.pts is not None:
            headless = (first.pts - min(stamps)) * time_base
            stamps = array("q", (stamp for stamp in stamps if stamp >= first.pts))  # the rest has no start
        if not stamps:
            raise MediaError(f"{path} holds no picture that is to be shown: get it anew")
        countable = codec not in _UNCOUNTABLE
        seekable = countable and stamped and context.codec.canonical_name in _TRUE_KEYS
        film = timeline(stamps, time_base, last[1] * time_base, rates)
        excerpt = part.of(film, max(origin or Fraction(0), Fraction(0)), path)
        return Survey(
            index=index,
            info=describe(first, stream),
            excerpt=excerpt,
            entry=finder.find(round(excerpt.timeline.start / time_base)) if stamped and excerpt.first else None,
            keys=finder.keys if seekable else None,
            countable=countable,
            stamped=stamped,
            interlaced=stream.codec_context.field_order in _PARITIES or first.interlaced_frame,
            parity="auto" if first.interlaced_frame else _PARITIES.get(stream.codec_context.field_order, "auto"),
            headless=headless,
            ends=ends,
        )


def _packets(container: av.container.InputContainer, faults: list[str]) -> Iterator[av.Packet]:
    """Yield all packets that can be read; what stops that is added to the faults."""
    try:
        yield from container.demux()
    except av.FFmpegError as error:
        faults.append(error.strerror or str(error))


def main_video(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """Return the stream that is to be interpolated. Raises MediaError if there is none that can be decoded."""
    candidates = [s for s in container.streams.video if not is_cover(s)]
    if not candidates:
        raise MediaError(f"{path} has no video stream: name a file with moving pictures")
    best = container.streams.best("video")
    stream = next((s for s in candidates if best is not None and s.index == best.index), candidates[0])
    if stream.codec_context is None:
        raise MediaError(f"{path} is in a codec that cannot be decoded here: convert it to H.264 first")
    return stream


def first_picture(context: Any, packet: av.Packet | None) -> av.VideoFrame | None:
    """Return the picture that comes of a packet, None if there is none yet."""
    try:
        return next(iter(context.decode(packet)), None)
    except av.FFmpegError:
        return None  # a recording that begins between key frames


def _declared(container: av.container.InputContainer, stream: av.VideoStream) -> int:
    """Return how many packets the container's own index lists; 0 if its index is not of that kind."""
    return len(stream.index_entries) if "mp4" in container.format.name else 0


@contextmanager
def _complaints() -> Iterator[list[tuple[int, str, str]]]:
    """Catch FFmpeg's error messages as (level, who, text): for a missing part, some demuxers raise nothing."""
    level, skip = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as messages:
            yield messages
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skip)
