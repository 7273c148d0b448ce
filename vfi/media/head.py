"""The first seconds of a film as a file of their own, packet by packet, so that nothing is encoded anew.

Unlike a part of the film, it takes no look through the rest, which would be measured as well.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vfi.media.errors import MediaError, reading, writing
from vfi.media.reader import VideoReader
from vfi.media.survey import open_input


def write_head(source: Path, output: Path, seconds: Fraction) -> int:
    """Write the main video stream's pictures of the first ``seconds`` to ``output``; returns how many.

    A few more follow where the codec has stored them before the last of these. Raises MediaError if either file does
    not work out, or the pictures carry no times.
    """
    with VideoReader(source) as reader:
        index, start = reader.stream.index, reader.timeline.start
        with reading(source):
            stamps = [packet.pts for packet in reader.container.demux(reader.stream) if packet.size]
        assert reader.stream.time_base is not None
        beyond = math.ceil((start + seconds) / reader.stream.time_base)
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(stamps):
        raise MediaError(f"{source} has pictures without times and cannot be cut: measure the whole of it")
    count = left = _unbroken(np.array(known, np.int64), beyond)
    with reading(source), open_input(source) as film, writing(output), av.open(str(output), "w") as head:
        copy = head.add_stream_from_template(film.streams[index], opaque=True)
        for packet in film.demux(film.streams[index]):
            if not left:
                break
            if packet.size:
                packet.stream = copy
                head.mux(packet)
                left -= 1
    return count


def _unbroken(stamps: np.ndarray, beyond: int) -> int:
    """Return how many packets hold every picture before ``beyond``, and none of a time after one that is left out.

    >>> _unbroken(np.array([0, 4, 2, 1, 3, 8, 6, 5, 7, 9]), 6)  # in the order in which they are stored
    9
    """
    latest, earliest = np.maximum.accumulate(stamps)[:-1], np.minimum.accumulate(stamps[::-1])[::-1][1:]
    ends = np.flatnonzero((latest < earliest) & (earliest >= beyond))
    return int(ends[0]) + 1 if len(ends) else len(stamps)
