"""Clips from video: decoded once into files of raw frames, of which any is then read at once."""

import hashlib
import uuid
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import numpy as np

from vfi.clips.clip import CorpusError


@dataclass(frozen=True)
class Film:
    """A video file, or one within a .tar."""

    path: Path
    member: str | None = None  # its name in the .tar
    offset: int = 0  # and where it lies there
    size: int | None = None  # bytes

    @property
    def name(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}, {self.member}"

    @property
    def key(self) -> str:
        """What the cache knows it by: it is decoded anew if the file changes."""
        stat = self.path.stat()
        whole = f"{self.path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
        return hashlib.sha256((whole if self.member is None else f"{whole}:{self.offset}").encode()).hexdigest()[:16]

    def open(self) -> str | BytesIO:
        """Return what PyAV can open."""
        if self.member is None:
            return str(self.path)
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return BytesIO(file.read(self.size))


@dataclass(frozen=True, slots=True)
class DecodedClip:
    """Raw frames of a video in the cache."""

    name: str
    file: str
    count: int
    height: int
    width: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> np.ndarray:
        if not 0 <= index < self.count:
            raise IndexError(index)
        shape = (self.height, self.width, 3)
        # Mapped for each frame anew: a mapping holds a file open, and of those a process may have about a thousand.
        return np.memmap(self.file, np.uint8, "r", index * self.height * self.width * 3, shape)


def decode(film: Film, cache: Path) -> DecodedClip:
    """Return the frames of a video from the cache, decoded into it if they are not there yet.

    Raises CorpusError if it cannot be decoded or changes its size, or the cache cannot be written.
    """
    try:
        key = film.key
        found = next(cache.glob(f"{key}-*x*.rgb"), None) or _decode(film, cache, key)
        width, height = map(int, found.stem.split("-")[1].split("x"))
        return DecodedClip(film.name, str(found), found.stat().st_size // (width * height * 3), height, width)
    except OSError as error:
        raise CorpusError(
            f"{film.name} cannot be decoded into {cache} ({error.strerror}): check both, or choose another --cache"
        ) from error


def _decode(film: Film, cache: Path, key: str) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    partial = cache / f"{key}.{uuid.uuid4().hex}.part"
    size: tuple[int, int] | None = None
    try:
        with av.open(film.open(), "r") as container, partial.open("wb") as raw:
            if not container.streams.video:
                raise CorpusError(f"{film.name} has no video stream: remove it from the corpus")
            container.streams.video[0].thread_type = "AUTO"
            for frame in container.decode(video=0):
                if size is not None and size != (frame.width, frame.height):
                    raise CorpusError(f"{film.name} changes its picture size: cut it there, or remove it")
                size = frame.width, frame.height
                raw.write(np.ascontiguousarray(frame.to_ndarray(format="rgb24")).data)
        if size is None:
            raise CorpusError(f"{film.name} has no frames: remove it from the corpus")
        done = cache / f"{key}-{size[0]}x{size[1]}.rgb"
        partial.replace(done)
    except (av.FFmpegError, EOFError) as error:
        raise CorpusError(f"{film.name} cannot be decoded ({error}): remove it from the corpus") from error
    finally:
        partial.unlink(missing_ok=True)
    return done
