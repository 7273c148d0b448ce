"""Animated pictures encoded: GIF, WebP and APNG from pictures and the times at which they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from vfi.media.color import depth, has_alpha, repacked
from vfi.media.palette import best_palette, own_palette, with_palette

Pictures = Callable[[], Iterator[av.VideoFrame]]
"""Yields the same pictures each time it is called."""

WEBP_OPTIONS = ("lossless", "quality", "compression_level")
_APNG_FORMATS = {
    (False, False): "rgb24",
    (False, True): "rgba",
    (True, False): "rgb48be",
    (True, True): "rgba64be",
}  # by whether a picture is deep, and has alpha
_GIF_CLOCK, _WEBP_CLOCK = Fraction(1, 100), Fraction(1, 1000)  # seconds


def encode_gif(
    path: Path, pictures: Pictures, stamps: list[int], plays: int, alpha: bool, own: Pictures | None
) -> None:
    """Write a GIF.

    stamps: when each picture is shown, and the end, in hundredths of a second; plays: how often, 0 for ever; alpha:
    whether something is transparent, as far as a GIF goes: wholly or not at all; own: of what was a GIF its own
    pictures, which are to stay as they are, else None. Raises av.FFmpegError.
    """

    def rgba(pictures: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        for picture, stamp in zip(pictures, stamps, strict=False):
            picture = repacked(picture, "rgba")
            picture.pts, picture.time_base = stamp, _GIF_CLOCK
            yield picture

    palette = None if own is None else own_palette(rgba(own()), alpha)
    palette = palette or best_palette(rgba((own or pictures)()), alpha)
    repeats = {0: 0, 1: -1}.get(plays, plays - 1)  # GIF counts them, and -1 is none
    options = {"loop": str(repeats), "final_delay": str(stamps[-1] - stamps[-2])}
    _mux(path, "gif", "gif", with_palette(rgba(pictures()), palette, dither=own is None), _GIF_CLOCK, options)


def encode_apng(path: Path, pictures: Iterator[av.VideoFrame], stamps: list[int], clock: Fraction, plays: int) -> None:
    """Write an APNG; as `encode_gif`, with stamps in units of ``clock`` (seconds). Raises av.FFmpegError."""

    def timed() -> Iterator[av.VideoFrame]:
        for picture, stamp in zip(pictures, stamps, strict=False):
            name = picture.format.name
            picture = repacked(picture, _APNG_FORMATS[depth(name) > 8, has_alpha(name)])
            picture.pts, picture.time_base = stamp, clock
            yield picture

    last = (stamps[-1] - stamps[-2]) * clock
    options = {"plays": str(plays), "final_delay": f"{last.numerator}/{last.denominator}"}
    _mux(path, "apng", "apng", timed(), clock, options)


def encode_webp(
    path: Path,
    pictures: Iterator[av.VideoFrame],
    stamps: list[int],
    plays: int,
    alpha: bool,
    options: dict[str, str],
) -> None:
    """Write a WebP; as `encode_gif`, with stamps in milliseconds, and of the options WEBP_OPTIONS."""

    def timed() -> Iterator[av.VideoFrame]:
        for picture, stamp in zip(pictures, stamps, strict=False):
            picture = repacked(picture, "bgra")
            picture.pts, picture.time_base = stamp, _WEBP_CLOCK
            yield picture

    _mux(path, "webp", "libwebp_anim", timed(), _WEBP_CLOCK, {"loop": str(plays)}, options)
    _correct_webp(path, stamps[-1] - stamps[0], alpha)


def _correct_webp(path: Path, length: int, alpha: bool) -> None:
    """Write the delay of the last picture, of which FFmpeg tells libwebp nothing, for a length in milliseconds.

    And that there is alpha, of which libwebp says nothing where all that is ever drawn is opaque.
    Source: https://developers.google.com/speed/webp/docs/riff_container
    """
    with path.open("r+b") as file:
        file.seek(12)  # after RIFF, its size and WEBP
        shown, last = 0, None
        while len(head := file.read(8)) == 8:
            start, size = file.tell(), int.from_bytes(head[4:], "little")
            if head[:4] == b"VP8X" and alpha:
                flags = file.read(1)[0]
                file.seek(start)
                file.write(bytes([flags | 0x10]))
            elif head[:4] == b"ANMF":
                file.seek(start + 12)  # after the place and the size
                delay = int.from_bytes(file.read(3), "little")
                shown, last = shown + delay, (start + 12, delay)
            file.seek(start + size + size % 2)
        if last is not None:
            file.seek(last[0])
            file.write((length - shown + last[1]).to_bytes(3, "little"))


def _mux(
    path: Path,
    format: str,
    codec: str,
    pictures: Iterator[av.VideoFrame],
    clock: Fraction,
    options: dict[str, str],
    encoder_options: dict[str, str] | None = None,
) -> None:
    with av.open(str(path), "w", format=format, container_options=options) as output:
        stream: Any = None
        for picture in pictures:
            if stream is None:
                stream = output.add_stream(codec, rate=1 / clock)
                stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, picture.format.name
                stream.time_base = stream.codec_context.time_base = clock
                stream.options = dict(encoder_options or {})
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
