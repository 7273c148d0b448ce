"""What a clip is: consecutive frames of one shot, each read when it is asked for."""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

LEAST = 3  # frames of a clip: a triplet


class CorpusError(ValueError):
    """The corpus cannot be used; the message says why and what to do."""


class Clip(Protocol):
    """Consecutive frames of one size; several threads may read them."""

    @property
    def name(self) -> str:
        """Where it lies, for errors."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> np.ndarray:
        """Return a frame (H, W, 3) uint8 RGB; raises MediaError or CorpusError that names it if it is damaged."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Consecutive frames of a longer clip."""

    clip: Clip
    start: int
    count: int

    @property
    def name(self) -> str:
        return self.clip.name

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> np.ndarray:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.clip[self.start + index]


class Fingerprint:
    """Which files a corpus is made of, by their names and sizes; their contents are not looked at."""

    def __init__(self) -> None:
        self.files = self.bytes = 0
        self._hash = hashlib.sha256()

    def add(self, path: str, size: int) -> None:
        """Note a file, by its path within the source that was named, and its bytes."""
        self.files += 1
        self.bytes += size
        self._hash.update(f"{path}\t{size}\n".encode(errors="surrogateescape"))

    def summary(self) -> dict[str, Any]:
        """Return how many files there are, their bytes, and the SHA-256 of the lines ``path TAB size`` in order."""
        return {"files": self.files, "bytes": self.bytes, "sha256_of_paths_and_sizes": self._hash.hexdigest()}
