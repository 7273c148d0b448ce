"""The sound of a film that is played slower: decoded, made longer at its pitch, encoded anew."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from vfi.media.placement import Placement
from vfi.media.streams import carried_stream_metadata, label

_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}  # where the encoder's name is not the codec's
_FALLBACKS = ("aac", "libopus")
_BIT_RATE = 96_000  # per channel, if the source has not more
_SLOWEST = 0.5  # of one filter atempo
_CLICK = Fraction(1, 10)  # seconds of sound behind the last picture that are not worth a word


class SlowedSound:
    """One sound track on its way: packets of the source in, packets of the output out.

    Whatever the source's track does, the new one begins at 0 and is as long as the film; gaps are silent.
    """

    def __init__(
        self, output: av.container.OutputContainer, source: av.AudioStream, placement: Placement, *, silent: bool
    ) -> None:
        """Add the track to the output, ``placement.length`` long. Raises ValueError if no encoder fits."""
        assert placement.length is not None
        self.packets = 0
        self.start: Fraction | None = None  # seconds
        self.end = placement.length / placement.speed  # seconds
        self.encoder, layout = _choose_encoder(source, output.format.name)
        self._output, self._placement = output, placement
        self._stream = _add_stream(output, self.encoder, source, layout)
        self._stream.metadata.update(carried_stream_metadata(source.metadata))
        self._stream.disposition = source.disposition
        self._label = label(source)
        context = self._stream.codec_context
        self._rate, self._layout = context.sample_rate, context.layout.name
        window = 2 ** math.ceil(math.log2(self._rate // 24))  # samples that atempo works on
        self._delay = window // 4  # measured: what it puts out is ahead by this, in samples of the source
        self._graph = self._open_graph(silent)
        self._resampler: tuple[tuple[Any, ...], av.AudioResampler] | None = None
        self._full = False  # nothing more fits into the track
        self._lost, self._last = 0, Fraction(0)

    @property
    def notes(self) -> Iterator[str]:
        """What could not be kept, a sentence each."""
        over = self._last - (self._placement.length or 0)
        if over > _CLICK:
            yield f"Cut {self._label} at the end of the pictures, {float(over):.2f} s before its own."
        if self._lost:
            yield f"{self._lost} packets of {self._label} cannot be decoded: there is silence in their place."

    def write(self, packet: av.Packet) -> None:
        """Take the track's next packet."""
        begin = None if packet.pts is None else self._placement.since(packet.pts, packet.time_base)
        try:
            frames: list[Any] = packet.decode()
        except av.FFmpegError:
            self._lost += begin is not None and begin >= 0  # ahead of a part, a decoder may not have got going yet
            return
        for frame in frames:
            if frame.pts is not None:
                seconds = self._placement.since(frame.pts, frame.time_base)
                self._last = max(self._last, seconds + Fraction(frame.samples, frame.sample_rate))
            for even in self._resample(frame):
                self._push(even)

    def finish(self) -> None:
        """Fill the track up to its end."""
        if self._resampler is not None:
            for frame in self._resampler[1].resample(None):
                self._push(frame)
        self._push(None)
        self._mux(self._stream.encode(None))

    def _resample(self, frame: Any) -> Iterator[Any]:
        """Yield the sound at the new track's rate and layout, whatever broadcasts change them to."""
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if self._resampler is None or self._resampler[0] != kind:
            if self._resampler is not None:
                yield from self._resampler[1].resample(None)
            self._resampler = kind, av.AudioResampler("flt", self._layout, self._rate)
        yield from self._resampler[1].resample(frame)

    def _open_graph(self, silent: bool) -> av.filter.Graph:
        graph = av.filter.Graph()
        speed = float(self._placement.speed)
        stages = max(1, math.ceil(math.log2(1 / speed) - 1e-9))
        steps = [_SLOWEST] * (stages - 1)
        samples = round(self.end * self._rate)
        filters = [
            ("aresample", "async=1:first_pts=0"),  # silence where there is no sound, also at the start
            *(("atempo", repr(step)) for step in [*steps, speed / math.prod(steps)]),
            *([("volume", "0")] if silent else []),
            ("apad", f"whole_len={samples}"),
            ("atrim", f"end_sample={samples}"),
        ]
        base = Fraction(1, self._rate)
        source = graph.add_abuffer(sample_rate=self._rate, format="flt", layout=self._layout, time_base=base)
        nodes = [graph.add(name, options) for name, options in filters]
        graph.link_nodes(source, *nodes, graph.add("abuffersink")).configure()
        return graph

    def _push(self, frame: Any | None) -> None:
        if self._full:
            return
        if frame is not None and frame.pts is not None:
            seconds = self._placement.since(frame.pts, frame.time_base)
            frame.pts, frame.time_base = round(seconds * self._rate) + self._delay, Fraction(1, self._rate)
        try:
            self._graph.push(frame)
            while True:
                self._mux(self._stream.encode(self._graph.pull()))
        except av.BlockingIOError:
            pass  # it needs more first
        except av.EOFError:
            self._full = True

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            if packet.pts is not None:
                time = packet.pts * packet.time_base
                self.start = time if self.start is None else min(self.start, time)
            self.packets += packet.size > 0  # FLAC ends with word on the whole, which is none of the sound
            self._output.mux(packet)


def _choose_encoder(source: av.AudioStream, container_format: str) -> tuple[str, str]:
    """Return an encoder and a layout that the container takes: the source's own if they can be."""
    codec = source.codec_context.codec.canonical_name
    own = source.codec_context.layout.name
    layouts = dict.fromkeys([own, own.replace("(side)", ""), "stereo"])  # 5.1(side) is but one of two kinds of 5.1
    for encoder in dict.fromkeys([_ENCODERS.get(codec, codec), *_FALLBACKS]):
        for layout in layouts:
            try:
                with av.open(io.BytesIO(), "w", format=container_format) as trial:
                    _add_stream(trial, encoder, source, layout)
                    trial.start_encoding()
            except (av.FFmpegError, ValueError):
                continue
            return encoder, layout
    raise ValueError(f"no encoder for {label(source)}")


def _add_stream(output: av.container.OutputContainer, encoder: str, source: av.AudioStream, layout: str) -> Any:
    old = source.codec_context
    codec = av.Codec(encoder, "w")
    rates = codec.audio_rates or [old.sample_rate]
    rate = min(rates, key=lambda offered: (offered < old.sample_rate, abs(offered - old.sample_rate)))
    stream: Any = output.add_stream(encoder, rate=rate)
    context = stream.codec_context
    context.layout = layout
    wanted = old.format.bytes
    formats = codec.audio_formats or [old.format]
    context.format = min(formats, key=lambda offered: (offered.bytes < wanted, offered.bytes - wanted)).name
    if not codec.lossless:
        same = codec.canonical_name == old.codec.canonical_name
        context.bit_rate = max((old.bit_rate or 0) if same else 0, _BIT_RATE * context.layout.nb_channels)
    return stream
