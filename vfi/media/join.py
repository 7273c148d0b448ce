"""Join the pieces of a film to the film: their packets are copied, beside all else that the source holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from heapq import merge
from operator import itemgetter

import av
import numpy as np

from vfi.media.entry import INTERLEAVING, begins
from vfi.media.pieces import Piece
from vfi.media.reader import VideoReader
from vfi.media.verify import Written
from vfi.media.writer import VideoWriter


def join(
    pieces: Sequence[Piece], source: VideoReader, writer: VideoWriter, end: Fraction, speed: Fraction = Fraction(1)
) -> Written:
    """Write the pieces, in order, with the other streams of their source, and finish the film at ``end`` (seconds).

    speed: of the film, times that of its source. The pieces come from encoders like that of ``writer``, and hold a
    frame at least. Raises MediaError if one of them is damaged or the film does not come out as planned; nothing is
    left behind then.
    """
    pictures = _pictures(pieces, writer, end)
    for _, packet, duration in merge(pictures, _others(source, speed, writer.until), key=itemgetter(0)):
        if duration is None:
            writer.copy(packet)
        else:
            writer.append(packet, duration)
    return writer.finish(end)


def _others(
    source: VideoReader, speed: Fraction, until: Fraction | None
) -> Iterator[tuple[float, av.Packet, Fraction | None]]:
    """Yield the packets of the other streams and their times in seconds, at least those before ``until``."""
    for packet in source.other_packets():
        time = float((begins(packet) - source.origin) / speed)
        if until is not None and time > until + INTERLEAVING:
            return
        yield time, packet, None


def _pictures(
    pieces: Sequence[Piece], writer: VideoWriter, end: Fraction
) -> Iterator[tuple[float, av.Packet, Fraction | None]]:
    """Yield the packets of the pieces, their times of decoding and how long each is shown (seconds).

    Encoders count times of decoding from each piece's own start, and these may run back at a seam. So all are set anew:
    what is decoded as number n has the time at which number n - delay is shown.
    """
    decoded = [piece.ticks(writer.tick) for piece in pieces]
    shown = np.sort(np.concatenate(decoded))
    delay = max(map(_delay, decoded))
    times = np.concatenate([shown[:delay] - (shown[delay] - shown[0]), shown[: len(shown) - delay]])
    number = 0
    for piece, ticks in zip(pieces, decoded, strict=True):
        for packet, at in zip(piece.packets(), ticks.tolist(), strict=True):
            packet.pts, packet.dts, packet.time_base = at, int(times[number]), writer.tick
            after = int(shown.searchsorted(at)) + 1
            until = writer.start + int(shown[after]) * writer.tick if after < len(shown) else end
            yield float(writer.start + packet.dts * writer.tick), packet, until - writer.start - at * writer.tick
            number += 1


def _delay(ticks: np.ndarray) -> int:
    """Return how many pictures must be decoded before the first one is shown, so that none is late.

    >>> _delay(np.array([0, 4, 2, 1, 3]))
    2
    """
    shown = np.empty(len(ticks), np.int64)
    shown[ticks.argsort()] = np.arange(len(ticks))
    return int((np.arange(len(ticks)) - shown).max(initial=0))
