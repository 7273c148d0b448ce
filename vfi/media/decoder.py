"""Which of FFmpeg's decoders reads a stream."""

from __future__ import annotations

from typing import Any

import av
from av.stream import Stream

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def decoder_of(stream: Stream) -> Any:
    """Return the stream's own decoder, or a new one that also knows the transparency that VP8 and VP9 keep beside."""
    known = {key.lower(): value for key, value in stream.metadata.items()}
    if known.get("alpha_mode") == "1" and stream.codec_context.name in _WITH_ALPHA:
        return av.CodecContext.create(_WITH_ALPHA[stream.codec_context.name], "r")
    return stream.codec_context
