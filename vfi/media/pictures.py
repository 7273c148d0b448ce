"""Pictures in files of their own as a film: read from a folder or a pattern, written to a new folder."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from PIL import Image

from vfi.media.color import FULL_RANGE, RGB, Color, has_alpha
from vfi.media.encoding import Encoder
from vfi.media.errors import MediaError, WishError, writing
from vfi.media.frame import Frame
from vfi.media.images import eight_bit, holds_16_bits, holds_alpha, read_image, write_image
from vfi.media.info import VideoInfo
from vfi.media.names import removed_with, temporary_name
from vfi.media.numbering import find_pictures, is_numbered, numbered
from vfi.media.protocols import PassOn

SRGB = Color(matrix=RGB, range=FULL_RANGE, primaries=1, transfer=13)  # what pictures without a word on it are
PICTURE_RATE = Fraction(25)  # frames per second, where none is known; FFmpeg assumes the same


class PictureReader:
    """The pictures of a folder, a pattern (``%05d.png``) or a wildcard (``*.png``), each a frame.

    Opening looks at the header of every file. Raises MediaError if one is missing, no image or of another size, or if
    there are fewer than two.
    """

    def __init__(self, path: Path, rate: Fraction | None = None) -> None:
        """Take ``rate`` pictures a second; None stands for 25, with a note."""
        self.path = path
        self.notes: tuple[str, ...] = ()
        if rate is not None and rate <= 0:
            raise WishError(f"the rate of the pictures is {rate} a second: it must be greater than 0")
        if rate is None:
            self.notes = (f"The pictures carry no times: {PICTURE_RATE} frames per second are assumed.",)
        self.rate = self.average_rate = rate or PICTURE_RATE
        self._files = find_pictures(path)
        if len(self._files) < 2:
            raise MediaError(f"{path} has a single picture: there is nothing to put in between, add the next one")
        self._alpha = _survey(self._files)
        first = read_image(self._files[0], self._alpha)
        self._like = first.shape, first.dtype
        self.info = picture_info(first)

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    @property
    def start(self) -> Fraction:
        return Fraction(0)

    @property
    def tick(self) -> Fraction:
        return 1 / self.rate

    @property
    def duration(self) -> Fraction:
        return len(self._files) / self.rate

    @property
    def frame_count(self) -> int:
        return len(self._files)

    def frames(self, pass_on: PassOn | None = None) -> Iterator[Frame]:
        """Yield every picture as a frame. Raises MediaError where one cannot be read or has another depth."""
        for index, file in enumerate(self._files):
            image = read_image(file, self._alpha)
            if (image.shape, image.dtype) != self._like:
                raise MediaError(f"{file} differs in size or depth from {self._files[0]}: bring them to one")
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), self.info.pix_fmt)
            yield Frame(index / self.rate, 1 / self.rate, self.info.color, picture)


def picture_info(image: np.ndarray) -> VideoInfo:
    """Describe frames like the image, RGB (H, W, 3) or with alpha (H, W, 4), uint8 or uint16."""
    height, width, channels = image.shape
    names = ("rgb24", "rgba") if image.dtype == np.uint8 else ("rgb48le", "rgba64le")
    return VideoInfo(width, height, names[channels == 4], SRGB, None, None, 0, None)


def _survey(files: Sequence[Path]) -> bool:
    """Look at every header; return whether any picture has transparency."""
    size, alpha = _header(files[0])
    for file in files[1:]:
        found, transparent = _header(file)
        if found != size:
            raise MediaError(
                f"{file} is {found[0]}x{found[1]} but {files[0].name} is {size[0]}x{size[1]}: bring them to one size"
            )
        alpha = alpha or transparent
    return alpha


def _header(file: Path) -> tuple[tuple[int, int], bool]:
    """Return width and height, and whether there is transparency."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, and of tags that do not matter here
            with Image.open(file) as image:
                return image.size, image.has_transparency_data
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, PermissionError):
            raise MediaError(f"{file} may not be read: ask for permission to read it") from error
        raise MediaError(f"{file} is no image that can be read: replace it or take it away") from error


