"""Everything of a file that is not its main video: sound, subtitles, data, attachments, chapters, metadata."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.stream import Disposition, Stream

from vfi.media.encoding import SILENT, Encoder
from vfi.media.placement import Placement

if TYPE_CHECKING:
    from av.container.core import Chapter

# What a muxer writes by itself, and what no longer holds once the main video is made anew.
_MUXER_KEYS = {"major_brand", "minor_version", "compatible_brands", "encoder"}
_STREAM_KEYS = {"duration", "encoder", "number_of_frames", "number_of_bytes", "bps", "vendor_id", "alpha_mode"}


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


def carried_chapters(chapters: Iterable[Chapter], placement: Placement) -> list[Chapter]:
    """Return the chapters at their times in the output; of a part, those that it touches."""
    carried = []
    for chapter in chapters:
        base = chapter["time_base"] or Fraction(1)
        start, end = (placement.ticks(chapter[edge], base) for edge in ("start", "end"))
        if placement.cut:
            start = max(start, 0)
        if placement.length is not None:
            end = min(end, round(placement.length / placement.speed / base))
        if start < end or not (placement.cut or placement.length):
            carried.append({**chapter, "start": start, "end": end})
    return carried  # type: ignore[return-value]


def label(stream: Stream) -> str:
    """Name a stream for a reader: kind, number, codec, language."""
    codec = stream.codec_context.name if stream.codec_context is not None else getattr(stream, "name", None)
    language = stream.metadata.get("language")
    parts = [codec or "unknown codec", *([language] if language and language != "und" else [])]
    return f"{stream.type} {stream.index} ({', '.join(parts)})"


def holdable(
    stream: Stream,
    container_format: str,
    encoder: Encoder,
    add: Callable[[av.container.OutputContainer, Stream], Stream] | None = None,
) -> bool:
    """Tell whether a container takes the stream beside the encoded video, as ``add`` adds it, by trying its header."""
    # Their headers are accepted, and the picture or the file then dropped.
    if (is_cover(stream) and container_format == "mov") or (stream.type == "attachment" and container_format == "webm"):
        return False
    try:
        with av.open(io.BytesIO(), "w", format=container_format) as trial:
            video: Any = trial.add_stream(encoder.codec, rate=25, width=64, height=64)
            video.pix_fmt = encoder.pix_fmt
            video.options = SILENT.get(encoder.codec, {})
            (add or add_copy)(trial, stream)
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
    describe_alike(copy, stream)
    if stream.type == "video" and not is_cover(stream):
        copy.disposition = stream.disposition & ~Disposition.default  # players are to choose the new video
    return copy


def describe_alike(copy: Stream, stream: Stream) -> None:
    """Give a stream of an output the language, title and purpose of one of the source."""
    copy.metadata.update(stream.metadata)
    if "title" in stream.metadata and is_mp4(copy.container):  # where FFmpeg writes titles, but does not read them
        copy.metadata["handler_name"] = stream.metadata["title"]
    copy.disposition = stream.disposition


def made_anew(stream: Stream, main: Stream) -> bool:
    """Tell whether the output's muxer makes this stream itself: MP4's of chapter titles and of the time code."""
    if stream.type != "data" or "mp4" not in main.container.format.name:
        return False
    return bool(main.container.chapters()) or "timecode" in main.metadata


def is_mp4(output: av.container.Container) -> bool:
    """Tell MP4 and its kin, which can hide how a stream begins and have no place for an empty one."""
    return output.format.name in ("mp4", "mov", "ipod")


def is_cover(stream: Stream) -> bool:
    """Tell a cover picture, which FFmpeg shows as a video stream of one packet."""
    return bool(stream.type == "video" and stream.disposition & Disposition.attached_pic)


def is_filler(packet: av.Packet, stream: Stream) -> bool:
    """Tell an empty text, with which MP4 fills the time between two subtitles; its muxer makes its own."""
    return stream.type == "subtitle" and stream.codec_context.name == "mov_text" and packet.size <= 2


def _first_packet(stream: Stream) -> bytes:
    with av.open(stream.container.name) as container:
        return next(bytes(packet) for packet in container.demux(container.streams[stream.index]) if packet.size)
