"""Streams that go to the output packet by packet, never re-encoded: of a part, what is shown in it."""

from __future__ import annotations

from fractions import Fraction

import av
from av.stream import Stream

from vfi.media.entry import reaches
from vfi.media.placement import Placement
from vfi.media.streams import add_copy, is_cover, is_filler, is_mp4

_MAY_STAND_STILL = 0x20000  # AVFMT_TS_NONSTRICT: packets of a stream may share a time


class StreamCopier:
    """Writes packets of a source's streams to their copies in an output, and counts them.

    Of a part, sound is taken in whole packets. MP4 hides what comes before the part, so that packets from ahead of it
    can lead in its decoders and the sound begins exactly; elsewhere it begins with the first packet that is all in the
    part, and a further video stream with its first key picture.
    """

    def __init__(self, output: av.container.OutputContainer, placement: Placement) -> None:
        self.counts: dict[int, int] = {}  # packets by index of the source's stream, but for attachments
        self.starts: dict[int, Fraction] = {}  # seconds, the earliest packet by index of the source's stream
        self.ends: dict[int, Fraction] = {}  # seconds, when the last one is over
        self._output = output
        self._placement = placement
        self._copies: dict[int, Stream] = {}
        self._last: dict[int, int] = {}
        self._leads: dict[int, list[av.Packet]] = {}  # of video that has not begun: from a key picture on
        # MP4 says what to skip at the start of a trimmed film; elsewhere it would be played.
        self._hides = is_mp4(output)
        self._step = 0 if output.format.flags & _MAY_STAND_STILL else 1

    def add(self, stream: Stream, copy: Stream | None = None) -> None:
        """Take a stream of the source; ``copy`` is the one of the output that its packets fit, if that is there."""
        copy = copy or add_copy(self._output, stream)
        if copy.type != "attachment":  # which is written with the header
            self._copies[stream.index] = copy
            self.counts[stream.index] = 0

    def write(self, packet: av.Packet) -> None:
        """Write the packet, if its stream is copied; its time then counts from the origin."""
        index = packet.stream_index
        copy = self._copies.get(index)
        if copy is None or is_filler(packet, copy):
            return
        if is_cover(copy):
            packet.pts = packet.dts = 0
            self._mux(packet, index)
        elif packet.pts is not None or packet.dts is not None:
            for taken in self._taken(packet, copy):
                self._place(taken, copy)
                self._mux(taken, index)

    def _taken(self, packet: av.Packet, copy: Stream) -> list[av.Packet]:
        """Return what is to be written now that a packet has come: mostly it, or nothing."""
        place = self._placement
        if packet.is_discard and not self._hides and _ends_before(packet, place.origin):
            return []
        stamps = [place.since(stamp, packet.time_base) for stamp in (packet.pts, packet.dts) if stamp is not None]
        if place.length is not None and stamps[-1] >= place.length:
            return []
        if not place.cut:
            return [packet]
        if copy.type == "video":
            return self._from_key_picture(packet, stamps[0])
        if copy.type == "subtitle" and packet.duration:
            return [packet] if stamps[0] + packet.duration * packet.time_base > 0 else []
        if copy.type == "audio" and self._hides:
            return [packet] if reaches(packet, place.origin) else []
        return [packet] if stamps[0] > -packet.time_base else []

    def _from_key_picture(self, packet: av.Packet, shown: Fraction) -> list[av.Packet]:
        index = packet.stream_index
        if index in self.starts:
            return [packet]
        lead = self._leads.setdefault(index, [])
        if packet.is_keyframe and (shown <= 0 or not lead):
            lead.clear()
            if self._hides or shown >= 0:
                lead.append(packet)
        elif lead:
            lead.append(packet)
        return self._leads.pop(index) if shown >= 0 and lead else []

    def _place(self, packet: av.Packet, copy: Stream) -> None:
        """Turn the packet's times into those of the output."""
        index, place, base = packet.stream_index, self._placement, packet.time_base
        packet.duration = round((packet.duration or 0) / place.speed)
        if packet.pts is not None:
            packet.pts = place.ticks(packet.pts, base)
        if packet.dts is not None:
            packet.dts = place.ticks(packet.dts, base)
        if copy.type == "subtitle" and packet.duration and packet.pts is not None:
            # A text that begins before the part, or ends after it, is shown for as long as it is in it.
            end = packet.pts + packet.duration
            if place.length is not None:
                end = min(end, round(place.length / place.speed / base))
            if place.cut:
                packet.pts = max(packet.pts, 0)
                packet.dts = None if packet.dts is None else max(packet.dts, 0)
            packet.duration = end - packet.pts
        if packet.dts is not None:
            # Muxers refuse a stream whose clock stands still or runs back, as broadcasts now and then do.
            packet.dts = max(packet.dts, self._last.get(index, packet.dts - self._step) + self._step)
            self._last[index] = packet.dts
            if packet.pts is not None:
                packet.pts = max(packet.pts, packet.dts)

    def _mux(self, packet: av.Packet, index: int) -> None:
        if packet.pts is not None:
            time = packet.pts * packet.time_base
            self.starts[index] = min(time, self.starts.get(index, time))
            self.ends[index] = max(time + (packet.duration or 0) * packet.time_base, self.ends.get(index, time))
        packet.stream = self._copies[index]
        self._output.mux(packet)
        self.counts[index] += 1


def _ends_before(packet: av.Packet, origin: Fraction) -> bool:
    """Tell whether not even the next packet, which a decoder may need for its run-up, reaches the origin (seconds)."""
    return packet.pts is None or (packet.pts + 2 * (packet.duration or 0)) * packet.time_base <= origin
