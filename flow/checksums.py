"""Whether weights are the bytes they should be: SHA-256 sums, and those recorded of the shipped weights.

The record is `SHA256SUMS` beside them, in the format of coreutils: ``sha256sum -c SHA256SUMS`` reads it as well.
"""

import hashlib
import re
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from flow.checkpoint import CheckpointError, checkpoint_folder, find_checkpoint

RECORD = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True)
class Checked:
    """What became of one file."""

    file: str  # its name in the folder
    fault: str | None  # what is wrong with it, None if nothing is


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(name: str, what: str, models: Container[str], besides: Collection[str] = ()) -> str:
    """Return what tells a model from any other: the SHA-256 of its file, or its name if that is one of ``besides``.

    Arguments and errors are those of `flow.checkpoint.find_checkpoint`.
    """
    if name in besides:
        return name
    path = find_checkpoint(name, what, models, besides)
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist: give a .safetensors file written by vfi")
    return sha256(path)


def recorded(folder: Path | None = None) -> dict[str, str]:
    """Return by file name what was recorded of the shipped weights, or of those of another folder.

    Raises CheckpointError if there is no record, or it is not one.
    """
    path = (folder or checkpoint_folder()) / RECORD
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeError) as error:
        raise CheckpointError(f"{path} cannot be read: install vfi anew") from error
    matches = [_LINE.fullmatch(line) for line in lines]
    if not all(matches):
        raise CheckpointError(f"{path} is no list of SHA-256 sums: install vfi anew")
    return {match[2]: match[1] for match in matches if match}


def verify_weights(folder: Path | None = None) -> Iterator[Checked]:
    """Check every file that is recorded or there, in the order of their names; raises what `recorded` does."""
    folder = folder or checkpoint_folder()
    sums = recorded(folder)
    for name in sorted({*sums, *(path.name for path in folder.glob("*.safetensors"))}):
        yield Checked(name, _fault(folder / name, sums.get(name)))


def _fault(path: Path, expected: str | None) -> str | None:
    if expected is None:
        return "is not among those that were shipped"
    try:
        found = sha256(path)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if found == expected else f"is damaged: its SHA-256 is {found}, not {expected}"
