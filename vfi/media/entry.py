"""Where to begin reading a file for a part of it, so that nothing is missed and little is read in vain."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

RUN_UP = Fraction(1, 10)  # seconds of sound ahead of a cut that its decoder may need; Opus asks for the longest, 0.08
INTERLEAVING = Fraction(10)  # seconds by which packets of one moment may lie apart in a file, as FFmpeg allows


@dataclass(frozen=True)
class Entry:
    """Where to begin, in ticks of the main video stream."""

    seek: int | None  # when a key picture is decoded, from which on reading is enough; None: from the start
    key: int  # when the key picture is shown with which decoding begins


def reaches(packet: av.Packet, moment: Fraction) -> bool:
    """Tell whether what a packet holds, or prepares, lasts beyond a moment (seconds on the file's clock)."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return stamp is not None and (stamp + (packet.duration or 0)) * packet.time_base > moment - RUN_UP


def begins(packet: av.Packet) -> Fraction:
    """Return when a packet is decoded, or shown if that is all it says, in seconds on the file's clock."""
    stamp = packet.dts if packet.dts is not None else packet.pts
    return Fraction(0) if stamp is None else stamp * packet.time_base


@dataclass(frozen=True)
class KeyPictures:
    """The pictures of the main video stream with which decoding can begin, in ticks, rising."""

    shown: np.ndarray
    decoded: np.ndarray

    def until(self, stamp: int) -> list[Entry]:
        """Return the entries with the last key pictures that are shown at a stamp or before, the latest first."""
        count = int(self.shown.searchsorted(stamp, side="right"))
        return [Entry(int(self.decoded[i]), int(self.shown[i])) for i in range(count - 1, max(count - 3, -1), -1)]


class EntryFinder:
    """Finds the entry while all packets of a file go by, in the file's order."""

    def __init__(self, index: int) -> None:
        """Take the index of the main video stream."""
        self._index = index
        self._shown, self._decoded = array("q"), array("q")  # when each key picture is, in ticks
        self._behind: dict[int, int] = {}  # by stream: the key pictures ahead of the first packet needed

    def see(self, packet: av.Packet, moment: Fraction) -> None:
        """Take a packet; ``moment``, seconds on the file's clock, is when the part begins, as far as is known."""
        index = packet.stream_index
        if index == self._index:
            if packet.is_keyframe and packet.pts is not None and packet.dts is not None:
                self._shown.append(packet.pts)
                self._decoded.append(packet.dts)
        elif packet.stream.type == "video":  # whose pictures need the last key picture before them
            if index not in self._behind or (packet.is_keyframe and not reaches(packet, moment + RUN_UP)):
                self._behind[index] = len(self._shown)
        elif index not in self._behind and reaches(packet, moment):
            self._behind[index] = len(self._shown)

    @property
    def keys(self) -> KeyPictures:
        """All that went by."""
        shown = np.fromiter(self._shown, np.int64)
        order = shown.argsort()
        return KeyPictures(shown[order], np.fromiter(self._decoded, np.int64)[order])

    def find(self, first: int) -> Entry | None:
        """Return the entry for a part whose first picture is shown at ``first`` (ticks); None: all from the start."""
        key = max((number for number, shown in enumerate(self._shown) if shown <= first), default=0)
        if key == 0:
            return None
        seek = min([key, *(number - 1 for number in self._behind.values())])
        return Entry(self._decoded[seek] if seek > 0 else None, self._shown[key])
