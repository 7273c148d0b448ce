"""Prove that a written file is what was planned, by reading it back."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from vfi.media.color import UNSPECIFIED, has_alpha
from vfi.media.decoder import decoder_of
from vfi.media.errors import MediaError, reading
from vfi.media.info import VideoInfo, describe
from vfi.media.streams import is_cover, is_filler
from vfi.media.survey import open_input

_SAME_MATRIX = {6: 5}  # BT.601 has two codes; VP9 knows one


@dataclass(frozen=True)
class CopiedStream:
    """What a stream beside the main video must come to."""

    label: str
    type: str
    metadata: Mapping[str, str]
    packets: int
    start: Fraction | None  # seconds
    end: Fraction | None = None  # seconds, to a packet; None: wherever its packets end
    over: Fraction | None = None  # seconds, when the packets are over: only told, since muxers know it differently


@dataclass(frozen=True)
class Written:
    """What reading a file back showed; all that is not here is exactly as planned."""

    duration_error: Fraction  # seconds that the video lasts longer than planned
    sound_error: Fraction | None  # seconds that the sound ends later than the source's; None if there is none
    kept: tuple[str, ...]  # what the source says of its pictures, and is there again, in words
    lost: tuple[str, ...]  # names of the metadata that did not make it, which some containers have no place for


@dataclass
class _Found:
    """What is read back of a stream; times in seconds."""

    packets: int = 0
    start: Fraction = Fraction(10**9)
    end: Fraction = Fraction(0)
    longest: Fraction = Fraction(0)  # packet

    def add(self, packet: av.Packet) -> None:
        self.packets += 1
        if packet.pts is not None:
            time, length = packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base
            self.start, self.end = min(self.start, time), max(self.end, time + length)
            self.longest = max(self.longest, length)


@dataclass(frozen=True)
class Plan:
    """What the file must hold."""

    video_index: int
    info: VideoInfo
    ticks: array[int]  # the time of every frame, in units of tick since start
    tick: Fraction  # seconds
    start: Fraction  # seconds, of the first frame
    end: Fraction  # seconds, of the last frame's showing
    copies: Mapping[int, CopiedStream]  # by index in the output
    metadata: Mapping[str, str]
    chapters: int

    def verify(self, path: Path) -> Written:
        """Read the file back; raise MediaError at the first point where it is not as planned."""
        with reading(path), open_input(path) as written:
            streams = list(written.streams)
            for index, copy in self.copies.items():
                if index >= len(streams) or streams[index].type != copy.type:
                    raise _breach(path, f"{copy.label} is missing")
            if len(written.chapters()) != self.chapters:
                raise _breach(path, f"it has {len(written.chapters())} chapters, not {self.chapters}")
            video: Any = streams[self.video_index]
            decoder = decoder_of(video)
            found, stamps, picture = defaultdict[int, _Found](_Found), array("q"), None
            for packet in written.demux():
                index = packet.stream_index
                if not packet.size or is_filler(packet, streams[index]):
                    continue
                found[index].add(packet)
                if index == self.video_index and packet.pts is not None:
                    stamps.append(packet.pts)
                    picture = picture or next(iter(decoder.decode(packet)), None)
            picture = picture or next(iter(decoder.decode(None)), None)
            if picture is None:
                raise _breach(path, "its video cannot be decoded")
            if video.duration is not None and "mp4" in written.format.name:
                # There the last frame's showing is told only as a part of the whole.
                found[self.video_index].end = found[self.video_index].start + video.duration * video.time_base
            end = found[self.video_index].end
            self._verify_times(path, np.sort(np.fromiter(stamps, np.int64)), video.time_base, end)
            self._verify_copies(path, found, {s.index for s in streams if is_cover(s)})
            self._verify_info(path, describe(picture, video))
            lost = _lost(self.metadata, written.metadata)
            for index, copy in self.copies.items():
                there, title = dict(streams[index].metadata), copy.metadata.get("title")
                if title is not None and there.get("handler_name") == title:
                    there["title"] = title
                lost += [f"{key} of {copy.label}" for key in _lost(copy.metadata, there)]
            shown = found[self.video_index]
            ends = {i: copy.over if copy.end is None else copy.end for i, copy in self.copies.items()}
            late = [
                found[index].end - (shown.start - self.start) - over
                for index, over in ends.items()
                if self.copies[index].type == "audio" and over is not None
            ]
            return Written(
                duration_error=end - shown.start - (self.end - self.start),
                sound_error=max(late, key=abs) if late else None,
                kept=self._said(),
                lost=tuple(lost),
            )

    def _said(self) -> tuple[str, ...]:
        """Return what there is to keep beside the pictures themselves."""
        info, color = self.info, self.info.color
        tagged = (color.matrix, color.primaries, color.transfer, color.range) != (UNSPECIFIED,) * 3 + (0,)
        aspect = info.pixel_aspect or 1
        words = {
            "colour tags": tagged,
            "HDR10 data": info.hdr is not None,
            f"pixel aspect {aspect.numerator}:{aspect.denominator}": aspect != 1,
            f"rotation by {info.rotation} degrees": info.display_matrix is not None,
            f"{self.chapters} chapters": self.chapters,
            "metadata": self.metadata,
        }
        return tuple(name for name, there in words.items() if there)

    def _verify_times(self, path: Path, stamps: np.ndarray, time_base: Fraction, end: Fraction) -> None:
        if len(stamps) != len(self.ticks):
            raise _breach(path, f"it has {len(stamps)} frames, not {len(self.ticks)}")
        if np.any(np.diff(stamps) <= 0):
            raise _breach(path, "its times do not rise from frame to frame")
        planned = np.fromiter(self.ticks, np.int64)
        written = (stamps - stamps[0]) * float(time_base)
        drift = float(np.abs(written - (planned - planned[0]) * float(self.tick)).max())
        if drift > float(time_base) + 1e-9:
            raise _breach(path, f"a frame is {drift:.6f} s away from its time")
        last = self.end - self.start - int(planned[-1]) * self.tick
        length = end - int(stamps[0]) * time_base
        over = length - (self.end - self.start)
        # Read back, the last frame may seem as long as the one before, even if it was to be shorter.
        before = int(planned[-1] - planned[-2]) * self.tick if len(planned) > 1 else last
        if -over > max(last / 2, time_base) or over > max(last / 2, time_base + before - last):
            raise _breach(path, f"it lasts {float(length):.3f} s, not {float(self.end - self.start):.3f} s")

    def _verify_copies(self, path: Path, found: Mapping[int, _Found], covers: set[int]) -> None:
        # A container that starts at 0 may move all streams by the same time, never one against the other.
        shift = found[self.video_index].start - self.start
        for index, copy in self.copies.items():
            if index in covers:
                continue
            there = found[index]
            if there.packets != copy.packets:
                raise _breach(path, f"{copy.label} has {there.packets} packets, not {copy.packets}")
            # Where MP4 hides what comes before a part, a video's first picture need not begin with it.
            within = there.longest if copy.type == "video" else Fraction(1, 50)
            if copy.start is not None and abs(there.start - shift - copy.start) > within:
                late = float(there.start - shift - copy.start)
                raise _breach(path, f"{copy.label} is {late:+.3f} s out of step with the picture")
            if copy.end is not None and abs(there.end - shift - copy.end) > max(there.longest, Fraction(1, 50)):
                end = float(there.end - shift)
                raise _breach(path, f"{copy.label} ends at {end:.3f} s, not at {float(copy.end):.3f} s")

    def _verify_info(self, path: Path, found: VideoInfo) -> None:
        wanted = self.info
        pairs: dict[str, tuple[object, object]] = {
            "width": (wanted.width, found.width),
            "height": (wanted.height, found.height),
            "pixel layout": (_layout(wanted.pix_fmt), _layout(found.pix_fmt)),
            "transparency": (has_alpha(wanted.pix_fmt), has_alpha(found.pix_fmt)),
            "depth": (wanted.depth, min(wanted.depth, found.depth)),
            "HDR10 data": (True, wanted.hdr is None or wanted.hdr.near(found.hdr)),
            "rotation": (wanted.display_matrix, found.display_matrix),
            "pixel aspect": (wanted.pixel_aspect or 1, found.pixel_aspect or 1),
            "colour matrix": (_matrix(wanted), _matrix(found)),
            "colour range": (wanted.color.full_range, found.color.full_range),
            "colour primaries": (wanted.color.primaries, found.color.primaries),
            "colour transfer": (wanted.color.transfer, found.color.transfer),
        }
        for name, (planned, written) in pairs.items():
            if planned != written:
                raise _breach(path, f"its {name} is {written}, not {planned}")


def _layout(pix_fmt: str) -> tuple[bool, int, int]:
    """Return whether the format is RGB, and the size of its chroma for a luma of 8x8."""
    layout = av.VideoFormat(pix_fmt)
    return bool(layout.is_rgb), layout.chroma_width(8), layout.chroma_height(8)


def _matrix(info: VideoInfo) -> int:
    return _SAME_MATRIX.get(info.color.matrix, info.color.matrix)


def _lost(planned: Mapping[str, str], written: Mapping[str, str]) -> list[str]:
    kept = {key.lower() for key in written}
    return [key for key, value in planned.items() if key.lower() not in kept and value != "und"]


def _breach(path: Path, what: str) -> MediaError:
    return MediaError(f"the file written did not come out as planned, {what}: try another container or codec")
