"""Defaults of the user's own: `vfi config`, and what all commands know of them."""

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperOption

from vfi.commands.options import AsJson
from vfi.commands.terminal import json_document

if TYPE_CHECKING:
    from vfi.config import Commands, Option


def use_config(context: typer.Context, file: Path | None) -> Path | None:
    """Make the options in a file the command's defaults, before those of the file that is there for all commands."""
    if file is not None:
        from vfi.config import ConfigError, read_config

        try:
            options = read_config(file, known_parameters(context.command))
        except ConfigError as error:
            raise typer.BadParameter(str(error)) from None
        context.default_map = {**(context.default_map or {}), **options}
    return file


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=use_config,
        is_eager=True,
        help="TOML file of these options, such as the config.toml of a run; the command line goes first.",
        show_default=False,
        rich_help_panel="Run",
    ),
]


def default_config() -> Path:
    return Path(typer.get_app_dir("vfi")) / "config.toml"


def known_options(group: Any) -> "Commands":
    """Return by name what can be set for the commands of a group."""
    known: dict[str, Any] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            known[name] = known_options(command)
            continue
        known[name] = known_parameters(command, TyperOption)
    return known


def known_parameters(command: Any, kind: Any = object) -> "dict[str, Option]":
    """Return by name the options and arguments of a command that can be set, or those of a kind."""
    from vfi.config import Option

    return {
        name.removeprefix("--"): Option(str(parameter.name), parameter.nargs == -1 or parameter.multiple)
        for parameter in command.params
        if isinstance(parameter, kind) and not parameter.is_eager
        for name in parameter.opts
        if name.startswith("--") or not isinstance(parameter, TyperOption)
    }


def print_config_path(context: typer.Context) -> None:
    """Print where the file of defaults is, or would be."""
    typer.echo(context.obj)


def show_config(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the defaults that are set, and where.

    [bold]Example:[/bold] VFI_UPSAMPLE_CRF=18 vfi config show
    """
    from vfi.config import ConfigError, find_settings

    named = context.find_root().get_parameter_source("config")
    if named is not None and named.name == "COMMANDLINE" and not context.obj.exists():
        raise ConfigError(f"{context.obj} does not exist: check the name")
    known = known_options(context.find_root().command)
    settings = find_settings(context.obj, known, os.environ)
    if as_json:
        typer.echo(json_document([dataclasses.asdict(setting) for setting in settings]))
        return
    for setting in settings:
        typer.echo(f"{setting.option} = {setting.value}  ({setting.source})")
    if not settings:
        typer.echo(f"Nothing is set: neither in {context.obj} nor by variables such as VFI_UPSAMPLE_CRF.", err=True)
