"""What is in a file, for a reader: its streams, the times and colours of its video, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.stream import Disposition, Stream
from av.video.reformatter import ColorPrimaries, ColorTrc

from vfi.media.color import FULL_RANGE, LIMITED_RANGE
from vfi.media.errors import MediaError, reading
from vfi.media.info import Hdr, VideoInfo, describe
from vfi.media.open import is_pictures
from vfi.media.pictures import PictureReader
from vfi.media.streams import is_cover
from vfi.media.survey import examine, first_picture, main_video, open_input

if TYPE_CHECKING:
    from av.container.core import Chapter as AvChapter

_MATRICES = {
    0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
    10: "bt2020c", 14: "ictcp",
}  # fmt: skip
_RANGES = {LIMITED_RANGE: "limited", FULL_RANGE: "full"}
_PQ, _HLG = 16, 18  # transfer codes of ITU-T H.273


@dataclass(frozen=True)
class StreamFacts:
    """What a stream says of itself; None where it says nothing, or a stream of its type has no such thing."""

    index: int
    type: str  # video, audio, subtitle, data or attachment
    codec: str | None
    language: str | None
    title: str | None
    default: bool  # what players choose
    cover: bool  # a picture of the film, not a part of it
    bit_rate: int | None  # per second
    size: tuple[int, int] | None  # width and height of a video
    rate: Fraction | None  # frames per second of a video, as declared
    sample_rate: int | None  # of a sound
    layout: str | None  # of a sound's channels: mono, stereo, 5.1
    end: Fraction | None = None  # seconds since the file's start, of what it holds; None if the file is not whole

    def __str__(self) -> str:
        """
        >>> facts = StreamFacts(1, "audio", "aac", "eng", None, True, False, None, None, None, 48000, "stereo")
        >>> print(facts)
        audio 1: aac, 48000 Hz, stereo, eng, default
        """
        parts = [
            self.codec or "unknown codec",
            "cover" if self.cover else None,
            f"{self.size[0]}x{self.size[1]}" if self.size else None,
            f"{float(self.rate):.6g} fps" if self.rate and not self.cover else None,
            f"{self.sample_rate} Hz" if self.sample_rate else None,
            self.layout,
            f"{self.bit_rate // 1000} kbit/s" if self.bit_rate and self.bit_rate >= 1000 else None,
            self.language,
            f"“{self.title}”" if self.title else None,
            "default" if self.default else None,
        ]
        return f"{self.type} {self.index}: {', '.join(part for part in parts if part)}"


@dataclass(frozen=True)
class VideoFacts:
    """The video that would be interpolated; what only the whole file can tell is None if it is not whole."""

    index: int  # of its stream
    codec: str
    info: VideoInfo  # size, pixel format, colour by its codes, pixel aspect, rotation, HDR10 data
    matrix: str | None  # FFmpeg's names; None where nothing is said
    primaries: str | None
    transfer: str | None
    range: str | None  # limited or full
    hdr: str | None  # HDR10, PQ or HLG
    variable: bool | None = None  # whether the times are uneven
    rate: Fraction | None = None  # frames per second, on average if variable
    frames: int | None = None
    duration: Fraction | None = None  # seconds
    interlaced: bool | None = None

    def __str__(self) -> str:
        """Return it as two lines for a reader, the second one indented."""
        rate = None if self.rate is None else f"{float(self.rate):.6g} fps"
        film = [
            self.codec,
            f"{self.info.width}x{self.info.height}",
            self.info.pix_fmt,
            f"variable rate, {rate} on average" if self.variable else rate,
            None if self.frames is None else f"{self.frames} frame{'s' if self.frames > 1 else ''}",
        ]
        colors, aspect = [self.matrix, self.primaries, self.transfer], self.info.pixel_aspect
        tags = "/".join(name or "?" for name in (colors[:1] if len(set(colors)) == 1 else colors))
        looks = [
            f"colour {tags}" if any(colors) else "no colour tags",
            f"{self.range} range" if self.range else None,
            f"{self.hdr}{_mastering(self.info.hdr)}" if self.hdr else None,
            f"pixels {aspect.numerator}:{aspect.denominator}" if aspect else None,
            f"rotated by {self.info.rotation} degrees" if self.info.rotation else None,
            {True: "interlaced", False: "progressive", None: None}[self.interlaced],
        ]
        first, second = (", ".join(filter(None, parts)) for parts in (film, looks))
        return f"video {self.index}: {first}\n  {second}"


@dataclass(frozen=True)
class Chapter:
    """A part of a film; seconds since its start."""

    start: Fraction
    end: Fraction
    title: str | None


@dataclass(frozen=True)
class Probe:
    """What is known of a file."""

    path: Path
    fault: str | None  # what is wrong with the file, a sentence; None if it is whole
    unfit: str | None  # why a whole file cannot be interpolated, a sentence; None if it can, or is not whole
    bytes: int | None = None
    container: str | None = None  # FFmpeg's name
    duration: Fraction | None = None  # seconds, of the whole file as declared
    streams: tuple[StreamFacts, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    video: VideoFacts | None = None
    notes: tuple[str, ...] = ()  # on how the video would be read, a sentence each

    def fit_video(self) -> VideoFacts:
        """Return the video; raises MediaError, with the reason, if it cannot be interpolated."""
        if self.video is None or self.fault or self.unfit:
            raise MediaError(str(self.fault or self.unfit))
        return self.video

    def __str__(self) -> str:
        """Return it as lines for a reader, but for what is wrong."""
        parts = [
            self.container,
            None if self.bytes is None else f"{self.bytes / 1e6:.3g} MB",
            None if self.duration is None else f"{float(self.duration):.3f} s",
        ]
        lines = [f"{self.path}: {', '.join(part for part in parts if part) or 'not readable'}"]
        if self.video is not None and not self.streams:
            lines += [f"  {line}" for line in str(self.video).splitlines()]
        for stream in self.streams:
            text = str(self.video if self.video is not None and self.video.index == stream.index else stream)
            lines += [f"  {line}" for line in text.splitlines()]
        if self.chapters:
            named = (f"{float(chapter.start):.3f} s {chapter.title or ''}".strip() for chapter in self.chapters)
            lines.append(f"  {len(self.chapters)} chapters: {', '.join(named)}")
        return "\n".join(lines)


def probe(path: str | Path) -> Probe:
    """Read the whole file, but decode a single picture; raises nothing for a file that is missing or damaged.

    Pictures in files of their own, by what `vfi.media.open` takes for them, are one film.

    >>> probe("nowhere.mp4").fault
    'nowhere.mp4 does not exist: check the name'
    """
    path = Path(path)
    try:
        if is_pictures(path):
            return _probe_pictures(path)
        with reading(path), open_input(path) as container:
            return _probe(path, container)
    except MediaError as error:
        return Probe(path, fault=str(error), unfit=None)


def _probe(path: Path, container: av.container.InputContainer) -> Probe:
    fault = unfit = video = None
    notes: tuple[str, ...] = ()
    streams = list(map(_stream, container.streams))
    try:
        stream = main_video(container, path)
    except MediaError as error:
        unfit = str(error)
    else:
        try:
            survey = examine(path)
        except MediaError as error:
            fault, info = str(error), _first_info(container, stream)
            video = None if info is None else _facts(stream.index, stream.codec_context.name, info)
        else:
            times, unfit, notes = survey.timeline, survey.unfit(path), survey.notes(container)
            several = times.frames > 1
            video = replace(
                _facts(stream.index, stream.codec_context.name, survey.info),
                variable=times.rate is None if several else None,
                rate=times.average_rate if several else None,
                frames=times.frames,
                duration=times.duration,
                interlaced=survey.interlaced,
            )
            ends = {index: end - survey.origin for index, end in survey.ends.items()}
            streams = [replace(facts, end=None if facts.cover else ends.get(facts.index)) for facts in streams]
    return Probe(
        path=path,
        fault=fault,
        unfit=unfit,
        bytes=path.stat().st_size,
        container=container.format.name,
        duration=None if container.duration is None else Fraction(container.duration, av.time_base),
        streams=tuple(streams),
        chapters=tuple(map(_chapter, container.chapters())),
        video=video,
        notes=notes,
    )


def _probe_pictures(path: Path) -> Probe:
    with PictureReader(path) as reader:
        facts = _facts(0, "pictures", reader.info)
        video = replace(
            facts,
            variable=False,
            rate=reader.rate,
            frames=reader.frame_count,
            duration=reader.duration,
            interlaced=False,
        )
        return Probe(path, fault=None, unfit=None, duration=reader.duration, video=video, notes=reader.notes)


def _first_info(container: av.container.InputContainer, stream: av.VideoStream) -> VideoInfo | None:
    """Return what the first picture says that can be decoded at all."""
    try:
        for packet in container.demux(stream):
            picture = first_picture(stream.codec_context, packet)
            if picture is not None:
                return describe(picture, stream)
    except av.FFmpegError:
        pass  # the fault is known already
    return None


def _facts(index: int, codec: str, info: VideoInfo) -> VideoFacts:
    color = info.color
    return VideoFacts(
        index=index,
        codec=codec,
        info=info,
        matrix=_MATRICES.get(color.matrix),
        primaries=_spelled(ColorPrimaries, color.primaries),
        transfer=_spelled(ColorTrc, color.transfer),
        range=_RANGES.get(color.range),
        hdr="HLG" if color.transfer == _HLG else "HDR10" if info.hdr else {_PQ: "PQ"}.get(color.transfer),
    )


def _spelled(codes: type[IntEnum], code: int) -> str | None:
    """Return FFmpeg's name of a colour code, None if it is unspecified or unknown."""
    names = {int(member): member.name.lower().replace("_", "-") for member in codes if member.name != "UNSPECIFIED"}
    return names.get(code)


