"""Read a film from the middle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

from vfi.media.entry import Entry
from vfi.media.errors import MediaError, reading
from vfi.media.frame import Frame
from vfi.media.reader import VideoReader
from vfi.media.survey import open_input

_EARLIER = 1  # second


def frames_from(reader: VideoReader, number: int, *, beyond: bool = False) -> Iterator[Frame]:
    """Yield the frames from ``number`` (from 0) on, the same as `VideoReader.frames` does, any number of times.

    The file is read from the key frame before, and from its start only where there is none to rely on. Raises
    MediaError where `VideoReader.frames` does.
    """
    time = reader.time_of(number)
    for entry, threads in _entries(reader, number):
        with reading(reader.path), open_input(reader.path) as container:
            frames = (item for item in reader.decoded(container, entry, time, threads) if isinstance(item, Frame))
            try:
                first = next(frames, None)
            except MediaError:
                continue  # if it is damage, and not the beginning in the middle, reading from the start will tell
            if first is not None and reader.is_at(first, time):
                yield from _complete(reader, reader.checked(chain([first], frames), number, None, beyond), number)
                return
    with reading(reader.path), open_input(reader.path) as container:
        found = reader.checked(reader.decoded(container, None), 0, None, beyond)
        yield from _complete(reader, islice(found, number, None), number)


def run_up(reader: VideoReader, number: int) -> int:
    """Return how many frames of the reader are decoded before frame ``number`` (from 0), for its sake."""
    entries = _entries(reader, number)
    if not entries:
        return number
    assert reader.stream.time_base is not None
    key = reader.timeline.exact(entries[0][0].key * reader.stream.time_base)
    return number - reader.timeline.number_at(key)


def _entries(reader: VideoReader, number: int) -> list[tuple[Entry, str]]:
    """Return where to begin reading for the sake of a frame, and with what kind of threads, the best way first."""
    keys, clock = reader.survey.keys, reader.stream.time_base
    if keys is None or clock is None:
        return []
    start = keys.decoded.min(initial=0)
    entries = [
        # Some containers seek to a little later than they are told.
        replace(entry, seek=seek if (seek := (entry.seek or 0) - round(_EARLIER / clock)) > start else None)
        for entry in keys.until(round(reader.timeline.time_of(number) / clock))
    ]
    # Pictures shown before a key picture may fail after it, and with frame threads then all do; and from some key
    # pictures on it takes a while until pictures are whole.
    return list(zip([*entries[:1], *entries], ["AUTO", "SLICE", "SLICE"], strict=False))


def _complete(reader: VideoReader, frames: Iterator[Frame], number: int) -> Iterator[Frame]:
    """Yield the frames, the first of which has a number; raises MediaError if one is left out."""
    for at, frame in enumerate(frames, number):
        if reader.survey.keys is not None and at < reader.timeline.frames and frame.time != reader.time_of(at):
            raise MediaError(
                f"{reader.path} is damaged near {reader.spoken(frame.time)}, where not every picture can be decoded:"
                " get it anew"
            )
        yield frame
