"""What commands show while they work, and how they print."""

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import typer


def is_first_process() -> bool:
    """Tell whether this process speaks to the user: of several that torchrun started, only the first does."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def progress_bar(
    label: str, total: int | None = None, unit: str = "frames", quiet: bool = False
) -> Iterator[Callable[..., None]]:
    """A progress bar with rate and time left on stderr; nothing where stderr is not a terminal.

    It is moved by a call with what is done, of how much if that is known, and in which scene if there are scenes.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f} {unit}/s" if task.speed else "")

    console = Console(stderr=True)
    quiet = quiet or not is_first_process()
    columns = (
        TextColumn("{task.description}", markup=False),  # a file may be called a[red].mp4
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task(label, total=total)

        def move(done: int, known: int | None, scene: int | None = None) -> None:
            text = label if scene is None else f"{label}, scene {scene}"
            progress.update(task, completed=done, total=known, description=text)

        yield move


@contextmanager
def noting_ctrl_c(then: str = "Stopping after this frame, to leave the film so far") -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl+C was pressed; the first time does no more than say what comes ``then``, and how to go on."""
    noted = False

    def note(*_: object) -> None:
        nonlocal noted
        noted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        said = f"{then}; Ctrl+C again stops at once.\nTo go on:"
        command = shlex.join(["vfi", *(word for word in sys.argv[1:] if word != "--restart")])
        # Whatever was being printed, os.write may come in between.
        os.write(2, f"\n{said} {command}\n".encode(errors="surrogateescape"))

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # as it is in the background, where Ctrl+C is meant for others
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: noted
    finally:
        signal.signal(signal.SIGINT, before)


def json_document(values: Any) -> str:
    """Return plain values as JSON; exact fractions become text such as 30000/1001, paths their text."""

    def text(value: object) -> str:
        if isinstance(value, Fraction | Path):
            return str(value)
        raise TypeError(f"{type(value).__name__} has no place in JSON")

    return json.dumps(values, indent=2, default=text)


def report_skipped(skipped: Sequence[Path]) -> None:
    """Say on stderr what of a folder was not taken."""
    if skipped:
        names = ", ".join(path.name for path in skipped[:5])
        rest = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        typer.echo(f"skipped {names}{rest}: not videos, or made by an earlier run", err=True)