def check_pictures(pattern: Path, source: Path, overwrite: bool) -> None:
    """Raise MediaError if the folder of ``pattern`` may not or cannot be written: a cheap test before any work.

    A folder is only ever replaced if it holds nothing but pictures of the pattern, and if ``overwrite`` allows it.
    """
    folder = pattern.parent
    if folder.resolve() == Path.cwd() or folder.resolve() in Path.cwd().parents:
        raise WishError(f"{pattern} names no folder of its own: write to one, such as frames/{pattern.name}")
    if folder.resolve() in (source.resolve(), source.parent.resolve()):
        raise MediaError(f"{folder} is the source's own folder: choose another one for the output")
    if folder.exists() and not folder.is_dir():
        raise MediaError(f"{folder} is a file: name another folder")
    if not folder.parent.is_dir():
        raise MediaError(f"there is no folder {folder.parent}: make it first or choose another")
    if not os.access(folder.parent, os.W_OK):
        raise MediaError(f"the folder {folder.parent} may not be written to: choose another")
    names = sorted(f.name for f in folder.iterdir()) if folder.exists() else []
    foreign = [name for name in names if not is_numbered(pattern, name)]
    if foreign:
        raise MediaError(f"{folder} holds other files, such as {foreign[0]}: name a folder of its own for the pictures")
    if names and not overwrite:
        raise MediaError(f"{folder} already exists: choose another name, or use --overwrite")


class PictureWriter:
    """Writes frames as numbered pictures from 1 on, into a temporary folder that takes its name when all are there."""

    copied: tuple[str, ...] = ()

    def __init__(self, pattern: Path, info: VideoInfo, notes: tuple[str, ...] = ()) -> None:
        """``info`` describes the frames to come; ``notes`` is what else is known to be lost."""
        self.path = pattern
        self._folder = pattern.parent.resolve()
        self._info = info
        self._count = 0
        self._alpha = has_alpha(info.pix_fmt) and holds_alpha(pattern.suffix)
        self._deep = holds_16_bits(pattern.suffix)
        if info.depth > 8 and not self._deep:
            notes += (f"The pictures are stored with 8 bits per sample: {pattern.suffix} holds no more, .png does.",)
        if has_alpha(info.pix_fmt) and not self._alpha:
            notes += (f"Transparency is left out, over black: {pattern.suffix} holds none, .png does.",)
        self.notes = notes
        self.encoder = Encoder(pattern.suffix.removeprefix("."), info.pix_fmt, {}, False, ())
        self._temporary = temporary_name(self._folder)
        self._discard = removed_with(self, self._temporary)
        with writing(pattern):
            self._temporary.mkdir()
        try:  # whether the format can be written shows at once
            probe = self._temporary / f"probe{pattern.suffix}"
            write_image(probe, np.zeros((1, 1, 3), np.uint8))
            probe.unlink()
        except BaseException:
            self._discard()
            raise

    def __enter__(self) -> PictureWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def write(self, frame: Frame) -> None:
        """Write the frame upright, as the next picture."""
        frame = frame.turned(self._info.rotation)
        image = frame.rgba if self._alpha else frame.flat
        if not self._deep:
            image = eight_bit(image)
        self._count += 1
        name = numbered(self.path, self._count).name
        write_image(self._temporary / name, np.ascontiguousarray(image))

    def copy(self, packet: av.Packet) -> None:
        """Pictures hold nothing else."""

    def finish(self, end: Fraction) -> None:
        """Give the folder its name; the pictures of an earlier one go only then."""
        with writing(self._folder):
            if not self._folder.exists():
                self._temporary.rename(self._folder)
                return
            old = self._temporary.with_suffix(".old")
            self._folder.rename(old)
            try:
                self._temporary.rename(self._folder)
            except OSError:
                old.rename(self._folder)
                raise
            for file in old.iterdir():
                if is_numbered(self.path, file.name):
                    file.unlink()
                else:  # which came while the pictures were made
                    file.rename(self._folder / file.name)
            old.rmdir()
