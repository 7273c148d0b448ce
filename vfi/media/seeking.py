"""Read a film from the middle."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from vfi.media.errors import MediaError, reading
from vfi.media.frame import Frame
from vfi.media.reader import VideoReader


def frames_from(reader: VideoReader, time: Fraction) -> Iterator[Frame]:
    """Yield the frames that are shown at ``time`` or later, decoding no more than the key frame before it asks for.

    time: seconds since the start of the file; what was read of the reader before is forgotten. Raises MediaError if
    the file can only be read from its start, as one without times, or is damaged there.
    """
    stream, context = reader.stream, reader.stream.codec_context
    assert stream.time_base is not None
    tick = stream.time_base
    if not context.is_open:
        context.thread_type = "AUTO"
    try:
        reader.container.seek(int((time + reader.origin) / tick), stream=stream)
    except av.FFmpegError as error:
        raise MediaError(f"{reader.path} can only be read from its start: convert it to .mkv or .mp4 first") from error
    with reading(reader.path):
        pictures: Any = reader.container.decode(stream)
        for picture in pictures:
            moment = reader.timeline.exact(picture.pts * tick) - reader.origin
            if moment >= time:
                yield Frame(moment, picture.duration * tick, reader.info.color, picture)
