"""`vfi info`: what is in files."""

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from vfi.commands.options import AsJson
from vfi.commands.terminal import json_document, report_skipped


def show_files(
    paths: Annotated[list[Path], typer.Argument(help="Files, and folders of videos.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show what is in files: streams, times, colours, what is wrong, and what `upsample` would make of them.

    Every file is read once as a whole, to know its times and that nothing is missing. Exit code 1 if one is damaged.

    [bold]Example:[/bold] vfi info film.mkv
    """
    from vfi.batch import find_inputs
    from vfi.forecast import forecast
    from vfi.media import MediaError
    from vfi.media.probe import probe
    from vfi.outputs import output_path
    from vfi.timing import Factor

    inputs, found, damaged = find_inputs(paths), [], 0
    for path in (*inputs.named, *inputs.found):
        facts = probe(path)
        damaged += facts.fault is not None
        would: dict[str, Any]
        try:
            plan = forecast(facts, output_path(path, None, "2x", {}), Factor(Fraction(2)))
            said, would = str(plan), dataclasses.asdict(plan)
        except MediaError as error:
            said, would = f"upsample refuses it: {error}", {"refusal": str(error)}
        found.append(dataclasses.asdict(facts) | {"upsample": would})
        if not as_json:
            typer.echo("\n  ".join([str(facts), *said.splitlines()]))
    if as_json:
        typer.echo(json_document(found))
    report_skipped(inputs.skipped)
    if damaged:
        raise typer.Exit(1)
