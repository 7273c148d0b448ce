"""Where a command writes to."""

from pathlib import Path

import typer


def placed(output: Path | None, default: Path) -> Path:
    """Return the file that the user named, or the default one, in the folder that the user named."""
    return default if output is None else output / default.name if output.is_dir() else output


def check_picture(path: Path, option: str, overwrite: bool) -> None:
    """Refuse a picture that could not be written in the end."""
    from vfi.outputs import refuse_existing

    if path.suffix.lower() != ".png":
        raise typer.BadParameter(f"{path} does not end in .png", param_hint=option)
    if not path.parent.is_dir():
        raise typer.BadParameter(f"{path.parent} is no folder", param_hint=option)
    refuse_existing(path, overwrite)
