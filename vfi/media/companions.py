"""All that goes with the main video into an output: copied as it is, or made to fit the container or a slower film."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import av
from av.stream import Stream

from vfi.media.copier import StreamCopier
from vfi.media.encoding import Encoder
from vfi.media.placement import Placement, SlowMotion
from vfi.media.sound import SlowedSound
from vfi.media.streams import holdable, is_filler, is_mp4, label
from vfi.media.texts import TextConverter, add_text
from vfi.media.verify import CopiedStream

_TIMED_INSIDE = ("dvdsub", "dvbsub")  # subtitles whose packets say when they go


Fate = Literal["copied", "converted", "left out"]
"""A stream's packets stay as they are, its texts take another form, or the container has no place for it."""


def fate(stream: Stream, container_format: str, encoder: Encoder) -> Fate:
    """Tell what becomes of a stream beside the encoded video in a container of FFmpeg's name."""
    if holdable(stream, container_format, encoder):
        return "copied"
    return "converted" if holdable(stream, container_format, encoder, add_text) else "left out"


class Companions:
    """The other streams of a source, on their way into an output."""

    def __init__(
        self, output: av.container.OutputContainer, placement: Placement, encoder: Encoder, slow: SlowMotion | None
    ) -> None:
        """Take the output, whose main video goes through ``encoder``; ``slow`` is None at the source's own speed."""
        self._output, self._placement, self._encoder, self._slow = output, placement, encoder, slow
        self._copier = StreamCopier(output, placement)
        self._copies: dict[int, Stream] = {}  # streams of the source by their index in the output
        self._texts: dict[int, tuple[Stream, TextConverter]] = {}  # likewise
        self._sounds: dict[int, tuple[Stream, SlowedSound]] = {}  # likewise
        self._gone: list[int] = []  # of which no packet came, for which MP4 has no place
        self._notes: list[str] = []

    @property
    def copied(self) -> tuple[str, ...]:
        """The streams whose packets are copied as they are, in words."""
        return tuple(label(stream) for index, stream in self._copies.items() if index not in self._texts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed or could not be kept, a sentence each."""
        lost = (
            f"{texts.lost} texts of {label(stream)} cannot be read."
            for stream, texts in self._texts.values()
            if texts.lost
        )
        return (*self._notes, *lost, *(note for _, sound in self._sounds.values() for note in sound.notes))

    def add(self, stream: Stream) -> None:
        """Add a stream of the source to the output, if it can be there."""
        index = len(self._output.streams)
        if self._slow is not None and isinstance(stream, av.AudioStream):
            self._add_slowed(index, stream, self._slow)
            return
        found = fate(stream, self._output.format.name, self._encoder)
        if found == "left out":
            suffix = Path(self._output.name).suffix
            self._notes.append(f"Left out {label(stream)}: {suffix} cannot hold it; .mkv holds most.")
            return
        self._copies[index] = stream
        if found == "copied":
            self._copier.add(stream)
            if self._slow is not None and stream.codec_context and stream.codec_context.name in _TIMED_INSIDE:
                self._notes.append(
                    f"Each text of {label(stream)} comes at its slower time, but goes as soon as it did."
                )
            return
        copy = add_text(self._output, stream)
        self._texts[index] = stream, TextConverter(stream, copy)
        self._copier.add(stream, copy)
        self._notes.append(f"{label(stream).capitalize()} is converted to {copy.codec_context.name}.")

    def write(self, packet: av.Packet) -> None:
        """Take a packet of the source, of any stream but the main one."""
        for stream, sound in self._sounds.values():
            if stream.index == packet.stream_index:
                return sound.write(packet)
        taken: av.Packet | None = packet
        for stream, texts in self._texts.values():
            if stream.index == packet.stream_index:
                taken = None if is_filler(packet, stream) else texts.converted(packet)
        if taken is not None:
            self._copier.write(taken)
        return None

    def finish(self) -> None:
        """Write what is held back."""
        for _, sound in self._sounds.values():
            sound.finish()
        for index, stream in list(self._copies.items()):
            if self._copier.counts.get(stream.index) != 0 or stream.type == "subtitle":
                continue  # texts may well be few; MP4 fills the time without them
            self._notes.append(f"Left out {label(self._copies.pop(index))}: nothing of it is here.")
            if is_mp4(self._output):
                self._gone.append(index)

    def plan(self) -> dict[int, CopiedStream]:
        """Return what each stream must come to, by its index in the finished output."""
        planned = {}
        for index, stream in self._copies.items():
            metadata = {key: value for key, value in stream.metadata.items() if key in ("language", "title")}
            count, start = self._copier.counts.get(stream.index, 0), self._copier.starts.get(stream.index)
            over = self._copier.ends.get(stream.index)
            planned[self.place(index)] = CopiedStream(label(stream), stream.type, metadata, count, start, over=over)
        for index, (stream, sound) in self._sounds.items():
            planned[self.place(index)] = CopiedStream(label(stream), "audio", {}, sound.packets, sound.start, sound.end)
        return planned

    def place(self, index: int) -> int:
        """Return the index in the finished output of the stream that was added as number ``index``."""
        return index - sum(gone < index for gone in self._gone)

    def _add_slowed(self, index: int, stream: av.AudioStream, slow: SlowMotion) -> None:
        if slow.audio == "drop":
            return
        try:
            sound = SlowedSound(self._output, stream, self._placement, silent=slow.audio == "mute")
        except ValueError as error:
            self._notes.append(f"Left out {label(stream)}: {error}.")
            return
        self._sounds[index] = stream, sound
        done = "is silent" if slow.audio == "mute" else "is slowed at its pitch"
        self._notes.append(f"{label(stream).capitalize()} {done}, encoded anew with {sound.encoder}.")
