"""The folder in which a film comes to be: its finished chunks, and a manifest that says what they are of.

Several processes may work in it at once, of one machine or of several that share the folder: who makes a chunk holds
its lock, which the system takes back from a process that dies. The manifest is replaced in one move.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from flow.checksums import sha256
from vfi.chunks import Made
from vfi.media.errors import MediaError, writing
from vfi.media.pieces import PIECES, Piece
from vfi.outputs import make_folder
from vfi.pipeline import Tally

_FORMAT = "vfi-workdir-1"
_POLL = 0.05  # seconds between looks at a lock
_OURS = re.compile(
    rf"manifest\.(json|part|lock)|film\.lock|\d{{8}}\.(json|lock)|\d{{8}}(\.part)?({'|'.join(map(re.escape, PIECES))})"
    r"|learnt-\w+\.safetensors"
)


@dataclass(frozen=True)
class Chunk:
    """What the manifest says of a chunk."""

    gaps: range
    files: Mapping[str, str] = field(default_factory=dict)  # the SHA-256 of each, by its name; none until it is done
    start: int = 0  # of its first frame, in ticks since the film's first
    made: int = 0  # frames
    cuts: int = 0

    @property
    def done(self) -> bool:
        return bool(self.files)


class Workdir:
    """A folder of chunks, opened for one film."""

    def __init__(
        self, folder: Path, film: Mapping[str, str], chunks: Sequence[range], ending: str, *, restart: bool = False
    ) -> None:
        """Go on with the chunks in the folder, or begin there if it is new, empty, or to ``restart`` in.

        film: all that the frames depend on, in words; that of the chunks has to be the same. ending: of the chunks'
        files. Raises MediaError if the folder cannot be used or holds chunks of another film; it stays as it is then.
        """
        self.folder, self._ending = folder, ending
        self._manifest = folder / "manifest.json"
        make_folder(folder, "--workdir")
        with self.lock("manifest") as ours:
            if not ours:
                raise MediaError(f"{folder} was removed in the meantime: give the command again")
            if self._begun(film, chunks, restart):
                return
            foreign = [path.name for path in folder.iterdir() if not _OURS.fullmatch(path.name)]
            if foreign:
                raise MediaError(f"{folder} holds other files, such as {foreign[0]}: name a new folder with --workdir")
            self._clear(*PIECES, ".json")
            self._write(film, [Chunk(gaps) for gaps in chunks])

    def exists(self) -> bool:
        """Tell whether the film still comes to be here; another process may have completed it."""
        return self._manifest.exists()

    def chunks(self) -> list[Chunk]:
        """Return all chunks as they are now."""
        _, chunks = self._read()
        return chunks

    def path(self, chunk: Chunk) -> Path:
        """Return where the chunk's pictures are to be."""
        return self.folder / f"{chunk.gaps.start:08d}{self._ending}"

    def piece(self, chunk: Chunk) -> Piece:
        """Return the pictures of a finished chunk."""
        return Piece(self.path(chunk), chunk.start, chunk.made)

    def tally(self, chunk: Chunk) -> Tally:
        """Return what was counted in a finished chunk."""
        return Tally.of(json.loads(self.path(chunk).with_suffix(".json").read_text()))

    @contextmanager
    def claim(self, chunk: Chunk) -> Iterator[bool]:
        """Hold the chunk's lock; yields whether it is there to be made: not done, and nobody else is at it."""
        with self.lock(f"{chunk.gaps.start:08d}", wait=False) as ours:
            yield ours and self.exists() and any(c.gaps == chunk.gaps and not c.done for c in self.chunks())

    def record(self, chunk: Chunk, made: Made) -> None:
        """Note that the chunk is done."""
        path, tally = self.path(chunk), made.tally
        counted = path.with_suffix(".json")
        with writing(counted):
            counted.write_text(json.dumps(tally.fields()))
        files = {file.name: sha256(file) for file in (counted, *([path] if made.piece.frames else []))}
        self._update(Chunk(chunk.gaps, files, made.piece.start, tally.made, tally.cuts))

    def mend(self) -> bool:
        """Tell whether finished chunks are missing or damaged, and note that they have to be made again."""
        damaged = [chunk for chunk in self.chunks() if not chunk.done or not self._sound(chunk)]
        for chunk in damaged:
            self._update(Chunk(chunk.gaps))
        return bool(damaged)

    @contextmanager
    def lock(self, name: str, *, wait: bool = True, give_up: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Hold a lock of the folder; yields whether it is ours.

        If we ``wait`` for it, it is, unless we are told to ``give_up`` or the folder is gone.
        """
        lock = FileLock(self.folder / f"{name}.lock")
        with writing(self._manifest), suppress(FileNotFoundError):
            while not _acquired(lock) and wait and not give_up():
                time.sleep(_POLL)
        try:
            yield lock.is_locked
        finally:
            lock.release()

    def leave(self) -> None:
        """Remove the folder if nothing in it is worth to be kept: nothing was learnt, no chunk is done or in work."""
        with self.lock("manifest", wait=False) as ours:
            empty = ours and self.exists() and self.idle() and not any(chunk.done for chunk in self.chunks())
            empty = empty and not any(self.folder.glob("*.safetensors"))
        if empty or not self.exists():
            self.remove()

    def remove(self) -> None:
        """Remove all that is ours, and the folder if nothing else is in it."""
        self._clear(*PIECES, ".json", ".part", ".lock", ".safetensors")
        with suppress(OSError):
            self.folder.rmdir()

    def idle(self) -> bool:
        """Tell whether no process makes a chunk here."""
        for path in self.folder.glob("[0-9]*.lock"):
            with self.lock(path.stem, wait=False) as ours:
                if not ours:
                    return False
        return True

    def _sound(self, chunk: Chunk) -> bool:
        """Tell whether the files of a finished chunk are as they were written."""
        files = {self.folder / name: expected for name, expected in chunk.files.items()}
        return all(file.exists() and sha256(file) == expected for file, expected in files.items())

    def _clear(self, *endings: str) -> None:
        """Remove those of our files that end so."""
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if _OURS.fullmatch(path.name) and path.suffix in endings:
                    path.unlink(missing_ok=True)

    def _begun(self, film: Mapping[str, str], planned: Sequence[range], restart: bool) -> bool:
        """Tell whether there are chunks to go on with; raises MediaError if they are of another film."""
        if not self._manifest.exists():
            return False
        theirs, chunks = ({}, []) if restart else self._read()
        other = next((name for name in film if theirs.get(name) != film[name]), None)
        if other is None:
            if [chunk.gaps for chunk in chunks] != list(planned):
                raise MediaError(f"{self._manifest} is damaged: begin anew with --restart")
            return True
        if any(chunk.done for chunk in chunks):
            raise MediaError(
                f"{self.folder} holds the beginning of another film ({other} {theirs.get(other)} there, {film[other]}"
                " here): repeat the command it was begun with, or begin anew with --restart"
            )
        if not self.idle():
            raise MediaError(f"another process is at work in {self.folder}: wait for it, or stop it")
        return False

    def _read(self) -> tuple[dict[str, str], list[Chunk]]:
        try:
            manifest = json.loads(self._manifest.read_text())
            if manifest["format"] != _FORMAT:
                raise ValueError
            return dict(manifest["film"]), [_chunk(**entry) for entry in manifest["chunks"]]
        except OSError as error:
            raise MediaError(
                f"{self._manifest} cannot be read ({error.strerror}): begin anew with --restart"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MediaError(f"{self._manifest} is damaged: begin anew with --restart") from error

    def _update(self, chunk: Chunk) -> None:
        with self.lock("manifest"):
            film, chunks = self._read()
            self._write(film, [chunk if chunk.gaps == old.gaps else old for old in chunks])

    def _write(self, film: Mapping[str, str], chunks: Sequence[Chunk]) -> None:
        manifest = {"format": _FORMAT, "film": dict(film), "chunks": [_entry(chunk) for chunk in chunks]}
        partial = self._manifest.with_suffix(".part")
        with writing(self._manifest):
            with partial.open("w") as file:
                json.dump(manifest, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._manifest)


def _acquired(lock: FileLock) -> bool:
    with suppress(Timeout):
        lock.acquire(timeout=0)
    return lock.is_locked


def _entry(chunk: Chunk) -> dict[str, Any]:
    """A chunk as JSON values."""
    return {
        "frames": [chunk.gaps.start, chunk.gaps.stop],
        "state": "done" if chunk.done else "open",
        "files": dict(chunk.files),
        "start": chunk.start,
        "made": chunk.made,
        "cuts": chunk.cuts,
    }


def _chunk(frames: list[int], state: str, files: dict[str, str], start: int, made: int, cuts: int) -> Chunk:
    """What `_entry` made JSON of; raises TypeError or ValueError if it is not that."""
    if (state == "done") != bool(files) or not all(map(_OURS.fullmatch, files)):
        raise ValueError
    return Chunk(range(*frames), files, start, made, cuts)
