"""YUV4MPEG2 (y4m): uncompressed video as a plain stream, from a file or a pipe.

One line says what the frames are like, then each has a line of its own and its samples. It is read here rather than by
FFmpeg, which takes a stream that was cut off for a whole one and does not tell where chroma samples lie.
Source: https://wiki.multimedia.cx/index.php/YUV4MPEG2 and FFmpeg's additions for deep colour and its range.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import av
import numpy as np
from av.codec.codec import find_best_pix_fmt_of_list

from vfi.media.color import FULL_RANGE, LIMITED_RANGE, Color, has_alpha, stored_planes
from vfi.media.deinterlace import Deinterlace, Parity, check_deinterlace, deinterlaced, interlaced_refusal
from vfi.media.encoding import Encoder, Encoding
from vfi.media.errors import MediaError, WishError, reading, writing
from vfi.media.frame import Frame
from vfi.media.info import VideoInfo
from vfi.media.names import removed_with, temporary_name
from vfi.media.protocols import PassOn

PIPE = Path("-")  # stands for standard input and standard output
_DEEP = (9, 10, 12, 14, 16)  # bits per sample
# FFmpeg's pixel formats by the names of y4m; of several names for one format, the last says where H.264's chroma lies.
_PIX_FMTS = {
    **dict.fromkeys(("420", "420jpeg", "420paldv", "420mpeg2"), "yuv420p"),
    **{"422": "yuv422p", "444": "yuv444p", "mono": "gray"},
    **{f"{layout}p{bits}": f"yuv{layout}p{bits}le" for layout in (420, 422, 444) for bits in _DEEP},
    **{f"mono{bits}": f"gray{bits}le" for bits in _DEEP},
}
_NAMES = {pix_fmt: name for name, pix_fmt in _PIX_FMTS.items()}
_PARITIES: dict[str, Parity] = {"t": "tff", "b": "bff", "m": "auto"}
_LONGEST_LINE = 1024  # bytes
_HOW = "ffmpeg -i FILE -f yuv4mpegpipe - makes one"


@dataclass(frozen=True)
class Y4mHeader:
    """What the first line says."""

    info: VideoInfo
    rate: Fraction  # frames per second
    color_space: str  # as named by y4m
    parity: Parity | None = None  # which field comes first, if it is interlaced

    @classmethod
    def parse(cls, line: bytes, name: str) -> Y4mHeader:
        """Read the line; raises MediaError, which calls the stream ``name``, if it is not of y4m or says too little."""
        if not line.startswith(b"YUV4MPEG2 ") or not line.endswith(b"\n"):
            raise MediaError(f"{name} is no y4m stream, which begins with YUV4MPEG2: {_HOW}")
        words = line.decode("ascii", "replace").split()[1:]
        values = {word[0]: word[1:] for word in words if word[0] != "X"}
        extra = {word.partition("=")[0]: word.partition("=")[2] for word in words if word[0] == "X"}
        try:
            width, height = int(values["W"]), int(values["H"])
            rate = Fraction(values["F"].replace(":", "/"))
        except (KeyError, ValueError, ZeroDivisionError):
            width = height = 0
            rate = Fraction(0)
        if min(width, height) < 1 or rate <= 0:
            raise MediaError(f"{name} has a damaged y4m header, without a size or a rate (W, H, F): {_HOW}")
        space = values.get("C", "420jpeg")
        if space not in _PIX_FMTS:
            raise MediaError(f"{name} is in the y4m colour space {space!r}: use one of {', '.join(_PIX_FMTS)}")
        color = Color(range={"FULL": FULL_RANGE, "LIMITED": LIMITED_RANGE}.get(extra.get("XCOLORRANGE", ""), 0))
        info = VideoInfo(width, height, _PIX_FMTS[space], color, _aspect(values.get("A", "")), None, 0, None)
        return cls(info, rate, space, _PARITIES.get(values.get("I", "p")[:1]))

    def spelled(self) -> bytes:
        """Return the line."""
        info, aspect = self.info, self.info.pixel_aspect or Fraction(0)
        words = [
            f"YUV4MPEG2 W{info.width} H{info.height} F{self.rate.numerator}:{self.rate.denominator} Ip",
            f"A{aspect.numerator}:{aspect.denominator if aspect else 0} C{self.color_space}",
        ]
        if info.color.range in (LIMITED_RANGE, FULL_RANGE):
            words.append(f"XCOLORRANGE={'FULL' if info.color.full_range else 'LIMITED'}")
        return " ".join(words).encode() + b"\n"


class Y4mReader:
    """Frames of a y4m file, or of standard input for ``-``, as they come: nothing is known of the end.

    Raises MediaError if the header is wrong, or the stream ends within a frame, is interlaced or has but one frame.
    """

    def __init__(self, path: Path, deinterlace: Deinterlace = "off") -> None:
        """Open the stream; ``deinterlace`` says what becomes of interlaced pictures, refused if it is "off"."""
        check_deinterlace(deinterlace)
        self.path = path
        self._deinterlace = deinterlace
        self._name = "standard input" if path == PIPE else str(path)
        if path == PIPE:
            if sys.stdin.isatty():
                raise MediaError(f"nothing is piped into standard input, which is read for -: {_HOW}")
            self._stream: BinaryIO = sys.stdin.buffer
        else:
            with reading(path):
                self._stream = path.open("rb")
        try:
            self.header = Y4mHeader.parse(self._line(), self._name)
            if self.header.parity is not None and deinterlace == "off":
                raise MediaError(interlaced_refusal(self._name))
        except BaseException:
            self._close()
            raise
        self.info = self.header.info
        self.rate = self.average_rate = self.header.rate * (2 if deinterlace == "field" else 1)

    def __enter__(self) -> Y4mReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @property
    def start(self) -> Fraction:
        return Fraction(0)

    @property
    def tick(self) -> Fraction:
        return 1 / self.rate

    @property
    def duration(self) -> None:
        return None

    @property
    def frame_count(self) -> None:
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def frames(self, pass_on: PassOn | None = None) -> Iterator[Frame]:
        """Yield every frame. Raises MediaError where the stream is damaged or ends within a frame."""
        return deinterlaced(self._stored(), self._deinterlace, self.header.parity or "auto")

    def _stored(self) -> Iterator[Frame]:
        count, rate = 0, self.header.rate
        while line := self._line():
            picture = av.VideoFrame(self.info.width, self.info.height, self.info.pix_fmt)
            if not line.startswith(b"FRAME") or not line.endswith(b"\n") or not self._fill(picture):
                raise MediaError(f"{self._name} is cut short or damaged after {count} frames: make it anew")
            yield Frame(count / rate, 1 / rate, self.info.color, picture)
            count += 1
        if count < 2:
            what = ("no picture", "a single picture")[count]
            raise MediaError(f"{self._name} has {what}: there is nothing to put in between, give a video")

    def _line(self) -> bytes:
        with reading(self.path):
            return self._stream.readline(_LONGEST_LINE)

    def _fill(self, picture: av.VideoFrame) -> bool:
        """Read the samples of a frame; return whether there were enough."""
        for plane in stored_planes(picture):
            with reading(self.path):
                data = self._stream.read(plane.size * plane.itemsize)
            if len(data) < plane.size * plane.itemsize:
                return False
            plane[...] = np.frombuffer(data, plane.dtype.newbyteorder("<")).reshape(plane.shape)
        return True

    def _close(self) -> None:
        if self.path != PIPE:
            self._stream.close()


class Y4mWriter:
    """Writes frames as y4m to a file, which appears when it is complete, or at once to standard output for ``-``."""

    copied: tuple[str, ...] = ()

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        rate: Fraction | None,
        encoding: Encoding,
        color_space: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        """``info`` describes the frames to come, ``rate`` is theirs per second, None if variable, which y4m cannot be.

        ``color_space`` is that of a source in y4m: it is kept with the pixel format. ``notes`` is what else is lost.
        """
        if rate is None:
            raise MediaError("y4m has one rate for all frames, and here it varies: choose a rate to reach")
        if encoding != Encoding(pix_fmt=encoding.pix_fmt):
            raise WishError("y4m is not encoded: leave out all options of an encoder but the pixel format")
        self.path = path
        self._rotation, info = info.rotation, info.upright
        pix_fmt = encoding.pix_fmt or _nearest(info.pix_fmt)
        if pix_fmt not in _NAMES:
            raise WishError(f"y4m does not hold {pix_fmt}: use one of {', '.join(_NAMES)}")
        color = info.color
        if av.VideoFormat(info.pix_fmt).is_rgb:
            color = replace(color, matrix=color.guessed_matrix(info.height), range=LIMITED_RANGE)
        if has_alpha(info.pix_fmt):
            notes += ("Transparency is left out, over black: y4m holds none.",)
        if color_space is None or _PIX_FMTS[color_space] != pix_fmt:
            color_space = _NAMES[pix_fmt]
        self.notes = notes
        self.encoder = Encoder("rawvideo", pix_fmt, {}, False, ())
        self._info = replace(info, pix_fmt=pix_fmt, color=color)
        self._temporary: Path | None = None
        if path == PIPE:
            if sys.stdout.isatty():
                raise WishError("a video does not go to the terminal: pipe standard output into a player or a file")
            self._stream: BinaryIO = sys.stdout.buffer
        else:
            self._temporary = temporary_name(path)
            self._remove = removed_with(self, self._temporary)
            with writing(path):
                self._stream = self._temporary.open("wb")
        self._put(Y4mHeader(self._info, rate, color_space).spelled())

    def __enter__(self) -> Y4mWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._temporary is not None:
            self._stream.close()
            self._remove()

    def write(self, frame: Frame) -> None:
        """Write the frame upright."""
        picture = frame.turned(self._rotation).encoded_as(self._info.pix_fmt, self._info.color)
        planes = (plane.astype(plane.dtype.newbyteorder("<"), copy=False) for plane in stored_planes(picture))
        self._put(b"FRAME\n" + b"".join(plane.tobytes() for plane in planes))

    def copy(self, packet: av.Packet) -> None:
        """y4m holds nothing else."""

    def finish(self, end: Fraction) -> None:
        """Give a file its name."""
        if self._temporary is not None:
            with writing(self.path):
                self._stream.close()
                self._temporary.replace(self.path)

    def _put(self, data: bytes) -> None:
        if self._temporary is None:
            self._stream.write(data)  # raises BrokenPipeError when the other end has left
            self._stream.flush()
            return
        with writing(self.path):
            self._stream.write(data)


def _aspect(text: str) -> Fraction | None:
    match = re.fullmatch(r"(\d+):(\d+)", text)
    return Fraction(int(match[1]), int(match[2])) if match and int(match[1]) and int(match[2]) else None


def _nearest(pix_fmt: str) -> str:
    layout = av.VideoFormat(pix_fmt)
    if layout.is_rgb or layout.has_palette:
        return "yuv444p16le" if max(c.bits for c in layout.components) > 8 else "yuv444p"
    plain = pix_fmt.replace("yuvj", "yuv").replace("yuva", "yuv")
    return plain if plain in _NAMES else find_best_pix_fmt_of_list(list(_NAMES), plain)[0].name  # type: ignore[union-attr]
