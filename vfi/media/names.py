"""Names of files on their way to becoming others, beside which they lie."""

from __future__ import annotations

import os
import secrets
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

_LONGEST = 255  # bytes in a name, in most file systems


def kin(path: Path, before: str, after: str) -> Path:
    """Return a name made of that of a file, without its ending, of which as much is left as there is room for.

    >>> kin(Path("films/walk.mkv"), ".", ".part.mkv").name
    '.walk.part.mkv'
    """
    room = _LONGEST - len(os.fsencode(before + after))
    stem = os.fsencode(path.stem)[:room].decode(errors="ignore")
    return path.with_name(f"{before}{stem}{after}")


def temporary_name(path: Path, token: str | None = None) -> Path:
    """Return the hidden name of a file until it is complete; without a token, one that no other writer has."""
    return kin(path, ".", f".{token or secrets.token_hex(4)}.part{path.suffix}")


def removed_with(owner: object, *paths: Path) -> Callable[[], object]:
    """Return what removes files and folders if they are there; at the latest that happens when their owner goes.

    Named here before they are made, they do not stay whatever ends the program: between the step that makes a file and
    the next one, which would see to its removal, a signal can come.
    """
    return weakref.finalize(owner, _remove, paths)


def _remove(paths: tuple[Path, ...]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
