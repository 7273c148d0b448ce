"""Where results go: what must hold before a file is written."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from vfi.media.errors import MediaError


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise MediaError if the file exists and may not be replaced."""
    if path.exists() and not overwrite:
        raise MediaError(f"{path} exists: choose another name with -o, or use --overwrite")


def refuse_twins(paths: Iterable[Path]) -> None:
    """Raise MediaError if two results would get one name."""
    twins = [path for path, count in Counter(paths).items() if count > 1]
    if twins:
        raise MediaError(f"two inputs would both be written to {twins[0]}: run them one by one, each with its own -o")


def make_folder(folder: Path) -> None:
    """Make the folder and those above it; raises MediaError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise MediaError(f"{folder} is a file: name another folder with -o") from error
    except OSError as error:
        raise MediaError(f"{folder} cannot be made ({error.strerror}): name another folder with -o") from error
