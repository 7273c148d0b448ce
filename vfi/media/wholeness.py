"""Files that end before their time in formats whose readers in FFmpeg do not mind."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_ASF_FACTS = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # File Properties Object; ASF specification 3.2
_ASF_SIZE_AT, _ASF_FLAGS_AT, _ASF_BROADCAST = 40, 88, 1  # its flag says that the size was not known
_FLV_SIZE = b"\0\x08filesize\0"  # the name of a number in the metadata; before it its length, behind it its type
_FLV_TAG = 11 + 4  # bytes of a tag beside its contents: its head, and its length behind it; FLV specification 10.1, E.3
_MP4_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"uuid", b"sidx", b"mfra")
_MP4_FILM = (b"moov", b"moof", b"mdat")  # those without which pictures are missing
_MXF_PARTITION = bytes.fromhex("060e2b34020501010d01020101")  # how its key begins; SMPTE ST 377-1, 7.1
_MXF_HEAD = 2**16  # bytes that may precede the first partition
_NUT_INDEX = b"NX" + bytes.fromhex("dd672f23e64e")  # how the index begins, with which a file ends; NUT specification
_NUT_TAIL = 8 + 4  # bytes at the end: the length of the index, and its checksum
_OGG_PAGE = 27 + 255 + 255 * 255  # bytes at most; RFC 3533, 6
_OGG_LAST = 4  # flag of a page with which a stream ends


def is_cut_short(path: Path, container: str) -> bool:
    """Tell whether a file lacks its end, by its size in its own head or by its last page or packet.

    container: FFmpeg's name of the format; of others than those below nothing is known.
    """
    checks = {
        "avi": _lacks_riff,
        "asf": _lacks_asf,
        "flv": _lacks_flv,
        "mov,mp4,m4a,3gp,3g2,mj2": _lacks_mp4,
        "mxf": _lacks_mxf,
        "nut": _lacks_nut,
        "ogg": _lacks_ogg,
        "mpegts": _lacks_packet,
    }
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


def _lacks_nut(file: BinaryIO, size: int) -> bool:
    """Look for the index at the end, which FFmpeg writes unless told otherwise, into pipes as well."""
    if size < _NUT_TAIL:
        return True
    file.seek(-_NUT_TAIL, os.SEEK_END)
    length = int.from_bytes(file.read(8))
    if not _NUT_TAIL < length <= size:
        return True
    file.seek(-length, os.SEEK_END)
    return file.read(len(_NUT_INDEX)) != _NUT_INDEX


def _lacks_ogg(file: BinaryIO, size: int) -> bool:
    file.seek(-min(size, _OGG_PAGE), os.SEEK_END)
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return not page[5] & _OGG_LAST or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _lacks_flv(file: BinaryIO, size: int) -> bool:
    """Go by the size in the metadata, else by the last tag, behind which its length comes once more."""
    head = file.read(2**16)
    at = head.find(_FLV_SIZE) + len(_FLV_SIZE)
    if at >= len(_FLV_SIZE) and at + 8 <= len(head):
        (whole,) = struct.unpack_from(">d", head, at)
        if whole > 0:  # which streams leave open
            return size < whole
    file.seek(-4, os.SEEK_END)
    (length,) = struct.unpack(">I", file.read(4))
    if not _FLV_TAG - 4 <= length <= size - _FLV_TAG:
        return True
    file.seek(size - 4 - length)
    return int.from_bytes(file.read(4)[1:]) + _FLV_TAG - 4 != length


def _lacks_mp4(file: BinaryIO, size: int) -> bool:
    """Walk the boxes: of an index that is torn, FFmpeg takes what is there, a film of fewer pictures."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        if name not in _MP4_BOXES or length == 0:  # whatever comes after the film; or a box that lasts to the end
            return False
        if length == 1:
            length = int.from_bytes(file.read(8))
        if at + length > size:
            return name in _MP4_FILM
        at += max(length, 8)
    return False


def _lacks_mxf(file: BinaryIO, size: int) -> bool:
    """Look for the last partition where the first one says that it is; 0 is for not known."""
    head = file.read(_MXF_HEAD + 128)
    key = head.find(_MXF_PARTITION)
    if key < 0 or key + 17 > len(head):
        return False
    long = head[key + 16]  # the length of what follows, in one byte or in so many more
    value = key + 17 + (long & 0x7F if long & 0x80 else 0)
    (footer,) = struct.unpack_from(">Q", head, value + 24)
    if not footer:
        return False
    file.seek(key + footer)  # counted from the first partition
    return file.read(len(_MXF_PARTITION)) != _MXF_PARTITION
