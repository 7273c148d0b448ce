"""The one exception that media code raises for a file, a disk or an option that cannot serve."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}


class MediaError(Exception):
    """What is wrong with a file or a wish, in one sentence that also says what to do."""


class WishError(MediaError):
    """What is wrong with a wish, whatever the file."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while ``path`` is read into a MediaError."""
    try:
        yield
    except (av.FFmpegError, OSError, UnicodeError) as error:
        code = getattr(error, "errno", None)
        if code in _NO_PERMISSION and not os.access(path, os.R_OK):
            raise MediaError(f"{path} may not be read: ask for permission to read it") from error
        if code == errno.ENOENT:
            raise MediaError(f"{path} does not exist: check the name") from error
        raise MediaError(
            f"{path} is damaged or not a video ({_reason(error)}): play it to its end to see, or get it anew"
        ) from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while ``path`` is written into a MediaError."""
    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as error:
        code = getattr(error, "errno", None)
        if code in _NO_ROOM:
            raise MediaError(f"no room left to write {path}: free some space or choose another folder") from error
        if code in _NO_PERMISSION:
            raise MediaError(f"{path.parent} may not be written to: choose another folder") from error
        raise MediaError(
            f"{path} cannot be written ({_reason(error)}): try another container, codec or option"
        ) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
