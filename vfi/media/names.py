"""Names of files on their way to becoming others, beside which they lie."""

from __future__ import annotations

import os
import secrets
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
