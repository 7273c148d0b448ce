"""A film in chunks: where they begin, and one of them made.

A chunk is a range of gaps; gap n follows frame n of the source. It takes the source, the range and the wishes to make
one, and nothing of the others: any process on any machine can.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vfi.media import VideoReader
from vfi.media.encoding import Encoder
from vfi.media.pieces import Piece, PieceWriter
from vfi.media.seeking import frames_from, run_up
from vfi.pipeline import Between, Schedule, Stretch, Tally, interpolate
from vfi.spans import Content, settled_from
from vfi.timing import Timing

_RUN_UP = 4  # times its own length that may have to be decoded before a chunk


@dataclass(frozen=True)
class Made:
    """A chunk made, or its beginning."""

    piece: Piece
    tally: Tally
    stopped: Fraction | None  # seconds, when its next frame would have come; None if the chunk is complete


def plan_chunks(reader: VideoReader, seconds: Fraction) -> list[range]:
    """Return the gaps of every chunk; each lasts so many seconds, the last one half as many at least.

    They are longer where a source has so few key frames that what is decoded twice would take over.
    """
    frames = reader.timeline.frames
    chunks, first = [], 0
    while first < frames:
        beyond = bisect_left(range(frames), reader.time_of(first) + seconds, first + 1, key=reader.time_of)
        while beyond < frames and run_up(reader, beyond) > _RUN_UP * (beyond - first):
            beyond = first + math.ceil(run_up(reader, beyond) / _RUN_UP)
        if beyond >= frames or reader.time_of(frames) - reader.time_of(beyond) < seconds / 2:
            beyond = frames
        chunks.append(range(first, beyond))
        first = beyond
    return chunks


def make_chunk(
    reader: VideoReader,
    gaps: range,
    path: Path,
    between: Between,
    timing: Timing,
    *,
    encoder: Encoder,
    content: Content,
    speed: Fraction = Fraction(1),
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[Tally], None] = lambda tally: None,
) -> Made:
    """Write the frames of some gaps to ``path``, a piece of the new film; they are those of the film made in one go.

    speed: of the new film, times that of its source. ``stop`` is asked before each frame: when it says so, the piece
    ends there. ``progress`` is called with what there is so far. Raises MediaError if the source cannot be read or the
    piece not be written; nothing is left behind then.
    """
    schedule, tally = Schedule.of(reader, timing, speed), Tally()
    stretch = Stretch(gaps, settled_from(gaps.start), schedule.start)
    frames = (frame.slowed(speed) for frame in frames_from(reader, stretch.number, beyond=True))
    made = interpolate(frames, between, timing, content, end=schedule.end, stretch=stretch, tally=tally)
    with PieceWriter(
        path, encoder, reader.info, rate=schedule.average_rate, tick=schedule.tick, start=schedule.start
    ) as writer:
        for frame in made:
            if stop():
                return Made(writer.finish(), tally, frame.time)
            writer.write(frame)
            progress(tally)
        return Made(writer.finish(), tally, None)
