"""The shape of the pixels in the head of an .mkv or .webm, which PyAV cannot hand to FFmpeg's writer.

The format is EBML, RFC 8794: elements of an id, a length and what they hold, which may be elements again. FFmpeg
leaves an empty one, a void, behind the table of what is where; so the tracks can grow without anything after them
moving.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

# Ids of elements, RFC 9559, 5.1.
_SEGMENT, _SEEK_HEAD, _VOID, _TRACKS, _CLUSTER = 0x18538067, 0x114D9B74, 0xEC, 0x1654AE6B, 0x1F43B675
_SEEK, _SEEK_POSITION, _CRC = 0x4DBB, 0x53AC, 0xBF
_TRACK, _NUMBER, _VIDEO = 0xAE, 0xD7, 0xE0
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_HEAD = 2**20  # bytes in which all this is, or it is not as FFmpeg writes it


class NoRoomError(ValueError):
    """The head of a file is not as FFmpeg writes it, or has no room left."""


@dataclass(frozen=True)
class _Element:
    id: int
    start: int  # of the element
    inside: int  # of what it holds
    end: int


def set_pixel_aspect(path: Path, track: int, size: tuple[int, int], aspect: Fraction) -> None:
    """Say of a video track how wide its pixels are; raises NoRoomError if there is no room for it.

    track: the stream's index; size: width and height of the pictures as they are stored.
    """
    with path.open("r+b") as file:
        head = file.read(_HEAD)
        segment = next(element for element in _elements(head, 0, len(head)) if element.id == _SEGMENT)
        parts: dict[int, _Element] = {}
        for element in _elements(head, segment.inside, min(segment.end, len(head))):
            if element.id == _CLUSTER:
                break
            parts.setdefault(element.id, element)
        if not parts.keys() >= {_SEEK_HEAD, _VOID, _TRACKS} or parts[_TRACKS].end > len(head):
            raise NoRoomError(f"the head of {path} has no place for the pixel aspect")
        seek, void, tracks = parts[_SEEK_HEAD], parts[_VOID], parts[_TRACKS]
        grown = _with_display(head, tracks, track + 1, _display(size, aspect))
        more = len(grown) - (tracks.end - tracks.start)
        left = void.end - void.start - more
        if not seek.end == void.start < tracks.start or left < 9:
            raise NoRoomError(f"the head of {path} has no room for the pixel aspect")
        file.seek(seek.start)
        file.write(_moved(head, seek, range(void.end - segment.inside, tracks.end - segment.inside), -more))
        file.write(_element(_VOID, bytes(left - 9), length=8))
        file.write(head[void.end : tracks.start] + grown)


def _display(size: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """Return the size at which to show pictures: exactly of their shape, and no smaller than they are."""
    shape = Fraction(size[0], size[1]) * aspect
    times = max(math.ceil(size[0] / shape.numerator), math.ceil(size[1] / shape.denominator))
    return shape.numerator * times, shape.denominator * times


def _elements(data: bytes, start: int, end: int) -> Iterator[_Element]:
    while start < end:
        number, at = _number(data, start, marked=True)
        length, inside = _number(data, at)
        yield _Element(number, start, inside, inside + length)
        start = inside + length


def _number(data: bytes, at: int, marked: bool = False) -> tuple[int, int]:
    """Return a number of variable length, with its marker if it is an id, and where it ends."""
    size = 9 - data[at].bit_length() if data[at] else 9
    if size > 8 or at + size > len(data):
        raise NoRoomError("the head is not of EBML")
    number = int.from_bytes(data[at : at + size], "big")
    return number if marked else number & ((1 << 7 * size) - 1), at + size


def _element(number: int, inside: bytes, length: int = 0) -> bytes:
    """Return an element; ``length`` is how many bytes tell its length, as few as can be by default."""
    size = length or next(n for n in range(1, 9) if len(inside) < (1 << 7 * n) - 1)
    told = (1 << 7 * size | len(inside)).to_bytes(size, "big")
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + told + inside


def _uint(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _checked(number: int, parts: list[bytes]) -> bytes:
    """Return an element of parts; a checksum at their head is made anew."""
    rest = b"".join(parts)
    if rest[0] == _CRC:
        rest = _element(_CRC, zlib.crc32(rest[6:]).to_bytes(4, "little")) + rest[6:]
    return _element(number, rest)


def _with_display(head: bytes, tracks: _Element, number: int, display: tuple[int, int]) -> bytes:
    """Return the tracks, that of a number with the size at which to show it."""
    parts, found = [], False
    for track in _elements(head, tracks.inside, tracks.end):
        inner = list(_elements(head, track.inside, track.end)) if track.id == _TRACK else []
        numbers = [int.from_bytes(head[e.inside : e.end], "big") for e in inner if e.id == _NUMBER]
        part = head[track.start : track.end]
        if numbers == [number]:
            found, part = True, _element(_TRACK, b"".join(_shown(head, element, display) for element in inner))
        parts.append(part)
    if not found:
        raise NoRoomError(f"there is no track {number}")
    return _checked(_TRACKS, parts)


def _shown(head: bytes, element: _Element, display: tuple[int, int]) -> bytes:
    """Return an element of a track; what it says of its pictures, with the size at which to show them."""
    if element.id != _VIDEO:
        return head[element.start : element.end]
    kept = [
        head[part.start : part.end]
        for part in _elements(head, element.inside, element.end)
        if part.id not in (_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT)  # which is pixels then
    ]
    return _element(_VIDEO, b"".join([*kept, _uint(_DISPLAY_WIDTH, display[0]), _uint(_DISPLAY_HEIGHT, display[1])]))


def _moved(head: bytes, seek: _Element, moved: range, by: int) -> bytes:
    """Return the table of what is where, as long as before, after what lies in a range was moved."""
    parts = []
    for entry in _elements(head, seek.inside, seek.end):
        part = head[entry.start : entry.end]
        if entry.id == _SEEK:
            fields = {field.id: field for field in _elements(head, entry.inside, entry.end)}
            place = fields[_SEEK_POSITION]
            at = int.from_bytes(head[place.inside : place.end], "big")
            if at in moved:
                told = (at + by).to_bytes(place.end - place.inside, "big")
                part = head[entry.start : place.inside] + told + head[place.end : entry.end]
        parts.append(part)
    return _checked(_SEEK_HEAD, parts)
