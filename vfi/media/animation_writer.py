"""Animated pictures to write: GIF, WebP and APNG.

Frames are kept without loss in a temporary file until the last is known: a GIF's palette is of them all, and the last
frame's delay is written with the first.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import av

from vfi.media.animation import LONGEST_BLINK, AnimationReader
from vfi.media.animation_encoders import WEBP_OPTIONS, encode_apng, encode_gif, encode_webp
from vfi.media.color import has_alpha
from vfi.media.encoding import Encoder, Encoding
from vfi.media.errors import MediaError, WishError, writing
from vfi.media.frame import Frame
from vfi.media.info import VideoInfo
from vfi.media.names import removed_with, temporary_name
from vfi.media.pictures import SRGB
from vfi.media.verify import Written

_CLOCKS = {".gif": Fraction(1, 100), ".webp": Fraction(1, 1000)}  # seconds, in which delays count
_KEPT_RATE = Fraction(25)  # any: times are kept apart
_LARGEST_TERM = 65535  # of the fraction of a second in which an APNG's delays count


def check_rate(path: Path, rate: Fraction | None, tick: Fraction) -> tuple[Fraction, int]:
    """Return the unit in which a file's delays count, in seconds, and how many of it a frame is shown for at least.

    rate: of the frames to come per second, None if variable; tick: seconds of which their times are whole multiples.
    Raises MediaError if no player shows so many frames.
    """
    exact = max(tick.numerator, tick.denominator) <= _LARGEST_TERM
    clock = _CLOCKS.get(path.suffix.lower(), tick if exact else Fraction(1, 1000))
    least = LONGEST_BLINK // clock + 1
    if rate is not None and 1 / rate < least * clock:
        raise MediaError(
            f"{path.suffix} is shown at {float(1 / (least * clock)):.4g} frames per second at most, and this would be"
            f" {float(rate):.6g}: reach a lower rate, or write a video"
        )
    return clock, least


class AnimationWriter:
    """Writes frames as a GIF, WebP or APNG, which appears when it is complete and verified.

    A WebP is put together in memory, compressed.
    """

    copied: tuple[str, ...] = ()

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        rate: Fraction | None,
        tick: Fraction,
        start: Fraction,
        encoding: Encoding,
        plays: int = 0,
        was_gif: bool = False,
        notes: tuple[str, ...] = (),
    ) -> None:
        """``info`` describes the frames to come, at ``start`` plus whole numbers of ``tick`` (seconds).

        ``rate`` is theirs per second, None if variable; ``plays`` tells how often all is shown, 0 for ever; frames of
        what ``was_gif`` keep their colours in a GIF; ``notes`` is what else is known to be lost. Raises MediaError if
        the format cannot be what is asked for.
        """
        self.path = path
        self._kind = ".apng" if path.suffix.lower() == ".png" else path.suffix.lower()
        self._info, self._tick, self._start, self._plays, self._was_gif = info, tick, start, plays, was_gif
        lossless = av.VideoFormat(info.pix_fmt).is_rgb  # as what came from pictures was; video is lossy as it came
        self._options = ({"lossless": "1"} if lossless else {"quality": "90"}) | _checked(encoding, path, self._kind)
        self._clock, self._least = check_rate(path, rate, tick)
        deep = info.depth > 8 and self._kind == ".apng"
        self._alpha = has_alpha(info.pix_fmt)
        self._pix_fmt = ("rgba64le" if self._alpha else "rgb48le") if deep else "bgra" if self._alpha else "bgr0"
        if info.depth > 8 and not deep:
            notes += (f"The pictures are stored with 8 bits per sample: {path.suffix} holds no more.",)
        self.notes = notes
        codec, stored = {".gif": ("gif", "pal8"), ".webp": ("libwebp_anim", "bgra")}.get(
            self._kind, ("apng", self._pix_fmt)
        )
        self.encoder = Encoder(codec, stored, self._options, False, ())
        self._ticks, self._new = array("q"), array("b")
        self._temporary, self._kept = temporary_name(path), temporary_name(path.with_suffix(".mkv"))
        self._remove = removed_with(self, self._temporary, self._kept)
        with writing(path):
            self._output = av.open(str(self._kept), "w", format="matroska")
            stream: Any = self._output.add_stream("ffv1", rate=_KEPT_RATE)
            upright = info.upright
            stream.width, stream.height, stream.pix_fmt = upright.width, upright.height, self._pix_fmt
            stream.options = {"level": "3"}
        self._stream = stream

    def __enter__(self) -> AnimationWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            self._output.close()
        self._remove()

    def write(self, frame: Frame) -> None:
        """Keep the frame, upright."""
        picture = frame.turned(self._info.rotation).encoded_as(self._pix_fmt, SRGB)
        with writing(self.path):
            # A picture of the source's own comes with its clock, others have none.
            picture.pts, picture.time_base = len(self._ticks), 1 / _KEPT_RATE
            self._output.mux(self._stream.encode(picture))
        self._ticks.append(round((frame.time - self._start) / self._tick))
        self._new.append(frame.origin != "source")

    def copy(self, packet: av.Packet) -> None:
        """Animations hold nothing else."""

    def finish(self, end: Fraction) -> Written:
        """Write all frames, verify the file and move it into place; the last frame is shown until ``end`` (seconds)."""
        with writing(self.path):
            self._output.mux(self._stream.encode(None))
            self._output.close()
            stamps = [round(tick * self._tick / self._clock) for tick in self._ticks]
            shown = self._shown(stamps)
            if len(shown) < len(stamps):
                count = len(stamps) - len(shown)
                least = float(self._least * self._clock)
                self.notes += (f"{self.path.suffix} shows no frame for less than {least:g} s: {count} are left out.",)
            stamps = [stamps[i] for i in shown]
            stamps.append(max(stamps[-1] + self._least, round((end - self._start) / self._clock)))
            self._encode(stamps, frozenset(shown))
        length = stamps[-1] * self._clock
        self._verify(length)
        with writing(self.path):
            self._temporary.replace(self.path)
        return Written(duration_error=length - (end - self._start), sound_error=None, kept=(), lost=())

    def _shown(self, stamps: list[int]) -> list[int]:
        """Return which frames can be shown; of those that would flash by, the source's stay where they can."""
        shown: list[int] = []
        for i, stamp in enumerate(stamps):
            if shown and stamp - stamps[shown[-1]] < self._least:
                if self._new[i] or not self._new[shown[-1]]:
                    continue
                shown.pop()
            shown.append(i)
        return shown

    def _encode(self, stamps: list[int], shown: frozenset[int]) -> None:
        def pictures(which: frozenset[int] = shown) -> Iterator[av.VideoFrame]:
            with av.open(str(self._kept)) as kept:
                yield from (picture for i, picture in enumerate(kept.decode(video=0)) if i in which)

        own = frozenset(i for i in shown if not self._new[i])
        if self._kind == ".gif":
            keep = partial(pictures, own) if self._was_gif and own else None
            encode_gif(self._temporary, pictures, stamps, self._plays, self._alpha, keep)
        elif self._kind == ".webp":
            encode_webp(self._temporary, pictures(), stamps, self._plays, self._alpha, self._options)
        else:
            encode_apng(self._temporary, pictures(), stamps, self._clock, self._plays)

    def _verify(self, duration: Fraction) -> None:
        written, planned = AnimationReader(self._temporary), self._info.upright
        pairs = {
            "width": (planned.width, written.info.width),
            "height": (planned.height, written.info.height),
            "duration": (duration, written.duration),
            "number of plays": (self._plays, written.plays),
        }
        for name, (wanted, found) in pairs.items():
            if wanted != found:
                raise MediaError(
                    f"the file written did not come out as planned, its {name} is {found}, not {wanted}: try another"
                    " format"
                )


def _checked(encoding: Encoding, path: Path, kind: str) -> dict[str, str]:
    """Return the options of the encoder; raises MediaError if there are none such."""
    if encoding != Encoding(options=encoding.options):
        raise WishError(f"{path.suffix} has one encoder: leave out codec, quality, preset and pixel format")
    known = WEBP_OPTIONS if kind == ".webp" else ()
    for key, value in encoding.options.items():
        if key not in known or not value.isdecimal():
            hint = f"use {', '.join(f'{name}=NUMBER' for name in known)}" if known else "leave it out"
            raise WishError(f"{path.suffix} has no option {key}={value}: {hint}")
    return dict(encoding.options)
