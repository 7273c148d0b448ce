"""Which reader and which writer a name stands for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vfi.media.animation import ANIMATIONS, AnimationReader
from vfi.media.animation_writer import AnimationWriter
from vfi.media.deinterlace import Deinterlace
from vfi.media.encoding import CONTAINERS, Encoding
from vfi.media.errors import MediaError, WishError
from vfi.media.images import IMAGE_SUFFIXES
from vfi.media.info import VideoInfo
from vfi.media.numbering import is_pattern
from vfi.media.part import Part
from vfi.media.pictures import PictureReader, PictureWriter, check_pictures
from vfi.media.placement import SlowMotion
from vfi.media.protocols import Sink, Source
from vfi.media.reader import VideoReader
from vfi.media.streams import label
from vfi.media.writer import VideoWriter, check_output
from vfi.media.y4m import PIPE, Y4mReader, Y4mWriter

SINKS = (*CONTAINERS, *ANIMATIONS, ".y4m")  # endings of the files that can be written


def is_pictures(path: Path) -> bool:
    """Tell whether a source's name stands for pictures in files of their own."""
    if path.suffix.lower() in IMAGE_SUFFIXES and not path.exists():
        return is_pattern(path) or any(sign in path.name for sign in "*?[")
    return path.is_dir()


def is_y4m(path: Path) -> bool:
    """Tell whether a name stands for y4m: a file of that ending, or standard input or output."""
    return path == PIPE or path.suffix.lower() == ".y4m"


def _is_whole(path: Path) -> bool:
    """Tell whether no part can be taken of what a name stands for."""
    return is_pictures(path) or is_y4m(path) or path.suffix.lower() in ANIMATIONS


def open_source(
    path: Path, *, rate: Fraction | None = None, part: Part | None = None, deinterlace: Deinterlace = "off"
) -> Source:
    """Open a video, y4m on standard input (``-``), or pictures: a folder, a pattern (``%05d.png``) or a wildcard.

    rate: of pictures, which carry no times, per second; part: of a video; deinterlace: of a video or y4m. Raises
    MediaError if it cannot be read.
    """
    if deinterlace != "off" and (is_pictures(path) or path.suffix.lower() in ANIMATIONS):
        raise WishError(f"{path} holds whole pictures, which are not interlaced: leave out the deinterlacing")
    if part and _is_whole(path):
        raise WishError(f"{path} is read as a whole: leave out the start and the end")
    if is_pictures(path):
        return PictureReader(path, rate)
    if rate is not None:
        raise WishError(f"{path} has its own times: leave out the rate of the input")
    if is_y4m(path):
        return Y4mReader(path, deinterlace)
    if path.suffix.lower() in ANIMATIONS:
        return AnimationReader(path)
    return VideoReader(path, part, deinterlace)


def middle_part(path: Path, part: Part, seconds: Fraction) -> Part:
    """Return the part of so many seconds in the middle of a video, or of a part of it.

    Raises MediaError if it cannot be read, or is no video of which parts can be taken.
    """
    if _is_whole(path):
        raise WishError(f"{path} is read as a whole: leave out the preview")
    with VideoReader(path, part) as reader:
        return reader.excerpt.middle(seconds)


def numbered_part(path: Path, frames: slice) -> Part:
    """Return the part of a video that holds its frames of these numbers, which count from 0.

    Raises MediaError if it cannot be read as a video, or holds less than two of them.
    """
    with VideoReader(path) as reader:
        film, origin = reader.timeline, reader.origin
    first, beyond, _ = frames.indices(film.frames)
    if beyond - first < 2:
        raise MediaError(f"{path} has the frames 0 to {film.frames - 1}: ask for two of them or more")
    start = film.time_of(first) - origin if first else None
    return Part(start, film.time_of(beyond) - origin if beyond < film.frames else None)


def check_source(path: Path) -> None:
    """Raise MediaError if there is no such file or folder; a cheap test before any work."""
    if not (path == PIPE or is_pictures(path) or path.exists()):
        raise MediaError(f"{path} does not exist: check the name")


def check_sink(output: Path, source: Path, overwrite: bool) -> None:
    """Raise MediaError if ``output`` may not or cannot be written; a cheap test before any work."""
    if output == PIPE:
        return None
    if is_pattern(output):
        return check_pictures(output, source, overwrite)
    if not output.is_dir() and output.suffix.lower() not in SINKS:
        raise WishError(
            f"{output} must end in one of {', '.join(SINKS)}, or be a pattern for pictures such as"
            f" {output.stem}/%05d.png: choose such a name"
        )
    return check_output(output, source, overwrite)


def open_sink(
    path: Path,
    source: Source,
    *,
    encoding: Encoding,
    rate: Fraction | None,
    average_rate: Fraction,
    tick: Fraction,
    start: Fraction,
    info: VideoInfo | None = None,
    slow: SlowMotion | None = None,
) -> Sink:
    """Open what ``path`` stands for: a video, y4m on standard output (``-``), or pictures (``out/%05d.png``).

    ``rate`` is that of the frames to come, None if variable; ``average_rate`` is always known. They come at ``start``
    (seconds) plus whole numbers of ``tick`` (seconds), and are as ``info`` says, or else like the source's; ``slow``
    says that they come slower than those, and what becomes of a video's sound. Raises MediaError if the encoding does
    not work out.
    """
    info = info or source.info
    if is_pattern(path):
        refuse_encoding(encoding, path)
        return PictureWriter(path, info, _left_out(source, info))
    if is_y4m(path):
        space = source.header.color_space if isinstance(source, Y4mReader) else None
        return Y4mWriter(path, info, rate, encoding, space, _left_out(source, info))
    if path.suffix.lower() in ANIMATIONS:
        animation = source if isinstance(source, AnimationReader) else None
        return AnimationWriter(
            path,
            info,
            rate=rate,
            tick=tick,
            start=start,
            encoding=encoding,
            plays=animation.plays if animation else 0,
            was_gif=animation is not None and animation.is_gif,
            notes=_left_out(source, info),
        )
    return VideoWriter(
        path, source, encoding=encoding, rate=rate or average_rate, tick=tick, start=start, info=info, slow=slow
    )


def refuse_encoding(encoding: Encoding, path: Path) -> None:
    """Raise MediaError if anything is wished of an encoder where none can be chosen."""
    if encoding != Encoding():
        raise WishError(f"{path.suffix or path} has no encoder to choose: leave out its options")


def _left_out(source: Source, info: VideoInfo) -> tuple[str, ...]:
    """Say what of the source is lost where only pictures are kept."""
    notes = []
    if isinstance(source, VideoReader):
        others = [label(s) for s in source.container.streams if s.index != source.stream.index]
        if others:
            notes.append(f"Left out {', '.join(others)}: only the pictures are kept here.")
    if info.pixel_aspect not in (None, 1):
        notes.append(f"The pixel aspect {info.pixel_aspect} is lost: the pictures look as wide as they are stored.")
    return tuple(notes)
