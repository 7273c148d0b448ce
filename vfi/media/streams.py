"""Everything of a file that is not its main video: sound, subtitles, data, attachments, chapters, metadata.

Streams are copied packet by packet, never re-encoded.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.stream import Disposition, Stream

from vfi.media.encoding import Encoder

if TYPE_CHECKING:
    from av.container.core import Chapter

# What a muxer writes by itself, and what no longer holds once the main video is made anew.
_MUXER_KEYS = {"major_brand", "minor_version", "compatible_brands", "encoder"}
_MAY_STAND_STILL = 0x20000  # AVFMT_TS_NONSTRICT: packets of a stream may share a time
_STREAM_KEYS = {"duration", "encoder", "number_of_frames", "number_of_bytes", "bps", "vendor_id"}


def carried_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Return a file's metadata without what its muxer wrote about itself."""
    return {key: value for key, value in metadata.items() if key.lower() not in _MUXER_KEYS}


def carried_stream_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Return a video stream's metadata without what described its old encoding."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower().split("-")[0] not in _STREAM_KEYS and not key.upper().startswith("_STATISTICS")
    }


def carried_chapters(chapters: Iterable[Chapter], origin: Fraction) -> list[Chapter]:
    """Return the chapters with their times counted from ``origin`` (seconds)."""
    carried = []
    for chapter in chapters:
        shift = round(origin / (chapter["time_base"] or 1))
        carried.append({**chapter, "start": chapter["start"] - shift, "end": chapter["end"] - shift})
    return carried  # type: ignore[return-value]


def label(stream: Stream) -> str:
    """Name a stream for a reader: kind, number, codec, language."""
    codec = stream.codec_context.name if stream.codec_context is not None else getattr(stream, "name", None)
    language = stream.metadata.get("language")
    parts = [codec or "unknown codec", *([language] if language and language != "und" else [])]
    return f"{stream.type} {stream.index} ({', '.join(parts)})"


def holdable(stream: Stream, container_format: str, encoder: Encoder) -> bool:
    """Tell whether a container takes the stream beside the encoded video, by trying its header."""
    if is_cover(stream) and container_format == "mov":
        return False  # its header is accepted, and the picture then dropped
    try:
        with av.open(io.BytesIO(), "w", format=container_format) as trial:
            video: Any = trial.add_stream(encoder.codec, rate=25, width=64, height=64)
            video.pix_fmt = encoder.pix_fmt
            add_copy(trial, stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def add_copy(output: av.container.OutputContainer, stream: Stream) -> Stream:
    """Add a stream to ``output`` that takes the packets of ``stream``. Raises ValueError if it cannot."""
    if is_cover(stream) and output.format.name == "matroska":  # which keeps covers as attached files
        kind = "png" if stream.codec_context.name == "png" else "jpeg"
        name = stream.metadata.get("filename", f"cover.{kind.replace('e', '')}")
        return output.add_attachment(name, stream.metadata.get("mimetype", f"image/{kind}"), _first_packet(stream))
    copy = output.add_stream_from_template(stream, opaque=True)
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition
    if stream.type == "video" and not is_cover(stream):
        copy.disposition = stream.disposition & ~Disposition.default  # players are to choose the new video
    return copy


def made_anew(stream: Stream, main: Stream) -> bool:
    """Tell whether the output's muxer makes this stream itself: MP4's of chapter titles and of the time code."""
    if stream.type != "data" or "mp4" not in main.container.format.name:
        return False
    return bool(main.container.chapters()) or "timecode" in main.metadata


def is_cover(stream: Stream) -> bool:
    """Tell a cover picture, which FFmpeg shows as a video stream of one packet."""
    return bool(stream.type == "video" and stream.disposition & Disposition.attached_pic)


def is_filler(packet: av.Packet, stream: Stream) -> bool:
    """Tell an empty text, with which MP4 fills the time between two subtitles; its muxer makes its own."""
    return stream.type == "subtitle" and stream.codec_context.name == "mov_text" and packet.size <= 2


def _ends_before(packet: av.Packet, origin: Fraction) -> bool:
    """Tell whether not even the next packet, which a decoder may need for its run-up, reaches the origin (seconds)."""
    return packet.pts is None or (packet.pts + 2 * (packet.duration or 0)) * packet.time_base <= origin


def _first_packet(stream: Stream) -> bytes:
    with av.open(stream.container.name) as container:
        return next(bytes(packet) for packet in container.demux(container.streams[stream.index]) if packet.size)


class StreamCopier:
    """Writes packets of a source's streams to their copies in an output, and counts them."""

    def __init__(self, output: av.container.OutputContainer, origin: Fraction) -> None:
        self.counts: Counter[int] = Counter()  # packets by index of the source's stream
        self.starts: dict[int, Fraction] = {}  # seconds, the earliest packet by index of the source's stream
        self.ends: dict[int, Fraction] = {}  # seconds, when the last one is over
        self._output = output
        self._origin = origin
        self._copies: dict[int, Stream] = {}
        self._last: dict[int, int] = {}
        # MP4 says what to skip at the start of a trimmed film; elsewhere it would be played.
        self._shows_all = "matroska" in output.format.name or "webm" in output.format.name
        self._step = 0 if output.format.flags & _MAY_STAND_STILL else 1

    def add(self, stream: Stream) -> None:
        copy = add_copy(self._output, stream)
        if copy.type != "attachment":  # which is written with the header
            self._copies[stream.index] = copy

    def write(self, packet: av.Packet) -> None:
        """Write the packet, if its stream is copied; its time then counts from the origin."""
        index = packet.stream_index
        copy = self._copies.get(index)
        if copy is None or is_filler(packet, copy):
            return
        if is_cover(copy):
            packet.pts = packet.dts = 0
        if packet.pts is None and packet.dts is None:
            return
        if packet.is_discard and self._shows_all and _ends_before(packet, self._origin):
            return
        shift = round(self._origin / packet.time_base)
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            # Muxers refuse a stream whose clock stands still or runs back, as broadcasts now and then do.
            packet.dts = max(packet.dts - shift, self._last.get(index, packet.dts - shift - self._step) + self._step)
            self._last[index] = packet.dts
            if packet.pts is not None:
                packet.pts = max(packet.pts, packet.dts)
        if packet.pts is not None:
            time = packet.pts * packet.time_base
            self.starts[index] = min(time, self.starts.get(index, time))
            self.ends[index] = max(time + (packet.duration or 0) * packet.time_base, self.ends.get(index, time))
        packet.stream = copy
        self._output.mux(packet)
        self.counts[index] += 1
