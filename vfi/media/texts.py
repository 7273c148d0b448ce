"""Subtitles of text, put into the words that another container has for them."""

from __future__ import annotations

from typing import Any

import av
from av.stream import Stream

from vfi.media.streams import describe_alike

# What a container calls its texts.
_FORMS = {"mp4": "mov_text", "mov": "mov_text", "ipod": "mov_text", "matroska": "subrip", "webm": "webvtt"}


def add_text(output: av.container.OutputContainer, source: Stream) -> Stream:
    """Add a stream to ``output`` for the texts of ``source``. Raises ValueError if they are pictures, or have no place.

    Raises av.FFmpegError if they cannot be read.
    """
    form = _FORMS.get(output.format.name)
    decoder: Any = source.codec_context
    if source.type != "subtitle" or form is None or decoder is None:
        raise ValueError("only texts become other texts")
    decoder.open(strict=False)
    if not decoder.subtitle_header:
        raise ValueError("pictures are no texts")
    stream: Any = output.add_stream(form)
    stream.codec_context.subtitle_header = decoder.subtitle_header  # fonts and styles, in the words of ASS
    stream.codec_context.time_base = stream.time_base = source.time_base
    describe_alike(stream, source)
    return stream


class TextConverter:
    """Turns the packets of a stream of texts into those of another kind, at the same times."""

    def __init__(self, source: Stream, target: Stream) -> None:
        """Take a stream and what `add_text` made of it."""
        self._source = source
        self._decoder: Any = source.codec_context
        self._encoder: Any = target.codec_context
        self.lost = 0  # texts that could not be read

    def converted(self, packet: av.Packet) -> av.Packet | None:
        """Return the text of a packet of the source in the new form, None if there is none in it."""
        try:
            texts = self._decoder.decode2(packet)
            if texts is None or not len(texts):
                return None
            made = av.Packet(bytes(self._encoder.encode_subtitle(texts)))
        except av.FFmpegError:
            self.lost += 1
            return None
        made.stream, made.time_base = self._source, packet.time_base
        made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
        return made if made.size else None