def _mastering(hdr: Hdr | None) -> str:
    if hdr is None:
        return ""
    least, greatest = map(float, hdr.luminance)
    light = "" if hdr.light_level is None else ", MaxCLL {}, MaxFALL {}".format(*hdr.light_level)
    return f" (display {least:g} to {greatest:g} cd/m2{light})"


def _stream(stream: Stream) -> StreamFacts:
    context: Any = stream.codec_context
    declared: Any = stream  # of which only some types have a rate
    return StreamFacts(
        index=stream.index,
        type=stream.type,
        codec=None if context is None else context.name,
        language=_said(stream.metadata, "language"),
        title=_said(stream.metadata, "title"),
        default=bool(stream.disposition & Disposition.default),
        cover=is_cover(stream),
        bit_rate=getattr(context, "bit_rate", None) or None,
        size=(context.width, context.height) if context is not None and stream.type == "video" else None,
        rate=declared.average_rate if stream.type == "video" else None,
        sample_rate=context.sample_rate if context is not None and stream.type == "audio" else None,
        layout=context.layout.name if context is not None and stream.type == "audio" else None,
    )


def _chapter(chapter: AvChapter) -> Chapter:
    tick = chapter["time_base"] or Fraction(1)
    return Chapter(chapter["start"] * tick, chapter["end"] * tick, _said(chapter["metadata"], "title"))


def _said(metadata: dict[str, str], key: str) -> str | None:
    """Return a tag, None if it is missing or says that it is unknown."""
    value = metadata.get(key)
    return None if value in (None, "", "und") else value
