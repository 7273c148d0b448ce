"""What trainings of both kinds share: options, and how one goes on, is shown and ends."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfi.commands.config import known_parameters
from vfi.commands.terminal import is_first_process, progress_bar

if TYPE_CHECKING:
    from flow.fit import Fit

of_model, of_data, of_loss, of_learning, of_run = (
    partial(typer.Option, rich_help_panel=name) for name in ("Model", "Data", "Loss", "Learning", "Run")
)
Run = Annotated[
    Path | None, of_run(help="Folder of the run; resumed if it exists (default: runs/MODEL).", show_default=False)
]
Accumulate = Annotated[int, of_learning(min=1, help="Batches that a step learns from: as one so much larger.")]
Ema = Annotated[float, of_learning(help="How much of the averaged weights each step keeps; 0: no average.")]
Freeze = Annotated[
    list[str] | None,
    of_model(help="A part that keeps its weights, such as flow; repeatable.", show_default=False),
]
ValidateEvery = Annotated[int, of_run(min=1, help="Steps between validations.")]
Seed = Annotated[int, of_learning(min=0, help="Of all that is random.")]


def follow(training: "Fit", context: typer.Context) -> dict[str, float] | None:
    """Train to the end with a progress bar, and say what validation found and where the model is.

    Writes the command's options to config.toml in the run folder. Returns what validation said at the end, None if the
    run was at its end already or there is nothing to validate on.
    """
    from vfi.config import write_config

    if is_first_process():
        known = known_parameters(context.command)
        options = {name: context.params[option.parameter] for name, option in known.items()}
        write_config(training.run / "config.toml", options, f"{context.command_path} --config config.toml")
        if training.step:
            typer.echo(f"resuming {training.run} at step {training.step}", err=True)
    last = None
    with (
        progress_bar("training", training.recipe.steps, "steps") as progress,
        stops_in_time(training) as signals,
        suppress(KeyboardInterrupt),  # the training is saved all the same
    ):
        for now in training.run_steps():
            progress(round(training.along * now.steps), now.steps)
            last = now.scores
            if now.scores:
                scores = ", ".join(f"{training.scores[name]} {value:.3f}" for name, value in now.scores.items())
                pace = f"{now.images_per_second:.1f} images/s"
                typer.echo(f"step {now.step}: loss {now.loss:.4f}; {scores}; {pace}", err=True)
    if is_first_process() and not training.complete():
        typer.echo(f"Saved at step {training.step}; the same command goes on from there.", err=True)
    elif is_first_process():
        typer.echo(f"wrote {training.model_file} and {training.run / 'curve.png'}")
    if not training.complete():  # by a signal to this process or to another
        raise typer.Exit(128 + (signals or [signal.SIGINT])[0])
    return last


@contextmanager
def stops_in_time(training: "Fit") -> Iterator[list[int]]:
    """End a training after the step that it is in, at the first Ctrl+C or SIGTERM; a second Ctrl+C ends it at once.

    Yields the list of the signals that came.
    """
    came: list[int] = []

    def stop(number: int, _: Any) -> None:
        came.append(number)
        training.stop()
        if "RANK" not in os.environ:  # torchrun repeats the Ctrl+C that the terminal sends to all
            signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
