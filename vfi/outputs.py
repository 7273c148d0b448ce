"""Where results go: what they are called, and what must hold before a file is written."""

import os
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from string import Formatter

from vfi.media.encoding import CONTAINERS
from vfi.media.errors import MediaError, WishError
from vfi.media.numbering import is_pattern
from vfi.media.open import SINKS, is_pictures
from vfi.media.y4m import PIPE

_PICTURES = "%05d.png"  # without loss, with 16 bits and transparency


def video_name(source: Path, change: str) -> str:
    """Return the name of what is made of a video: its own with a change, in a container that can be written.

    >>> video_name(Path("clips/old.avi"), "2x")
    'old_2x.mkv'
    """
    return f"{source.stem}_{change}{_suffix(source, CONTAINERS)}"


def output_path(source: Path, where: str | None, change: str, fields: Mapping[str, str], many: bool = False) -> Path:
    """Return what to write for a source: a file, ``-``, or for pictures the pattern of their names.

    where: None for a name beside the source; a folder, if it ends in a slash, is one, or there are ``many`` sources; a
    template, if it has braces, with the ``fields`` and, of the source, stem, suffix (that of the output) and parent
    (its folder); else a file, or ``-``. Pictures become pictures, and for them a name without an ending is their
    folder. Raises MediaError for a template that cannot be filled, a file that many would become, and where standard
    input needs a name.

    >>> output_path(Path("a/film.mp4"), "out/{stem}_{factor}x{suffix}", "2x", {"factor": "2"}).as_posix()
    'out/film_2x.mp4'
    """
    if where == str(PIPE):
        return PIPE
    if source == PIPE and (where is None or names_folder(where, many)):
        raise WishError("standard input has no name of its own: name the file to write with -o, or - for a pipe")
    pictures = is_pictures(source)
    film = _named_folder(source) if pictures else source
    stem, suffix = (film.name, f"/{_PICTURES}") if pictures else (film.stem, _suffix(film, SINKS))
    default = f"{stem}_{change}{suffix}"
    if where is None:
        return film.parent / default
    if _is_template(where):
        known = {"stem": stem, "suffix": suffix, "parent": str(film.parent), **fields}
        return Path(_filled(where, known))
    if many and Path(where).suffix.lower() in SINKS and not names_folder(where):
        raise WishError(f"{where} names one file for several inputs: name a folder, or a template as '{{stem}}_2x.mp4'")
    if pictures and not many and (names_folder(where) or not Path(where).suffix):
        return Path(where) / _PICTURES
    return Path(where) / default if names_folder(where, many) else Path(where)


def names_folder(where: str, many: bool = False) -> bool:
    """Tell whether ``where``, as `output_path` takes it, stands for files in folders that may be made."""
    return many or where.endswith(("/", os.sep)) or _is_template(where) or Path(where).is_dir()


def _is_template(where: str) -> bool:
    return "{" in where or "}" in where


def _suffix(source: Path, known: Container[str]) -> str:
    return source.suffix if source.suffix.lower() in known else ".mkv"  # which holds most


def _named_folder(source: Path) -> Path:
    """Return the folder of pictures, or of a pattern of them, with a name: not as ``.``."""
    folder = source if source.is_dir() else source.parent
    return folder if folder.name not in ("", "..") else folder.resolve()


def _filled(template: str, known: Mapping[str, str]) -> str:
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise WishError(f"{template} has a brace without its partner: double one that is part of the name") from error
    for _, name, form, conversion in parts:
        if name is not None and (name not in known or form or conversion):
            fields = ", ".join(f"{{{field}}}" for field in known)
            asked = f"{name}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}"
            raise WishError(f"{template} has no such field {{{asked}}}: use {fields}")
    return template.format_map(known)


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise MediaError if the file exists and may not be replaced."""
    if path.exists() and not overwrite:
        raise MediaError(f"{path} exists: choose another name with -o, or use --overwrite")


def refuse_twins(paths: Iterable[Path]) -> None:
    """Raise MediaError if two results would get one name."""
    twins = [path for path, count in Counter(paths).items() if count > 1]
    if twins:
        raise MediaError(f"two inputs would both be written to {twins[0]}: run them one by one, each with its own -o")


def make_room(output: Path) -> None:
    """Make the folder that the output goes into, and those above it; of pictures not their own."""
    make_folder(output.parent.parent if is_pattern(output) else output.parent)


def make_folder(folder: Path, option: str = "-o") -> None:
    """Make the folder and those above it; raises MediaError if that cannot be. ``option`` is the one that names it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise MediaError(f"{folder} is a file: name another folder with {option}") from error
    except OSError as error:
        raise MediaError(f"{folder} cannot be made ({error.strerror}): name another folder with {option}") from error
