"""Files that end before their time in formats whose readers in FFmpeg do not mind."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_ASF_FACTS = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # File Properties Object; ASF specification 3.2
_ASF_SIZE_AT, _ASF_FLAGS_AT, _ASF_BROADCAST = 40, 88, 1  # its flag says that the size was not known
_OGG_PAGE = 27 + 255 + 255 * 255  # bytes at most; RFC 3533, 6
_OGG_LAST = 4  # flag of a page with which a stream ends


def is_cut_short(path: Path, container: str) -> bool:
    """Tell whether a file lacks its end, by its size in its own head or by its last page or packet.

    container: FFmpeg's name of the format; of others than avi, asf, ogg and mpegts nothing is known.
    """
    checks = {"avi": _lacks_riff, "asf": _lacks_asf, "ogg": _lacks_ogg, "mpegts": _lacks_packet}
    if container not in checks:
        return False
    with path.open("rb") as file:
        return checks[container](file, path.stat().st_size)


def _lacks_packet(file: BinaryIO, size: int) -> bool:
    """Tell whether the last packet of a transport stream is torn: it is of 188 bytes, of 192 or 204 with a check."""
    return all(size % length for length in (188, 192, 204))


def _lacks_riff(file: BinaryIO, size: int) -> bool:
    """Walk the parts of an AVI, of about 1 GB each."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name != b"RIFF":
            return False  # whatever comes after the film
        at += 8 + length
    return at > size


def _lacks_asf(file: BinaryIO, size: int) -> bool:
    head = file.read(2**16)
    at = head.find(_ASF_FACTS)
    if at < 0 or at + _ASF_FLAGS_AT + 4 > len(head):
        return False
    (whole,) = struct.unpack_from("<Q", head, at + _ASF_SIZE_AT)
    (flags,) = struct.unpack_from("<I", head, at + _ASF_FLAGS_AT)
    return not flags & _ASF_BROADCAST and size < whole


def _lacks_ogg(file: BinaryIO, size: int) -> bool:
    file.seek(-min(size, _OGG_PAGE), os.SEEK_END)
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return not page[5] & _OGG_LAST or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
