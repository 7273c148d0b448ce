"""All commands, and what holds for each of them."""

import functools
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from vfi.commands.adapt import adapt_command
from vfi.commands.command import command, errors_told
from vfi.commands.config import default_config, known_options, print_config_path, show_config
from vfi.commands.devices import show_devices
from vfi.commands.flow import (
    compare_flow_command,
    convert_flow_command,
    flow_arrows_command,
    flow_video_command,
    run_flow_command,
)
from vfi.commands.flow_networks import (
    bench_flow_command,
    evaluate_flow_command,
    export_flow_command,
    train_flow_command,
)
from vfi.commands.groups import Commands
from vfi.commands.info import show_files
from vfi.commands.measure import bench_command, compare_command, evaluate_command, report_command
from vfi.commands.models import export_command, import_model, list_models, show_model, verify_models
from vfi.commands.pair import pair
from vfi.commands.slowmo import slowmo
from vfi.commands.study import study_losses_command
from vfi.commands.train import TrainVideo, train_command
from vfi.commands.upsample import upsample
from vfi.commands.web import serve_page

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "VFI"},
    help="Raise a video's frame rate.\n\n[bold]Example:[/bold] vfi upsample video.mp4",
    epilog="Every option has a variable, such as VFI_UPSAMPLE_CRF=18, and a place in a file: see vfi config.",
)


def print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"vfi {version('vfi')}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            help="File of defaults (default: $VFI_CONFIG, or what vfi config path prints).", show_default=False
        ),
    ] = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # what is wrong with a picture is an error of ours
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]  # names of files need not be UTF-8
    leave_nothing_when_ended(context)
    context.obj = config or default_config()
    if context.invoked_subcommand != "config" and (config is not None or context.obj.exists()):
        from vfi.config import read_config

        with errors_told():
            context.default_map = read_config(context.obj, known_options(context.command))


def leave_nothing_when_ended(context: typer.Context) -> None:
    """Let SIGTERM, and SIGHUP of a terminal that closes, end the program as errors do: what was half written goes."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has but one of them
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # and not ignored, as by nohup
            with suppress(ValueError):  # in a thread
                signal.signal(number, lambda number, _: sys.exit(128 + number))
                context.call_on_close(functools.partial(signal.signal, number, signal.SIG_DFL))


def add(group: typer.Typer, commands: dict[str, Callable[..., None]], panel: str | None = None) -> None:
    """Add functions to a group as commands, by name; ``panel``: under which the help lists them."""
    for name, function in commands.items():
        group.command(name, rich_help_panel=panel)(command(function))


def add_group(name: str, panel: str, help: str) -> typer.Typer:
    """Add a group of commands."""
    group = typer.Typer(cls=Commands, no_args_is_help=True, help=help)
    app.add_typer(group, name=name, rich_help_panel=panel)
    return group


# The help lists them in this order.
add(app, {"upsample": upsample, "slowmo": slowmo, "web": serve_page, "pair": pair}, "Interpolate")

add(app, {"adapt": adapt_command, "export": export_command}, "Models and training")
training = add_group("train", "Models and training", "Train a model, on a corpus or on one video.")
add(training, {"corpus": train_command})
training.command("video", cls=TrainVideo, help=TrainVideo.HELP)(command(train_command))
add(
    add_group("models", "Models and training", "What models there are."),
    {"list": list_models, "info": show_model, "verify": verify_models, "import": import_model},
)
add(
    add_group("flow", "Models and training", "Optical flow: find it, draw it, convert and compare its files."),
    {
        "run": run_flow_command,
        "video": flow_video_command,
        "arrows": flow_arrows_command,
        "convert": convert_flow_command,
        "compare": compare_flow_command,
        "train": train_flow_command,
        "eval": evaluate_flow_command,
        "export": export_flow_command,
        "bench": bench_flow_command,
    },
)
add(
    add_group("study", "Models and training", "Compare ways to learn, on one video."),
    {"losses": study_losses_command},
)

add(
    app,
    {
        "info": show_files,
        "eval": evaluate_command,
        "compare": compare_command,
        "report": report_command,
        "bench": bench_command,
    },
    "Look and measure",
)

add(app, {"devices": show_devices}, "Set up")
add(
    add_group(
        "config",
        "Set up",
        "Defaults of one's own, from a file and from the environment.\n\nAn option is taken from the command line,"
        " else from its variable, VFI_UPSAMPLE_CRF=18, else from the file. It has a table for each command,"
        " \\[upsample], and in it its options, crf = 18.",
    ),
    {"path": print_config_path, "show": show_config},
)
