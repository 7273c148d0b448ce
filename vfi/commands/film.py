"""What upsample and slowmo share: a film made chunk by chunk, or at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vfi.commands.terminal import noting_ctrl_c, progress_bar

if TYPE_CHECKING:
    from vfi.pipeline import Summary


def make_resumably(source: Path, output: Path, label: str, quiet: bool, **wishes: Any) -> "Summary | None":
    """Make a film with a progress bar, chunk by chunk; ends the command at the first Ctrl+C.

    ``wishes`` are those of `vfi.resumable.upsample_resumably`. Returns None if another process has completed it.
    """
    from vfi.resumable import Stopped, upsample_resumably

    try:
        with progress_bar(label, quiet=quiet) as progress, noting_ctrl_c() as stop:
            summary = upsample_resumably(source, output, **wishes, progress=progress, stop=stop)
    except Stopped as stopped:
        if stopped.partial is None:
            typer.echo(f"Interrupted{f'; {stopped.problem}' if stopped.problem else '.'}", err=True)
        else:
            typer.echo(f"wrote {stopped.partial}: the first {float(stopped.until):.3f} s", err=True)
        raise typer.Exit(130) from None
    if summary is None:
        typer.echo(f"{output} was completed by another process", err=True)
    return summary


def make_at_once(source: Path, output: Path, label: str, quiet: bool, **wishes: Any) -> "Summary":
    """Make a film with a progress bar; ``wishes`` are those of `vfi.pipeline.upsample`."""
    from vfi.pipeline import upsample

    with progress_bar(label, quiet=quiet) as progress:
        return upsample(source, output, **wishes, progress=progress)
