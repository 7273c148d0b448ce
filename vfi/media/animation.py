"""Animated pictures to read: GIF, WebP and APNG, each frame with the delay it is shown for.

They are read by Pillow, since FFmpeg knows no animated WebP and does not tell how often an animation is played.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import av
import numpy as np
from PIL import Image

from vfi.media.errors import MediaError, reading
from vfi.media.frame import Frame
from vfi.media.images import cut_png
from vfi.media.info import VideoInfo
from vfi.media.pictures import picture_info
from vfi.media.protocols import PassOn
from vfi.media.timeline import common_step

ANIMATIONS = (".gif", ".webp", ".png", ".apng")
# Seconds: a frame that asks for no more, often for nothing at all, is shown for longer, by browsers and by FFmpeg.
LONGEST_BLINK, _INSTEAD = Fraction(1, 100), Fraction(1, 10)
_LARGEST_TERM = 65535  # of the fraction of a second that an APNG's delay is


def is_animation(path: Path) -> bool:
    """Tell whether a file is a picture that moves: a GIF, WebP or APNG of more than one frame."""
    if path.suffix.lower() not in ANIMATIONS:
        return False
    try:
        with Image.open(path) as image:
            return getattr(image, "is_animated", False)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # which is told when it is to be read
        return False


class AnimationReader:
    """The frames of a GIF, WebP or APNG, whole pictures with alpha if any of them is transparent somewhere.

    Opening decodes every frame once, to learn the times and to find missing parts before any work is done. Raises
    MediaError if the file is missing, no animation, damaged or cut short, or has fewer than two frames.
    """

    plays: int  # how often all is shown, 0 for ever
    is_gif: bool

    def __init__(self, path: Path) -> None:
        if path.exists() and path.stat().st_size == 0:
            raise MediaError(f"{path} is empty: get it anew")
        self.path = path
        self._delays: list[Fraction] = []
        alpha = prolonged = False
        with _opened(path) as (image, file):
            self.plays, self.is_gif = _plays(image), image.format == "GIF"
            size = image.size
            for picture in _pictures(image, file):
                delay = _delay(picture)
                prolonged = prolonged or delay <= LONGEST_BLINK
                self._delays.append(delay if delay > LONGEST_BLINK else _INSTEAD)
                alpha = alpha or _transparent(picture)
        if len(self._delays) < 2:
            raise MediaError(f"{path} has a single picture: there is nothing to put in between, give a video")
        self.notes: tuple[str, ...] = ()
        if prolonged:
            self.notes = ("Frames that ask for 0.01 s or less are shown for 0.1 s, as browsers show them.",)
        self._mode = "RGBA" if alpha else "RGB"
        self.info: VideoInfo = picture_info(np.zeros((size[1], size[0], 4 if alpha else 3), np.uint8))

    def __enter__(self) -> AnimationReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    @property
    def start(self) -> Fraction:
        return Fraction(0)

    @property
    def rate(self) -> Fraction | None:
        return 1 / self._delays[0] if len(set(self._delays)) == 1 else None

    @property
    def average_rate(self) -> Fraction:
        return len(self._delays) / self.duration

    @property
    def tick(self) -> Fraction:
        step = self._delays[0]
        for delay in set(self._delays):
            step = common_step(step, delay)
        return step

    @property
    def duration(self) -> Fraction:
        return sum(self._delays, Fraction(0))

    @property
    def frame_count(self) -> int:
        return len(self._delays)

    def frames(self, pass_on: PassOn | None = None) -> Iterator[Frame]:
        """Yield every frame."""
        time = Fraction(0)
        with _opened(self.path) as (image, file):
            for picture, delay in zip(_pictures(image, file), self._delays, strict=True):
                pixels = np.ascontiguousarray(picture.convert(self._mode))
                yield Frame(time, delay, self.info.color, av.VideoFrame.from_ndarray(pixels, self.info.pix_fmt))
                time += delay


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Image.Image, BinaryIO]]:
    """Open the file, and with it the image; turn what goes wrong in it into a MediaError."""
    with reading(path), path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=("GIF", "WEBP", "PNG")) as image:
                yield image, file
        except (Image.UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise MediaError(f"{path} is no GIF, WebP or PNG that can be read: get it anew") from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise MediaError(f"{path} is damaged or cut short ({error}): get it anew") from error


def _pictures(image: Image.Image, file: BinaryIO) -> Iterator[Image.Image]:
    """Yield the same image at each of its frames, decoded. Raises OSError if the file ends too early."""
    index = 1 if image.info.get("default_image") else 0  # what an APNG shows where it cannot be animated
    while True:
        try:
            image.seek(index)
        except EOFError:
            break
        image.load()
        yield image
        index += 1
    ended = True
    if image.format == "GIF":  # which does not say how many frames there are, but where they end
        file.seek(-1, os.SEEK_CUR)
        ended = file.read(1) == b";"
    elif image.format == "PNG":
        file.seek(-min(4096, file.seek(0, os.SEEK_END)), os.SEEK_END)
        ended = not cut_png(b"\x89PNG", file.read())
    if not ended:
        raise OSError(f"nothing follows after {index} frames")


def _delay(image: Image.Image) -> Fraction:
    """Return for how many seconds the frame is shown."""
    milliseconds = image.info.get("duration") or 0
    if image.format == "PNG":  # which Pillow turned from an exact fraction of a second into a float
        return Fraction(milliseconds / 1000).limit_denominator(_LARGEST_TERM)
    return Fraction(milliseconds) / 1000


def _plays(image: Image.Image) -> int:
    loop = image.info.get("loop")
    if image.format == "GIF":  # where it counts repeats, and without it there are none
        return 1 if loop is None else int(loop) + 1 if loop else 0
    return 1 if loop is None else int(loop)


def _transparent(image: Image.Image) -> bool:
    return image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255)
