"""`vfi devices`: what there is to compute on."""

import dataclasses

import typer

from vfi.commands.options import AsJson
from vfi.commands.terminal import json_document


def show_devices(as_json: AsJson = False) -> None:
    """Show the CPU and the GPUs, and what --device, --precision and --backend auto choose, and why.

    [bold]Example:[/bold] vfi devices
    """
    from vfi.devices import find_devices

    found = find_devices()
    typer.echo(json_document(dataclasses.asdict(found)) if as_json else str(found))
