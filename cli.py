"""The command line of vfi: parse, call once, print. The only place that prints and that catches errors.

Heavy imports happen inside the commands, so that ``vfi --help`` answers at once.
"""

import dataclasses
import functools
import json
import math
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

if TYPE_CHECKING:
    from flow.fit import Fit
    from vfi.adapt import Adaptation
    from vfi.batch import Batch, Job
    from vfi.config import Commands as ConfigCommands
    from vfi.config import Option as ConfigOption
    from vfi.flow_inputs import View
    from vfi.flow_video import FlowVideoSummary
    from vfi.interpolator import Interpolator
    from vfi.media import Part
    from vfi.pipeline import Summary
    from vfi.study.results import Run as StudyRun


class Commands(TyperGroup):
    """A group whose help is brief: it says once, not at each option, that all can come from the environment."""

    def get_params(self, ctx: Any) -> Any:
        return told_briefly(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            told_briefly(command.params)
        return command


def told_briefly(parameters: Any) -> Any:
    for parameter in parameters:
        if isinstance(parameter, TyperOption):
            parameter.show_envvar = False
            if parameter.is_flag:
                parameter.metavar = ""  # Typer would write --overwrite <bool>, as if it took a value
    return parameters


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
train_app = typer.Typer(cls=Commands, no_args_is_help=True, help="Train a model, on a corpus or on one video.")
app.add_typer(train_app, name="train", rich_help_panel="Models and training")
models_app = typer.Typer(cls=Commands, no_args_is_help=True, help="What models there are.")
app.add_typer(models_app, name="models", rich_help_panel="Models and training")
flow_app = typer.Typer(
    cls=Commands, no_args_is_help=True, help="Optical flow: find it, draw it, convert and compare its files."
)
app.add_typer(flow_app, name="flow", rich_help_panel="Models and training")
study_app = typer.Typer(cls=Commands, no_args_is_help=True, help="Compare ways to learn, on one video.")
app.add_typer(study_app, name="study", rich_help_panel="Models and training")
config_app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    help="Defaults of one's own, from a file and from the environment.\n\nAn option is taken from the command line,"
    " else from its variable, VFI_UPSAMPLE_CRF=18, else from the file. It has a table for each command, \\[upsample],"
    " and in it its options, crf = 18.",
)
app.add_typer(config_app, name="config", rich_help_panel="Set up")

DEFAULT_MODEL = "flow-fusion"
CUT_THRESHOLD = 28.0  # vfi.cuts.THRESHOLD, whose import would be slow here


def is_first_process() -> bool:
    """Tell whether this process speaks to the user: of several that torchrun started, only the first does."""
    return os.environ.get("RANK", "0") == "0"


def explanation(error: Exception) -> str | None:
    """Return what to tell the user of an error, or None if it is a defect of the program, or VFI_TRACEBACK is set."""
    from vfi.explain import explain

    return None if os.environ.get("VFI_TRACEBACK") else explain(error)


def reports_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the library's errors into one sentence on stderr and exit code 1; Ctrl+C into 130."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except BrokenPipeError:  # whoever read our output has left
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python would complain at its end
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(130) from None
        except Exception as error:
            message = explanation(error)
            if message is None:
                raise
            where = "" if is_first_process() else f" in process {os.environ['RANK']}"
            typer.echo(f"Error{where}: {message}", err=True)
            raise typer.Exit(1) from None

    return wrapped


Model = Annotated[
    str,
    typer.Option("--model", "-m", help="A shipped model's name or a .safetensors file.", rich_help_panel="Model"),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", rich_help_panel="Model")]
Precision = Annotated[str, typer.Option(help="auto, float32 or bfloat16.", rich_help_panel="Model")]
FlowScale = Annotated[
    str,
    typer.Option(
        help="Size at which motion is estimated and networks run: auto (reduced above 540 lines), 1, 1/2, 1/4 or 1/8.",
        rich_help_panel="Model",
    ),
]
StartFlow = Annotated[
    str | None,
    typer.Option(
        "--flow",
        help="What estimates the motion that the model starts from: dis (the default), or a flow network's name or"
        " .safetensors file.",
        show_default=False,
        rich_help_panel="Model",
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        help="What computes the frames: torch, openvino, onnx, or auto (OpenVINO on a CPU where it is installed).",
        rich_help_panel="Model",
    ),
]
FallBack = Annotated[
    str | None,
    typer.Option(
        "--fallback",
        help="What comes in where the model does not trust its frame: soft (less detail and some blend; the default),"
        " blend, hold (the nearer frame), or off.",
        show_default=False,
        rich_help_panel="Model",
    ),
]
Tile = Annotated[
    str,
    typer.Option(
        help="Large frames are made in tiles: auto (as the memory allows), off, or their side in pixels.",
        rich_help_panel="Model",
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        help="Memory to make do with, 4GB (default: what is free).", show_default=False, rich_help_panel="Model"
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the output if it exists.", rich_help_panel="Output")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.", rich_help_panel="Output")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no report.", rich_help_panel="Output")]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Also say what is computed where, and how fast.", rich_help_panel="Output"),
]


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
Parts = Annotated[str, typer.Option(help="What learns: all, fusion (all but the flow), or low-rank (a thin update).")]
Start = Annotated[
    str | None,
    typer.Option(
        help="Of the video: from this time on, 90.5, 1:30 or 1:02:03.", show_default=False, rich_help_panel="Timing"
    ),
]
End = Annotated[
    str | None,
    typer.Option(help="Of the video: until before this time.", show_default=False, rich_help_panel="Timing"),
]
Codec = Annotated[
    str | None, typer.Option(help="Encoder: libx264, libx265, libvpx-vp9, ffv1, ...", rich_help_panel="Encoding")
]
Crf = Annotated[
    int | None,
    typer.Option(help="Quality: lower is better and larger; 0 is lossless in x264.", rich_help_panel="Encoding"),
]
Preset = Annotated[str | None, typer.Option(help="Encoder speed: ultrafast to veryslow.", rich_help_panel="Encoding")]
PixFmt = Annotated[str | None, typer.Option(help="Pixel format: yuv420p, yuv420p10le, ...", rich_help_panel="Encoding")]
EncoderOpt = Annotated[
    list[str] | None, typer.Option(help="key=value for the encoder; repeatable.", rich_help_panel="Encoding")
]
Cuts = Annotated[
    str,
    typer.Option(
        help="New frames across a scene cut: hold (the nearer frame), blend, or off (interpolated as elsewhere).",
        rich_help_panel="Content",
    ),
]
CutThreshold = Annotated[
    float,
    typer.Option(
        help="Percent of the detail that has to change at once to be a cut; lower finds more.",
        rich_help_panel="Content",
    ),
]
Held = Annotated[
    str,
    typer.Option(
        help="Frames that repeat the one before, as in animation on twos: keep, or repair (made anew as motion).",
        rich_help_panel="Content",
    ),
]


WorkDir = Annotated[
    Path | None,
    typer.Option(
        "--workdir",
        help="Folder in which the film comes to be, chunk by chunk (default: .OUTPUT.vfi beside the output); processes"
        " with the same one share the work.",
        show_default=False,
        rich_help_panel="Interruptions",
    ),
]
Chunk = Annotated[
    str,
    typer.Option(
        "--chunk", help="Seconds of film in a chunk, which a crash costs at most.", rich_help_panel="Interruptions"
    ),
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Begin an interrupted film anew.", rich_help_panel="Interruptions")
]


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


def upsample_film(source: Path, output: Path, label: str, quiet: bool, **wishes: Any) -> "Summary | None":
    """Raise a film's frame rate with a progress bar, resumably; ends the command at the first Ctrl+C.

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


def load_interpolator(
    model: str,
    device: str,
    precision: str,
    flow_scale: str,
    flow: str | None,
    fallback: str | None = None,
    backend: str = "auto",
    tile: str = "auto",
    memory: str | None = None,
) -> "Interpolator":
    from vfi.interpolator import Interpolator

    most = None if memory is None else parse_bytes(memory, "--memory")
    return Interpolator.load(model, device, precision, flow_scale, flow, fallback, backend, tile, most)


def print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"vfi {version('vfi')}")
        raise typer.Exit


@app.callback()
@reports_errors
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

        context.default_map = read_config(context.obj, known_options(context.command))


def leave_nothing_when_ended(context: typer.Context) -> None:
    """Let SIGTERM, and SIGHUP of a terminal that closes, end the program as errors do: what was half written goes."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has but one of them
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # and not ignored, as by nohup
            with suppress(ValueError):  # in a thread
                signal.signal(number, lambda number, _: sys.exit(128 + number))
                context.call_on_close(functools.partial(signal.signal, number, signal.SIG_DFL))


def default_config() -> Path:
    return Path(typer.get_app_dir("vfi")) / "config.toml"


def known_options(group: Any) -> "ConfigCommands":
    """Return by name what can be set for the commands of a group."""
    known: dict[str, Any] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            known[name] = known_options(command)
            continue
        known[name] = known_parameters(command, TyperOption)
    return known


def known_parameters(command: Any, kind: Any = object) -> "dict[str, ConfigOption]":
    """Return by name the options and arguments of a command that can be set, or those of a kind."""
    from vfi.config import Option

    return {
        name.removeprefix("--"): Option(str(parameter.name), parameter.nargs == -1 or parameter.multiple)
        for parameter in command.params
        if isinstance(parameter, kind) and not parameter.is_eager
        for name in parameter.opts
        if name.startswith("--") or not isinstance(parameter, TyperOption)
    }


@config_app.command("path")
def print_config_path(context: typer.Context) -> None:
    """Print where the file of defaults is, or would be."""
    typer.echo(context.obj)


@config_app.command("show")
@reports_errors
def show_config(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the defaults that are set, and where.

    [bold]Example:[/bold] VFI_UPSAMPLE_CRF=18 vfi config show
    """
    from vfi.config import find_settings

    known = known_options(context.find_root().command)
    settings = find_settings(context.obj, known, os.environ)
    if as_json:
        typer.echo(json_document([dataclasses.asdict(setting) for setting in settings]))
        return
    for setting in settings:
        typer.echo(f"{setting.option} = {setting.value}  ({setting.source})")
    if not settings:
        typer.echo(f"Nothing is set: neither in {context.obj} nor by variables such as VFI_UPSAMPLE_CRF.", err=True)


def parse_fraction(text: str) -> Fraction:
    """Read 2, 2.5, 5/2 exactly."""
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise typer.BadParameter(f"{text!r} is not a number like 2, 5/2 or 60000/1001") from None


def stronger(context: typer.Context, **options: str) -> list[str | None]:
    """Return of options that exclude each other the one from the strongest place, and None for the others."""
    ranks = ["COMMANDLINE", "ENVIRONMENT", "DEFAULT_MAP"]
    places = [ranks.index(context.get_parameter_source(name).name) for name in options]  # type: ignore[union-attr]
    if places.count(min(places)) > 1:
        raise typer.BadParameter(f"give {' or '.join(f'--{name}' for name in options)}, not both")
    return [value if place == min(places) else None for value, place in zip(options.values(), places, strict=True)]


def parse_time(text: str | None, option: str) -> Fraction | None:
    """Read seconds, 90.5, or 1:30 or 1:02:03, exactly."""
    if text is None:
        return None
    try:
        parts = [Fraction(part) for part in text.split(":")]
    except (ValueError, ZeroDivisionError):
        parts = []
    if not 1 <= len(parts) <= 3 or min(parts) < 0:
        raise typer.BadParameter(f"{text!r} is not a time like 90.5, 1:30 or 1:02:03", param_hint=option)
    return sum((part * 60**power for power, part in enumerate(reversed(parts))), Fraction(0))


def parse_part(start: str | None, end: str | None) -> "Part":
    """Read --start and --end."""
    from vfi.media import Part

    return Part(parse_time(start, "--start"), parse_time(end, "--end"))


def parse_options(pairs: list[str]) -> dict[str, str]:
    """Read key=value pairs."""
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"{pair!r} is not key=value", param_hint="--encoder-opt")
        options[key] = value
    return options


@app.command(rich_help_panel="Interpolate")
@reports_errors
def upsample(
    context: typer.Context,
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="Videos, folders of them; pictures, by their folder or a pattern, %05d.png; - for y4m from a pipe.",
            show_default=False,
        ),
    ],
    factor: Annotated[
        str | None,
        typer.Option(
            "--factor",
            "-f",
            help="Frames out per frame in: 2, 3, 5/2 (default: 2).",
            show_default=False,
            rich_help_panel="Timing",
        ),
    ] = None,
    fps: Annotated[
        str | None,
        typer.Option(help="Or the rate to reach: 60, 60000/1001.", show_default=False, rich_help_panel="Timing"),
    ] = None,
    fps_in: Annotated[
        str | None,
        typer.Option(
            help="The rate of pictures, which carry none (default: 25).", show_default=False, rich_help_panel="Timing"
        ),
    ] = None,
    start: Start = None,
    end: End = None,
    preview: Annotated[
        str | None,
        typer.Option(
            help="Make only so much, 2s, from the middle, and name it _preview.",
            show_default=False,
            rich_help_panel="Timing",
        ),
    ] = None,
    loop: Annotated[
        bool,
        typer.Option(
            "--loop", help="Also make the frames from the last one to the first, for a loop.", rich_help_panel="Timing"
        ),
    ] = False,
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    precision: Precision = "auto",
    flow_scale: FlowScale = "auto",
    flow: StartFlow = None,
    fallback: FallBack = None,
    backend: Backend = "auto",
    tile: Tile = "auto",
    memory: Memory = None,
    adapt: Annotated[
        str | None,
        typer.Option(
            help="Let the model learn this video first, so long: 60s, 5m; what it learnt counts only if it helps.",
            show_default=False,
            rich_help_panel="Model",
        ),
    ] = None,
    cuts: Cuts = "hold",
    cut_threshold: CutThreshold = CUT_THRESHOLD,
    list_cuts: Annotated[
        bool,
        typer.Option(
            "--list-cuts", help="Only print the cuts: seconds and score in percent.", rich_help_panel="Content"
        ),
    ] = False,
    held: Held = "keep",
    deinterlace: Annotated[
        str,
        typer.Option(
            help="Interlaced video: frame (of each picture one), field (of each field one, at twice the rate), or off"
            " (refused).",
            rich_help_panel="Content",
        ),
    ] = "off",
    codec: Codec = None,
    crf: Crf = None,
    preset: Preset = None,
    pix_fmt: PixFmt = None,
    encoder_opt: EncoderOpt = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="File, folder/, pattern of pictures (out/%05d.png), - for y4m to pipe, or template with {stem},"
            " {suffix}, {parent}, {factor} or {fps}, {model} (default: SOURCE_2x.EXT).",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    side_by_side: Annotated[
        bool,
        typer.Option(
            "--side-by-side", help="Show the source on the left, the result on the right.", rich_help_panel="Output"
        ),
    ] = False,
    confidence: Annotated[
        Path | None,
        typer.Option(
            help="Picture (.png) of how far the new frames are to be trusted, over time.",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    overwrite: Overwrite = False,
    workdir: WorkDir = None,
    chunk: Chunk = "10",
    restart: Restart = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Raise a video's frame rate; sound, subtitles, chapters and tags come along.

    Ctrl+C leaves the film so far; after it, or a crash, the same command goes on.

    \b
    [bold]Examples:[/bold]
    vfi upsample video.mp4                  [dim]video_2x.mp4 beside it[/dim]
    vfi upsample film.mkv --fps 60 -o smooth.mkv --crf 18
    vfi upsample cartoon.mkv --held repair  [dim]animation on twos made anew[/dim]
    vfi upsample a.mp4 b.mkv folder/ -o 'smooth/{stem}_{factor}x{suffix}'
    vfi upsample clip.mp4 --adapt 60s       [dim]the model learns this clip first[/dim]
    vfi upsample frames/ --fps-in 24 -o smooth.mp4
    ffmpeg -i a.mp4 -f yuv4mpegpipe - | vfi upsample - -o - | ffplay -
    vfi upsample film.mkv --preview 2s      [dim]what to expect: two seconds from the middle[/dim]
    """
    from vfi.batch import find_inputs, plan_batch
    from vfi.media import Encoding
    from vfi.media.deinterlace import check_deinterlace
    from vfi.outputs import make_room, names_folder, output_path, refuse_existing
    from vfi.pipeline import upsample as upsample_video
    from vfi.resumable import can_resume, default_workdir, lesson_path
    from vfi.spans import Content
    from vfi.timing import Factor, TargetRate

    content, part = Content(cuts, cut_threshold, held), parse_part(start, end)  # type: ignore[arg-type]
    check_deinterlace(deinterlace)
    inputs = find_inputs(sources)
    many = len(sources) > 1 or bool(inputs.found)
    if list_cuts:
        if many:
            raise typer.BadParameter("name one video", param_hint="--list-cuts")
        print_cuts(sources[0], part, cut_threshold, as_json)
        return

    if factor is not None and fps is not None:
        factor, fps = stronger(context, factor=factor, fps=fps)
    timing = TargetRate(parse_fraction(fps)) if fps else Factor(parse_fraction(factor or "2"))
    budget, glimpse = parse_duration(adapt, "--adapt"), parse_duration(preview, "--preview")
    rate_in = parse_fraction(fps_in) if fps_in else None
    piped = output == "-"  # standard output holds the video alone
    number = (fps or factor or "2").replace("/", "-")
    fields = {"fps" if fps else "factor": number, "model": Path(model).stem}
    change = f"{number}{'fps' if fps else 'x'}{'_preview' if preview else ''}"
    if many and piped:
        raise typer.BadParameter("name one video: - holds no more", param_hint="--output")
    batch = plan_batch(inputs, lambda source: output_path(source, output, change, fields, many))
    report_skipped(batch.skipped)
    if not many:
        refuse_existing(batch.jobs[0].output, overwrite)
    # Chunks begin anywhere in a film with its own clock.
    at_once = bool(rate_in or preview or loop or side_by_side) or deinterlace != "off"
    if workdir is not None and (many or at_once or not can_resume(batch.jobs[0].source, batch.jobs[0].output)):
        raise typer.BadParameter(
            "name one film, to be written as a film, without --fps-in, --preview, --loop, --side-by-side or"
            " --deinterlace",
            param_hint="--workdir",
        )
    if confidence is not None:
        if many:
            raise typer.BadParameter("name one video", param_hint="--confidence")
        check_picture(confidence, "--confidence", overwrite)
    encoding = Encoding(codec, crf, preset, pix_fmt, parse_options(encoder_opt or []))
    interpolator = load_interpolator(model, device, precision, flow_scale, flow, fallback, backend, tile, memory)
    if confidence is not None:
        from vfi.interpolator import knows_confidence

        if not knows_confidence(interpolator.model):
            raise typer.BadParameter(f"{model} does not know its confidence", param_hint="--confidence")
    if verbose:
        typer.echo(f"{model} on {interpolator.device} in {interpolator.precision}", err=True)

    settings = (precision, flow_scale, flow, fallback, backend)
    lessons: dict[Path, Adaptation] = {}

    def lesson_of(job: "Job") -> "Adaptation":
        lessons[job.output] = lesson = learn(job.source, interpolator, budget or 0, "fusion", quiet, part, rate_in)
        if not (quiet or as_json):
            typer.echo(lesson, err=piped)
        return lesson

    def run_resumably(job: "Job", label: str) -> "Summary | None":
        folder = workdir or default_workdir(job.output)
        maker, made_by = interpolator, interpolator.identity(model, *settings)
        if budget is not None:
            weights = lesson_path(folder, job.source, made_by | {"adapt": str(budget), "part": str(part)})
            if restart or not weights.exists():
                keep_lesson(weights, model, lesson_of(job))
            maker = load_interpolator(str(weights), device, *settings, tile, memory)
            made_by = maker.identity(str(weights), *settings)
        return upsample_film(
            job.source, job.output, label, quiet, between=maker, timing=timing, made_by=made_by, part=part,
            encoding=encoding, content=content, overwrite=overwrite, workdir=folder, chunk=parse_fraction(chunk),
            restart=restart,
        )  # fmt: skip

    def run_at_once(job: "Job", label: str) -> "Summary":
        maker = interpolator if budget is None else lesson_of(job).interpolator
        chosen = part if glimpse is None else middle_of(job.source, part, glimpse)
        with progress_bar(label, quiet=quiet) as progress:
            return upsample_video(
                job.source,
                job.output,
                maker,
                timing,
                part=chosen,
                encoding=encoding,
                content=content,
                rate_in=rate_in,
                deinterlace=deinterlace,  # type: ignore[arg-type]
                loop=loop,
                side_by_side=side_by_side,
                overwrite=overwrite,
                progress=progress,
            )

    def run(job: "Job", label: str) -> "Summary | None":
        refuse_existing(job.output, overwrite)
        if output is not None and names_folder(output, many):
            make_room(job.output)
        began = time.monotonic()
        resumable = not at_once and can_resume(job.source, job.output)
        summary = (run_resumably if resumable else run_at_once)(job, label)
        if verbose and summary is not None:
            seconds = time.monotonic() - began
            options = "".join(f" {key}={value}" for key, value in summary.options.items())
            typer.echo(
                f"{label}: {seconds:.1f} s, {summary.frames_out / seconds:.1f} frames/s;"
                f" {summary.codec} {summary.pix_fmt}{options}",
                err=True,
            )
        return summary

    def values(summary: "Summary") -> dict[str, Any]:
        lesson = lessons.get(summary.output)
        return dataclasses.asdict(summary) | ({} if lesson is None else {"adaptation": lesson.fields()})

    if many:
        run_batch(batch, run, values, overwrite, as_json, quiet)
        return
    summary = run(batch.jobs[0], sources[0].name)
    if summary is None:
        return
    if confidence is not None:
        from vfi.confidence_plot import draw_confidence

        draw_confidence(summary.confidence, confidence)
    if as_json:
        typer.echo(json_document(values(summary)), err=piped)
    elif not quiet:
        typer.echo(str(summary), err=piped)


@app.command(rich_help_panel="Interpolate")
@reports_errors
def slowmo(
    source: Annotated[Path, typer.Argument(help="Video to read.", show_default=False)],
    speed: Annotated[
        str,
        typer.Option("--speed", "-s", help="Times the film's own: 1/4, 0.25, 1/3, 2/5.", rich_help_panel="Timing"),
    ] = "1/4",
    fps: Annotated[
        str | None,
        typer.Option(
            help="Another frame rate than the film's: 60, 60000/1001.", show_default=False, rich_help_panel="Timing"
        ),
    ] = None,
    start: Start = None,
    end: End = None,
    audio: Annotated[
        str, typer.Option(help="Sound: stretch (longer at its pitch), mute, or drop.", rich_help_panel="Content")
    ] = "stretch",
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    precision: Precision = "auto",
    flow_scale: FlowScale = "auto",
    flow: StartFlow = None,
    fallback: FallBack = None,
    backend: Backend = "auto",
    tile: Tile = "auto",
    memory: Memory = None,
    cuts: Cuts = "hold",
    cut_threshold: CutThreshold = CUT_THRESHOLD,
    held: Held = "keep",
    codec: Codec = None,
    crf: Crf = None,
    preset: Preset = None,
    pix_fmt: PixFmt = None,
    encoder_opt: EncoderOpt = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="File, folder/, or template with {stem}, {suffix}, {parent}, {speed}, {model}"
            " (default: SOURCE_slow4x.EXT).",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    overwrite: Overwrite = False,
    workdir: WorkDir = None,
    chunk: Chunk = "10",
    restart: Restart = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Play a video slower at its own frame rate; its sound keeps its pitch, subtitles and chapters stay in step.

    \b
    [bold]Examples:[/bold]
    vfi slowmo clip.mp4 --speed 1/4
    vfi slowmo match.mkv --start 1:02:03 --end 1:02:08 --speed 0.1 --audio mute
    """
    from vfi.media import Encoding, SlowMotion
    from vfi.outputs import make_folder, names_folder, output_path, refuse_existing
    from vfi.pipeline import upsample as upsample_video
    from vfi.resumable import can_resume
    from vfi.spans import Content
    from vfi.timing import Factor, TargetRate

    slow = SlowMotion(parse_fraction(speed), audio)  # type: ignore[arg-type]
    timing = TargetRate(parse_fraction(fps)) if fps else Factor(1 / slow.speed)
    content, part = Content(cuts, cut_threshold, held), parse_part(start, end)  # type: ignore[arg-type]
    number = str(1 / slow.speed).replace("/", "-")
    fields = {"speed": str(slow.speed).replace("/", "-"), "model": Path(model).stem}
    target = output_path(source, output, f"slow{number}x", fields)
    refuse_existing(target, overwrite)
    encoding = Encoding(codec, crf, preset, pix_fmt, parse_options(encoder_opt or []))
    interpolator = load_interpolator(model, device, precision, flow_scale, flow, fallback, backend, tile, memory)
    if output is not None and names_folder(output):
        make_folder(target.parent)
    resumable = can_resume(source, target)
    if workdir is not None and not resumable:
        raise typer.BadParameter("name a film, to be written as a film", param_hint="--workdir")
    if resumable:
        summary = upsample_film(
            source, target, source.name, quiet, between=interpolator, timing=timing,
            made_by=interpolator.identity(model, precision, flow_scale, flow, fallback, backend), part=part, slow=slow,
            encoding=encoding, content=content, overwrite=overwrite, workdir=workdir, chunk=parse_fraction(chunk),
            restart=restart,
        )  # fmt: skip
    else:
        with progress_bar(source.name, quiet=quiet) as progress:
            summary = upsample_video(
                source,
                target,
                interpolator,
                timing,
                part=part,
                slow=slow,
                encoding=encoding,
                content=content,
                overwrite=overwrite,
                progress=progress,
            )
    if summary is None:
        return
    if as_json:
        typer.echo(json_document(dataclasses.asdict(summary)))
    elif not quiet:
        typer.echo(str(summary))


def run_batch(
    batch: "Batch",
    run: Callable[["Job", str], "Summary | None"],
    values: Callable[["Summary"], dict[str, Any]],
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Do job after job, past those that fail; then say what became of each, and exit with 1 if one failed."""
    done: list[Summary | None] = []
    there: list[Path] = []  # of an earlier run, which may have been interrupted after them
    failed: list[dict[str, str]] = []
    try:
        for number, job in enumerate(batch.jobs, start=1):
            try:
                if job.output.exists() and not overwrite:
                    there.append(job.output)
                    typer.echo(f"{job.output} is there already: --overwrite makes it anew", err=True)
                    continue
                done.append(run(job, f"{number}/{len(batch.jobs)} {job.source.name}"))
            except Exception as error:
                reason = explanation(error)
                if reason is None:
                    raise
                failed.append({"source": str(job.source), "reason": reason})
                typer.echo(f"Error: {reason}", err=True)
            else:
                if done[-1] is not None and not (as_json or quiet):
                    typer.echo(str(done[-1]))
    finally:  # after Ctrl+C as well
        if as_json:
            report = {
                "done": [values(summary) for summary in done if summary],
                "there": there,
                "failed": failed,
                "skipped": batch.skipped,
            }
            typer.echo(json_document(report))
        elif not quiet:
            already = f", {len(there)} there already" if there else ""
            broken = f", {len(failed)} failed:" if failed else ""
            typer.echo(f"{len(done)} of {len(batch.jobs)} videos done{already}{broken}")
            for failure in failed:
                named = failure["source"] in failure["reason"]
                typer.echo(f"  {failure['reason']}" if named else f"  {failure['source']}: {failure['reason']}")
    if failed:
        raise typer.Exit(1)


def parse_duration(text: str | None, option: str) -> float | None:
    """Read 60s, 5m, 1.5h or plain seconds."""
    if text is None:
        return None
    number, unit = (text[:-1], text[-1]) if text[-1:] in tuple("smh") else (text, "s")
    try:
        seconds = float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise typer.BadParameter(f"{text!r} is not a time like 60s, 5m or 90", param_hint=option)
    return seconds


def middle_of(source: Path, part: "Part", seconds: float) -> "Part":
    """Return so much of the middle of a video, or of a part of it, and say which."""
    from vfi.media.open import middle_part

    chosen = middle_part(source, part, Fraction(seconds).limit_denominator(1000))
    typer.echo(f"preview: {source.name} from {float(chosen.start or 0):.3f} s on", err=True)
    return chosen


def learn(
    source: Path,
    interpolator: "Interpolator",
    budget: float,
    parts: str,
    quiet: bool,
    part: "Part",
    rate: Fraction | None = None,
) -> "Adaptation":
    """Adapt to a video with a progress bar."""
    from vfi.adapt import adapt

    with progress_bar(f"learning {source.name}", round(budget), "s", quiet) as progress:
        return adapt(
            source,
            interpolator,
            budget=budget,
            parts=parts,  # type: ignore[arg-type]
            part=part,
            rate=rate,
            progress=progress,
        )


def keep_lesson(file: Path, model: str, lesson: "Adaptation") -> None:
    """Write what was learnt beside the chunks, since no second lesson would come to the same."""
    from vfi.adapt import save_adapted
    from vfi.outputs import make_folder

    make_folder(file.parent, "--workdir")
    save_adapted(file, model, lesson)


@app.command("adapt", rich_help_panel="Models and training")
@reports_errors
def adapt_command(
    source: Annotated[Path, typer.Argument(help="Video to learn.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File or folder to write (default: SOURCE_adapted.safetensors).", show_default=False
        ),
    ] = None,
    budget: Annotated[str, typer.Option(help="How long to learn, measuring included: 60s, 5m, 90.")] = "60s",
    parts: Parts = "fusion",
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    precision: Precision = "auto",
    flow_scale: FlowScale = "auto",
    flow: StartFlow = None,
    start: Start = None,
    end: End = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let a model learn one video from its own frames, and write it only if that helps on frames it has not seen.

    [bold]Example:[/bold] vfi adapt clip.mp4 --budget 5m && vfi upsample clip.mp4 --model clip_adapted.safetensors
    """
    from vfi.adapt import check_place, save_adapted

    seconds = parse_duration(budget, "--budget")
    assert seconds is not None
    output = placed(output, source.parent / f"{source.stem}_adapted.safetensors")
    check_place(output, overwrite)
    interpolator = load_interpolator(model, device, precision, flow_scale, flow)
    adaptation = learn(source, interpolator, seconds, parts, quiet, parse_part(start, end))
    if adaptation.kept:
        save_adapted(output, model, adaptation)
    if as_json:
        written = str(output) if adaptation.kept else None
        typer.echo(json_document({"output": written, "model": model} | adaptation.fields()))
    elif not quiet:
        typer.echo(f"{adaptation}\n{f'wrote {output}' if adaptation.kept else 'wrote nothing'}")


def print_cuts(source: Path, part: "Part", threshold: float, as_json: bool) -> None:
    """Print when each scene begins and how surely, as they are found, or as one JSON document."""
    from vfi.cuts import find_cuts
    from vfi.media import VideoReader
    from vfi.media.open import open_source

    with open_source(source, part=part) as reader:
        offset = reader.excerpt.offset if isinstance(reader, VideoReader) else Fraction(0)
        cuts = ((cut.time + offset, cut.score) for cut in find_cuts(reader.frames(), threshold))
        if as_json:
            typer.echo(json.dumps([{"time": str(time), "score": round(score, 1)} for time, score in cuts], indent=2))
            return
        for time, score in cuts:
            typer.echo(f"{float(time):.3f}  {score:.1f}")


def json_document(values: Any) -> str:
    """Return plain values as JSON; exact fractions become text such as 30000/1001, paths their text."""

    def text(value: object) -> str:
        if isinstance(value, Fraction | Path):
            return str(value)
        raise TypeError(f"{type(value).__name__} has no place in JSON")

    return json.dumps(values, indent=2, default=text)


def parse_bytes(text: str, option: str) -> int:
    """Read 500MB, 1.5GB."""
    number, unit = text[:-2], text[-2:].upper()
    scale = {"KB": 10**3, "MB": 10**6, "GB": 10**9}.get(unit)
    if scale is None or not number.strip().replace(".", "", 1).isdecimal() or float(number) <= 0:
        raise typer.BadParameter(f"{text!r} is not a size like 500MB or 1.5GB", param_hint=option)
    return round(float(number) * scale)


@app.command("web", rich_help_panel="Interpolate")
@reports_errors
def serve_page(
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets everybody in who reaches this computer.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 7860,
    max_size: Annotated[str, typer.Option(help="Largest file: 500MB, 2GB.")] = "500MB",
    max_seconds: Annotated[int, typer.Option(min=1, help="Longest video.")] = 600,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Open a page in the browser that makes frames for videos, pictures between pictures, and flow.

    Nothing leaves this computer. One job computes at a time; its files are removed an hour after their last use, when
    it is cancelled, and at the end. Ctrl+C ends all. Needs pip install 'vfi\\[web]'.

    [bold]Example:[/bold] vfi web --max-size 2GB --max-seconds 3600
    """
    import threading
    import webbrowser

    from vfi.web.limits import Limits
    from vfi.web.server import serving

    limits = Limits(parse_bytes(max_size, "--max-size"), max_seconds)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # services are stopped so; also then nothing is left
    with serving(host, port, limits) as address:
        typer.echo(f"The page is at {address} (Ctrl+C ends it)")
        if not no_browser:
            webbrowser.open(address)
        threading.Event().wait()


@app.command("info", rich_help_panel="Look and measure")
@reports_errors
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


@app.command("devices", rich_help_panel="Set up")
@reports_errors
def show_devices(as_json: AsJson = False) -> None:
    """Show the CPU and the GPUs, and what --device auto and --precision auto choose, and why.

    [bold]Example:[/bold] vfi devices
    """
    from vfi.devices import find_devices

    found = find_devices()
    typer.echo(json_document(dataclasses.asdict(found)) if as_json else str(found))


def report_skipped(skipped: Sequence[Path]) -> None:
    """Say on stderr what of a folder was not taken."""
    if skipped:
        names = ", ".join(path.name for path in skipped[:5])
        rest = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        typer.echo(f"skipped {names}{rest}: not videos, or made by an earlier run", err=True)


@app.command(rich_help_panel="Interpolate")
@reports_errors
def pair(
    first: Annotated[Path, typer.Argument(help="Image to start from.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Image to end at.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")] = Path("between"),
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="Images to make.")] = 1,
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    precision: Precision = "auto",
    flow_scale: FlowScale = "auto",
    flow: StartFlow = None,
    fallback: FallBack = None,
    backend: Backend = "auto",
    tile: Tile = "auto",
    memory: Memory = None,
    overwrite: Overwrite = False,
) -> None:
    """Make the images between two images, evenly spaced in time.

    [bold]Example:[/bold] vfi pair a.png b.png --count 3 -o between
    """
    from vfi.media.images import read_image, write_image
    from vfi.outputs import refuse_existing

    files = [output / f"{first.stem}_{i:0{len(str(count))}d}.png" for i in range(1, count + 1)]
    for file in files:
        refuse_existing(file, overwrite)
    before, after = read_image(first), read_image(second)
    times = [Fraction(i, count + 1) for i in range(1, count + 1)]
    interpolator = load_interpolator(model, device, precision, flow_scale, flow, fallback, backend, tile, memory)
    output.mkdir(parents=True, exist_ok=True)
    for i in range(0, count, 8):  # a few at a time: hundreds of images would fill the memory
        for file, image in zip(files[i : i + 8], interpolator(before, after, times[i : i + 8]), strict=True):
            write_image(file, image)
    typer.echo(f"wrote {count} image{'s' if count > 1 else ''} to {output}")


@app.command("export", rich_help_panel="Models and training")
@reports_errors
def export_command(
    model: Annotated[str, typer.Argument(help="A shipped model's name or a .safetensors file.")] = DEFAULT_MODEL,
    format: Annotated[str, typer.Option("--format", "-f", help="onnx, openvino or torch (torch.export).")] = "onnx",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write: .onnx, .xml, .pt2 (default: MODEL's name here).", show_default=False
        ),
    ] = None,
    fallback: FallBack = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a model as a file for onnxruntime, OpenVINO or PyTorch, and compare its frames with the model's.

    The file takes frame0 and frame1 (batch, 3, height, width) in 0..1, of any size, and the time t between them
    (batch, 1, 1, 1), all in float32. Models that start from DIS flow also take small0 and small1, the frames at the
    size at which the flow was found, and flows (batch, 4, height, width), to the second frame and back, in pixels.
    Where more than a pixel in a thousand differs by more than a level, no file is left. A .pt2 may run code of its
    author: trust it first.

    [bold]Example:[/bold] vfi export fast --format openvino
    """
    from flow.backends import ending_of, files_of
    from vfi.export import export_model
    from vfi.interpolator import Interpolator
    from vfi.outputs import refuse_existing

    output = placed(output, Path(f"{Path(model).stem}{ending_of(format)}"))
    for file in files_of(output, format):
        refuse_existing(file, overwrite)
    interpolator = Interpolator.load(model, "cpu", "float32", fallback=fallback, backend="torch")
    written = export_model(interpolator.model, output, format)
    typer.echo(json_document(dataclasses.asdict(written)) if as_json else str(written))


@app.command("eval", rich_help_panel="Look and measure")
@reports_errors
def evaluate_command(
    model: Annotated[str, typer.Argument(help="A shipped model's name or a .safetensors file.")],
    data: Annotated[
        Path,
        typer.Option(
            help="A video, a .csv list, or a folder: Vimeo-90K, UCF101, Middlebury, SNU-FILM, X4K1000FPS, Xiph, DAVIS.",
            show_default=False,
        ),
    ],
    variant: Annotated[
        str | None,
        typer.Option(help="easy, medium, hard or extreme (SNU-FILM); 2k or 4k; test or train.", show_default=False),
    ] = None,
    factor: Annotated[
        int | None,
        typer.Option(help="4: of 4 frames keep 1 and make 3 again (default: 2; X4K1000FPS 8).", show_default=False),
    ] = None,
    per_item: Annotated[bool, typer.Option("--items", help="A line for every frame as well.")] = False,
    save: Annotated[Path | None, typer.Option(help="Folder for the frames made.", show_default=False)] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    flow_scale: FlowScale = "auto",
    flow: StartFlow = None,
    fallback: FallBack = None,
    backend: Backend = "auto",
    as_json: AsJson = False,
) -> None:
    """Score a model on frames that are known: PSNR, SSIM, IE, LPIPS, luma step of 8-bit RGB images, and time.

    [bold]Examples:[/bold]

    vfi eval flow-fusion --data film.mp4 --factor 4

    vfi eval fast --data SNU-FILM --variant hard --json
    """
    from vfi.evaluate import evaluate
    from vfi.lpips import LpipsMissing, load_lpips
    from vfi.triplets import open_triplets

    triplets = open_triplets(data, variant=variant, factor=factor)
    interpolator = load_interpolator(model, device, precision, flow_scale, flow, fallback, backend)
    try:
        lpips = load_lpips(interpolator.device)
    except LpipsMissing as missing:
        lpips = None
        typer.echo(f"note: {missing}", err=True)
    with progress_bar(f"{model} on {triplets.name}", triplets.count, "triplets") as progress:
        report = evaluate(
            interpolator, triplets, lpips=lpips, save=save, progress=lambda done: progress(done, triplets.count)
        )
    if as_json:
        typer.echo(report.to_json())
    else:
        typer.echo(f"{report.table()}\n{report}" if per_item else str(report))


@models_app.command("list")
@reports_errors
def list_models() -> None:
    """List the models that need no file, with their sizes and what they were trained on."""
    from flow.checkpoint import load_checkpoint, shipped_checkpoints
    from flow.models import FLOW_MODELS
    from vfi.models import UNTRAINED, VFI_MODELS

    networks = shipped_checkpoints(FLOW_MODELS)
    files = shipped_checkpoints(VFI_MODELS) | networks
    for name in sorted({*files, *UNTRAINED}):
        if name in UNTRAINED:
            typer.echo(f"{name}: no training needed")
            continue
        checkpoint = load_checkpoint(files[name])
        size = sum(weight.numel() for weight in checkpoint.weights.values())
        kind = "flow network, " if name in networks else ""
        typer.echo(f"{name}: {kind}{size / 1e6:.2f} M parameters, trained on {checkpoint.samples} crops")


@models_app.command("info")
@reports_errors
def show_model(
    model: Annotated[str, typer.Argument(help="A shipped model's name or a .safetensors file.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show what a model is: its file and checksum, sizes, work for a frame, and what it was trained on.

    [bold]Example:[/bold] vfi models info flow-fusion
    """
    from vfi.models.card import model_card

    card = model_card(model)
    typer.echo(json_document(dataclasses.asdict(card)) if as_json else str(card))


@models_app.command("verify")
@reports_errors
def verify_models(as_json: AsJson = False) -> None:
    """Check every shipped file of weights against its recorded SHA-256; exit code 1 if one is not as it was shipped."""
    from flow.checksums import verify_weights

    checked = list(verify_weights())
    if as_json:
        typer.echo(json_document({found.file: found.fault for found in checked}))
    else:
        for found in checked:
            typer.echo(f"{found.file} {found.fault or 'is as it was shipped'}")
    if any(found.fault for found in checked):
        typer.echo("Error: weights are not as they were shipped: install vfi anew", err=True)
        raise typer.Exit(1)


@models_app.command("import")
@reports_errors
def import_model(
    source: Annotated[Path, typer.Argument(help="A .pth or .pth.tar of either project.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write: .safetensors (default: FILE's name here).", show_default=False
        ),
    ] = None,
    bgr: Annotated[
        bool, typer.Option("--bgr", help="It was trained on BGR frames, as flownets_from_caffe.pth was.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Convert a flow network of FlowNetPytorch or flownet2-pytorch; runs no code of the file.

    [bold]Example:[/bold] vfi models import flownets.pth && vfi flow run a.png b.png --model flownets.safetensors
    """
    from flow.foreign import convert_checkpoint
    from vfi.outputs import refuse_existing

    output = placed(output, Path(f"{source.name.removesuffix('.tar').removesuffix('.pth')}.safetensors"))
    refuse_existing(output, overwrite)
    typer.echo(f"wrote {output}: {convert_checkpoint(source, output, bgr=bgr)}")


# The groups of a training's options.
of_model, of_data, of_loss, of_learning, of_run = (
    functools.partial(typer.Option, rich_help_panel=name) for name in ("Model", "Data", "Loss", "Learning", "Run")
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


class TrainVideo(TyperCommand):
    """Training on a corpus with the defaults that suit a single video."""

    DEFAULTS: ClassVar = {
        "model": "flow-free", "steps": 2000, "loss": "l1", "lr": 1e-3, "crop": 128, "spans": "2", "validate_every": 500
    }  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for parameter in self.params:
            parameter.default = self.DEFAULTS.get(parameter.name, parameter.default)


@train_app.command(
    "video",
    cls=TrainVideo,
    help="Learn one video's own frames; then upsample it with the model that this writes.\n\n"
    "All else is as in vfi train corpus, with other defaults.\n\n"
    "[bold]Example:[/bold] vfi train video clip.mp4 --run runs/clip",
)
@train_app.command("corpus")
@reports_errors
def train_command(
    context: typer.Context,
    source: Annotated[
        list[Path],
        typer.Argument(help="Videos, or folders of videos, frames, Vimeo-90K or .tar shards.", show_default=False),
    ],
    model: Annotated[str, of_model("--model", "-m", help="flow-fusion or flow-free.")] = DEFAULT_MODEL,
    model_config: Annotated[
        str, of_model(help='The model\'s sizes as JSON, such as \'{"start": "dis"}\'.', show_default=False)
    ] = "{}",
    init: Annotated[
        str | None, of_model(help="Begin with a model's weights where they fit.", show_default=False)
    ] = None,
    anew: Annotated[
        list[str] | None,
        of_model(help="A part that --init leaves out, such as flow.stage.head; repeatable.", show_default=False),
    ] = None,
    freeze: Freeze = None,
    run: Run = None,
    config: ConfigFile = None,
    steps: Annotated[int, of_learning(min=1, help="Steps of the whole training.")] = 20_000,
    batch: Annotated[int, of_learning(min=1, help="Crops in a batch, in each process.")] = 8,
    accumulate: Accumulate = 1,
    loss: Annotated[
        str, of_loss(help="l1, charbonnier, mse, ssim, psnr, laplacian, or a sum: l1+0.2*ssim.")
    ] = "laplacian",
    frame_weight: Annotated[float, of_loss(help="Of the fused frame; 0 trains the flow alone.")] = 1.0,
    level_weight: Annotated[float, of_loss(help="Of the blend at each level of the flow.")] = 0.5,
    teacher_weight: Annotated[float, of_loss(help="Of the flow's distance to DIS or true flow.")] = 0.02,
    optimizer: Annotated[str, of_learning(help="adam, adamw or sgd.")] = "adamw",
    lr: Annotated[float, of_learning(help="Rate of learning at its highest.")] = 4e-4,
    warmup: Annotated[int, of_learning(help="Steps in which the rate rises; then it falls as a cosine.")] = 100,
    ema: Ema = 0.999,
    crop: Annotated[int, of_data(min=1, help="Side of what a step sees, in pixels.")] = 192,
    shrink: Annotated[int, of_data(min=1, help="Take crops this much larger and shrink them.")] = 1,
    spans: Annotated[
        str,
        of_data(help="Frames from first to last of a triplet, if a clip has so many; repeat one to weigh it."),
    ] = "2,2,2,3,4",
    static: Annotated[float, of_data(help="Skip crops that change less, in 8-bit levels.")] = 1.5,
    synthetic: Annotated[
        float, of_data(min=0, max=1, help="Share of made-up scenes whose motion is known exactly.")
    ] = 0.0,
    largest: Annotated[float, of_data(help="Their largest motion, as a fraction of the crop's side.")] = 0.25,
    val: Annotated[
        Path | None,
        of_run(help="Triplets to validate on (default: of a single clip, its last tenth).", show_default=False),
    ] = None,
    validate_every: ValidateEvery = 1000,
    cache: Annotated[Path, of_data(help="Where decoded videos are kept.")] = Path("~/.cache/vfi/frames"),
    workers: Annotated[
        int | None,
        of_data(min=0, help="Threads that make crops (default: one a core for a GPU).", show_default=False),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Train on a corpus; Ctrl+C saves, and the same command goes on from there.

    A corpus is told apart by itself: videos, folders of consecutive frames (GoPro, X4K1000FPS), Vimeo-90K triplets and
    septuplets by their training lists, and WebDataset shards (KEY.im1.png KEY.im2.png ... or KEY.mp4). Frames are read
    where they lie; videos are decoded into --cache first.

    [bold]Examples:[/bold]

    vfi train corpus videos --val val.csv --run runs/first

    torchrun --nproc-per-node 2 --no-python -- vfi train corpus vimeo_septuplet shards --config my.toml
    """
    from vfi.corpus import Sampling
    from vfi.objective import Weights
    from vfi.train import Recipe, open_training

    teacher = teacher_weight > 0 and model == "flow-fusion"
    recipe = Recipe(
        steps=steps, accumulate=accumulate, loss=loss, weights=Weights(frame_weight, level_weight, teacher_weight),
        sampling=Sampling(
            batch, crop, shrink, parse_spans(spans), static, teacher=teacher, synthetic=synthetic, largest=largest
        ),
        optimizer=optimizer, lr=lr, warmup=warmup, ema=ema, seed=seed, freeze=tuple(freeze or []),
        validate_every=validate_every,
    )  # fmt: skip
    with progress_bar("decoding", unit="videos") as progress:
        training = open_training(
            model, parse_model_config(model_config), source, recipe, run or Path("runs") / model, init=init,
            anew=anew or [], cache=cache.expanduser(), validation=val, device=device, precision=precision,
            workers=workers, progress=progress,
        )  # fmt: skip
    if is_first_process():
        corpus = training.corpus
        typer.echo(
            f"learning from {corpus.frames} frames in {len(corpus.clips)} clip{'s' * (len(corpus.clips) != 1)}",
            err=True,
        )
        if training.validate is None:
            typer.echo("note: nothing is held out to validate on: name triplets with --val", err=True)
    follow(training, context)


def parse_spans(text: str) -> tuple[int, ...]:
    """Read 2,2,3."""
    try:
        spans = tuple(int(part) for part in text.split(","))
    except ValueError:
        spans = ()
    if not spans or min(spans) < 2:
        raise typer.BadParameter(f"{text!r} is not a list like 2,2,3 of numbers from 2 up", param_hint="--spans")
    return spans


def parse_model_config(text: str) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise typer.BadParameter(f"{text!r} is not a JSON object", param_hint="--model-config")
    return values


def follow(training: "Fit", context: typer.Context) -> None:
    """Train to the end with a progress bar, and say what validation found and where the model is.

    Writes the command's options to config.toml in the run folder.
    """
    from vfi.config import write_config

    if is_first_process():
        known = known_parameters(context.command)
        options = {name: context.params[option.parameter] for name, option in known.items()}
        write_config(training.run / "config.toml", options, f"{context.command_path} --config config.toml")
        if training.step:
            typer.echo(f"resuming {training.run} at step {training.step}", err=True)
    with (
        progress_bar("training", training.recipe.steps, "steps") as progress,
        stops_in_time(training) as signals,
        suppress(KeyboardInterrupt),  # the training is saved all the same
    ):
        for now in training.run_steps():
            progress(now.step, now.steps)
            if now.scores:
                scores = ", ".join(f"{training.scores[name]} {value:.3f}" for name, value in now.scores.items())
                pace = f"{now.images_per_second:.1f} images/s"
                typer.echo(f"step {now.step}: loss {now.loss:.4f}; {scores}; {pace}", err=True)
    if is_first_process() and training.step < training.recipe.steps:
        typer.echo(f"Saved at step {training.step}; the same command goes on from there.", err=True)
    elif is_first_process():
        typer.echo(f"wrote {training.model_file} and {training.run / 'curve.png'}")
    if training.step < training.recipe.steps:  # by a signal to this process or to another
        raise typer.Exit(128 + (signals or [signal.SIGINT])[0])


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


MaxFlow = Annotated[
    float | None,
    typer.Option(help="Speed in pixels of the full colours (default: the fastest pixel's).", show_default=False),
]
Legend = Annotated[bool, typer.Option("--legend", help="Put the key to the colours beside the picture.")]
Half = Annotated[bool, typer.Option("--half", help="Store npz as float16.")]
FlowModelName = Annotated[
    str, typer.Option("--model", "-m", help="dis, farneback, or a flow network's name or .safetensors file.")
]
FlowPicture = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="File or folder to write (default: the input's name with _flow or _arrows, here).",
        show_default=False,
    ),
]
VideoCodec = Annotated[
    str | None, typer.Option("--codec", help="Encoder of a video: libx264, ffv1, ...", show_default=False)
]
VideoCrf = Annotated[int | None, typer.Option("--crf", help="Quality of a video: lower is better.", show_default=False)]


def parse_numbers(text: str, separator: str, count: int, option: str, example: str) -> tuple[int, ...]:
    """Read whole numbers such as 640x360."""
    parts = text.lower().split(separator)
    if len(parts) != count or not all(part.strip().isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is not of the form {example}", param_hint=option)
    return tuple(int(part) for part in parts)


def parse_frames(text: str | None, part: "Part") -> slice | None:
    """Read 10:50, 10: or :50."""
    if text is None:
        return None
    if part:
        raise typer.BadParameter("give --frames, or --start and --end")
    first, colon, beyond = (word.strip() for word in text.partition(":"))
    if not colon or not all(word.isdecimal() for word in (first, beyond) if word):
        raise typer.BadParameter(f"{text!r} is not of the form 10:50, 10: or :50", param_hint="--frames")
    return slice(int(first or 0), int(beyond) if beyond else None)


def parse_excerpt(source: Path, start: str | None, end: str | None, frames: str | None) -> "Part":
    """Read what is taken of a video: --start and --end, or --frames."""
    part = parse_part(start, end)
    numbers = parse_frames(frames, part)
    if numbers is None:
        return part
    from vfi.media.open import numbered_part

    return numbered_part(source, numbers)


Frames = Annotated[
    str | None,
    typer.Option(
        help="A:B, such as 10:50: the frames with the numbers from A on and before B, which count from 0; of a folder"
        " of pairs, the pairs.",
        show_default=False,
        rich_help_panel="Timing",
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(help="WxH, such as 640x360: the flow is in its pixels; after --crop.", show_default=False),
]
Crop = Annotated[str | None, typer.Option(help="X,Y,W,H: only this part, in pixels of the source.", show_default=False)]
Grey = Annotated[bool, typer.Option("--grey", help="Look at the images without their colours.")]


def parse_view(resize: str | None, crop: str | None, grey: bool) -> "View":
    """Read what is looked at of each image."""
    from vfi.flow_inputs import View

    size = parse_numbers(resize, "x", 2, "--resize", "640x360") if resize else None
    part = parse_numbers(crop, ",", 4, "--crop", "10,20,640,360") if crop else None
    if 0 in (size or ()) or 0 in (part or ())[2:]:
        raise typer.BadParameter("a width and a height are 1 or more", param_hint="--resize / --crop")
    return View(size, part, grey)  # type: ignore[arg-type]


Methods = Annotated[
    str,
    typer.Option(
        help="Shipped models, .safetensors files, and FFmpeg's minterpolate and minterpolate-best, the same with better"
        " and slower settings; by commas."
    ),
]


@app.command("compare", rich_help_panel="Look and measure")
@reports_errors
def compare_command(
    source: Annotated[Path, typer.Argument(help="Video to read.", show_default=False)],
    models: Methods = "flow-fusion,flow-free,classical,blend,minterpolate",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File or folder to write (default: SOURCE_compare.html).", show_default=False
        ),
    ] = None,
    factor: Annotated[int, typer.Option("--factor", "-f", min=2, help="Keep every frame of so many.")] = 2,
    start: Start = None,
    end: End = None,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Drop frames of a video, make them again by several methods, and show how each did on a page of its own.

    The page holds scores, curves, the worst frames and videos side by side, and loads nothing; the numbers go beside
    it as .json.

    [bold]Example:[/bold] vfi compare clip.mp4 --models flow-fusion,blend,minterpolate --end 10 -o report.html
    """
    from vfi.compare import compare_models
    from vfi.compare_page import render
    from vfi.page import check_page, write_page

    output = placed(output, Path(f"{source.stem}_compare.html"))
    check_page(output, source, overwrite)
    part = parse_part(start, end)
    with progress_bar(source.name, quiet=quiet) as progress:
        found = compare_models(
            source, models.split(","), factor=factor, part=part, device=device, precision=precision, progress=progress
        )
    numbers = write_page(render(found), found.to_json(), output)
    if as_json:
        typer.echo(found.to_json())
    elif not quiet:
        typer.echo(f"{found}\nwrote {output} and {numbers}")


@study_app.command("losses")
@reports_errors
def study_losses_command(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Video to learn.", show_default=False)],
    losses: Annotated[str, typer.Option(help="As vfi train has them, sums as well; by commas.")] = "mse,ssim,psnr",
    optimizers: Annotated[str, typer.Option(help="adam, adamw, sgd; by commas.")] = "adam,sgd",
    fusion: Annotated[
        str, typer.Option(help="Where the frames meet: within the encoder, or after the decoder; by commas.")
    ] = "encoder,decoder",
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of every run (default: 300).", show_default=False)
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Or how long every run learns: 60s, 5m.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the first weights and the crops.")] = 0,
    run: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the runs; gone on with if it exists (default: runs/study-SOURCE).", show_default=False
        ),
    ] = None,
    start: Start = None,
    end: End = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File or folder to write (default: SOURCE_study.html).", show_default=False
        ),
    ] = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train small networks on one video, with every loss, optimizer and place of fusion, and compare them on a page.

    All have the same budget and crops; each first tries some rates of learning for a tenth of it and takes the best.
    They are compared on frames that none has learnt from: what SGD, SSIM and MSE are known for is shown or refuted by
    the numbers, which also go beside the page as .json. Ctrl+C saves; the same command goes on.

    [bold]Example:[/bold] vfi study losses clip.mp4 --losses mse,ssim,l1+0.2*ssim --optimizers adam --budget 60s
    """
    from vfi.page import check_page, write_page
    from vfi.study.page import render
    from vfi.study.plan import Plan, all_variants
    from vfi.study.study import Stopped, study_losses

    if steps is not None and budget is not None:
        chosen, budget = stronger(context, steps=str(steps), budget=budget)
        steps = steps if chosen else None
    seconds = parse_duration(budget, "--budget")
    plan = Plan(steps or Plan.steps, seconds, seed)
    variants = all_variants(*([word.strip() for word in words.split(",")] for words in (losses, optimizers, fusion)))
    output = placed(output, Path(f"{source.stem}_study.html"))
    check_page(output, source, overwrite)
    folder = run or Path("runs") / f"study-{source.stem}"

    def tell(done: "StudyRun") -> None:
        report = done.measured.report
        if not quiet:
            typer.echo(
                f"{done.variant}: PSNR {report.psnr:.2f} dB, SSIM {report.ssim:.4f}, luma error"
                f" {done.measured.luma_error:+.3f}; {done.steps} steps at rate {done.rate:g}",
                err=True,
            )

    try:
        with (
            progress_bar(source.name, unit="steps" if seconds is None else "s", quiet=quiet) as progress,
            noting_ctrl_c("Stopping after this step, to keep what was learnt") as stop,
        ):
            found = study_losses(
                source, variants, folder, plan, part=parse_part(start, end), device=device, tell=tell,
                progress=progress, stop=stop,
            )  # fmt: skip
    except Stopped as stopped:
        typer.echo(f"Saved in {folder}: {stopped.done} of {stopped.runs} runs are done.", err=True)
        raise typer.Exit(130) from None
    numbers = write_page(render(found), found.to_json(), output)
    if as_json:
        typer.echo(found.to_json())
    elif not quiet:
        typer.echo(f"{found}\nwrote {output} and {numbers}")


@app.command("report", rich_help_panel="Look and measure")
@reports_errors
def report_command(
    result: Annotated[Path, typer.Argument(help="Video that upsample made.", show_default=False)],
    source: Annotated[Path, typer.Option(help="Video that it was made of.", show_default=False)],
    start: Start = None,
    end: End = None,
    speed: Annotated[
        str,
        typer.Option("--speed", "-s", help="Times the source's own, that the result has.", rich_help_panel="Timing"),
    ] = "1",
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Also score this model on the source: drop every other frame and make it again.",
            show_default=False,
            rich_help_panel="Model",
        ),
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    flow_scale: FlowScale = "auto",
    flow: StartFlow = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File or folder to write (default: RESULT_report.html).",
            show_default=False,
            rich_help_panel="Output",
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show how a result came out, on a page of its own: what was kept, brightness, and the most doubtful new frames.

    The page loads nothing; the numbers go beside it as .json.

    [bold]Examples:[/bold]

    vfi report video_2x.mp4 --source video.mp4 --model flow-fusion

    vfi report part.mp4 --source video.mp4 --start 1:30 --end 1:40
    """
    from vfi.evaluate import evaluate
    from vfi.page import check_page, write_page
    from vfi.report import report_result
    from vfi.report_page import render
    from vfi.triplets.film import open_film

    output = placed(output, Path(f"{result.stem}_report.html"))
    check_page(output, result, overwrite)
    interpolator = None if model is None else load_interpolator(model, device, precision, flow_scale, flow)
    part, slower = parse_part(start, end), parse_fraction(speed)
    with progress_bar(result.name, quiet=quiet) as progress:
        found = report_result(result, source, part=part, speed=slower, progress=progress)
    if interpolator is not None:
        triplets = open_film(source)
        with progress_bar(f"{model} on {source.name}", triplets.count, quiet=quiet) as progress:
            score = evaluate(interpolator, triplets, progress=lambda done: progress(done, triplets.count))
        found = dataclasses.replace(found, model=model, score=score)
    numbers = write_page(render(found), found.to_json(), output)
    if as_json:
        typer.echo(found.to_json())
    elif not quiet:
        typer.echo(f"{found}\nwrote {output} and {numbers}")


Plot = Annotated[
    Path | None,
    typer.Option(help="Picture (.png) of quality by time.", show_default=False, rich_help_panel="Output"),
]


@app.command("bench", rich_help_panel="Look and measure")
@reports_errors
def bench_command(
    source: Annotated[Path, typer.Argument(help="Video to upsample.", show_default=False)],
    models: Methods = "flow-fusion,fast,flow-free,classical,blend,minterpolate",
    seconds: Annotated[
        str | None, typer.Option(help="How much of the video, from its start (default: all).", show_default=False)
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each has its turn.")] = 3,
    plot: Plot = None,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Upsample a video by several methods in turns, and measure the whole program: time, memory and quality.

    Each run goes from file to file in a process of its own, and what it writes is removed. Seconds depend on what else
    the machine does; ratios to minterpolate, which has its turn in each round, less, and those of CPU seconds hardly.

    [bold]Example:[/bold] vfi bench clip.mp4 --seconds 2 --models flow-fusion,fast,minterpolate --plot bench.png
    """
    from vfi.bench import bench
    from vfi.bench_report import describe as describe_bench
    from vfi.bench_report import draw

    if plot is not None:
        check_picture(plot, "--plot", overwrite)
    length = parse_time(seconds, "--seconds")
    if length == 0:
        raise typer.BadParameter("measure more than 0 seconds", param_hint="--seconds")
    with progress_bar(source.name, unit="runs", quiet=quiet) as progress:
        found = bench(
            source,
            models.split(","),
            seconds=length,
            rounds=rounds,
            device=device,
            precision=precision,
            progress=progress,
        )
    if plot is not None:
        draw(found, plot)
    if as_json:
        typer.echo(found.to_json())
    elif not quiet:
        typer.echo(describe_bench(found))


@flow_app.command("run")
@reports_errors
def run_flow_command(
    inputs: Annotated[list[Path], typer.Argument(help="Two images, folders of images, or videos.", show_default=False)],
    folder: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to write to (default: INPUT_flow).", show_default=False),
    ] = None,
    model: FlowModelName = "dis",
    backend: Annotated[
        str | None,
        typer.Option(
            help="Of an exported network: torch (.pt2), onnx (.onnx) or openvino (.xml, .onnx); by its file's ending.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[str, typer.Option(help="raw: flow files, viz: colour pictures, or both.")] = "both",
    format: Annotated[str, typer.Option(help="Of flow files: flo, npy, npz, png, pfm or flo5.")] = "flo",
    half: Half = False,
    bidirectional: Annotated[
        bool, typer.Option("--bidirectional", help="Also the flow back, and what is hidden in the second image.")
    ] = False,
    max_flow: MaxFlow = None,
    one_scale: Annotated[
        bool, typer.Option("--one-scale", help="One for all pictures of an input; finds its flow twice.")
    ] = False,
    legend: Legend = False,
    start: Start = None,
    end: End = None,
    frames: Frames = None,
    resize: Resize = None,
    crop: Crop = None,
    grey: Grey = False,
    device: Device = "auto",
    precision: Precision = "auto",
    batch: Annotated[int, typer.Option(min=1, help="Pairs at a time.")] = 1,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the flow between images, and write it as files and as pictures.

    A folder holds pairs (walk1.png walk2.png, 7_img1.ppm 7_img2.ppm, 7_10.png 7_11.png), or else frames in order.

    [bold]Examples:[/bold]

    vfi flow run a.png b.png

    vfi flow run film.mp4 --start 1:30 --end 1:35 --output viz --max-flow 20
    """
    from flow.by_name import find_estimator
    from flow.files import FLOW_SUFFIXES
    from vfi.flow_inputs import open_inputs
    from vfi.flow_run import FlowOutput, flow_folders, run_flow

    if output not in ("raw", "viz", "both"):
        raise typer.BadParameter(f"{output!r} is none of raw, viz, both", param_hint="--output")
    if f".{format}" not in FLOW_SUFFIXES:
        raise typer.BadParameter(f"{format!r} is none of {', '.join(FLOW_SUFFIXES)}", param_hint="--format")
    view = parse_view(resize, crop, grey)
    wanted = FlowOutput(output != "viz", output != "raw", format, half, bidirectional, max_flow, one_scale, legend)
    part = parse_part(start, end)
    sources = open_inputs(inputs, part, parse_frames(frames, part))
    estimate, _ = find_estimator(model, device, precision, backend)
    with progress_bar("flow", unit="pairs", quiet=quiet) as progress:
        summary = run_flow(
            sources,
            estimate,
            flow_folders(sources, folder),
            output=wanted,
            view=view,
            batch=batch,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(summary), indent=2, default=str))
    elif not quiet:
        typer.echo(
            f"wrote the flow of {summary.pairs} pair{'s' * (summary.pairs != 1)} in {summary.files} files to "
            f"{', '.join(map(str, summary.folders))}: motion {summary.mean_motion:.2f} px on average, "
            f"{summary.largest_motion:.1f} px at most; {summary.seconds:.1f} s"
        )
        for note in summary.notes:
            typer.echo(f"note: {note}")


@flow_app.command("video")
@reports_errors
def flow_video_command(
    source: Annotated[Path, typer.Argument(help="Video to read.", show_default=False)],
    output: FlowPicture = None,
    model: FlowModelName = "dis",
    max_flow: Annotated[
        float | None,
        typer.Option(
            help="Speed in pixels of the full colours; without it the video is gone through twice, first for its"
            " fastest pixel.",
            show_default=False,
        ),
    ] = None,
    legend: Legend = False,
    start: Start = None,
    end: End = None,
    frames: Frames = None,
    resize: Resize = None,
    crop: Crop = None,
    grey: Grey = False,
    codec: VideoCodec = None,
    crf: VideoCrf = None,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a video's flow a video in colours, with one scale for all its frames, and its times and sound.

    [bold]Example:[/bold] vfi flow video film.mp4 -o flow.mp4 --max-flow 20
    """
    from flow.by_name import find_estimator
    from vfi.flow_video import color_video
    from vfi.media import Encoding
    from vfi.outputs import refuse_existing, video_name

    view, part = parse_view(resize, crop, grey), parse_excerpt(source, start, end, frames)
    output = placed(output, Path(video_name(source, "flow")))
    refuse_existing(output, overwrite)
    estimate, _ = find_estimator(model, device, precision)
    with progress_bar(source.name, quiet=quiet) as progress:
        summary = color_video(
            source,
            output,
            estimate,
            max_flow=max_flow,
            legend=legend,
            view=view,
            part=part,
            encoding=Encoding(codec, crf),
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        typer.echo(json_document(dataclasses.asdict(summary)))
    elif not quiet:
        typer.echo(describe_flow_video(summary))


def placed(output: Path | None, default: Path) -> Path:
    """Return the file that the user named, or the default one, in the folder that the user named."""
    return default if output is None else output / default.name if output.is_dir() else output


def describe_flow_video(summary: "FlowVideoSummary") -> str:
    """Say what was written, in a few lines."""
    width, height = summary.size
    line = f"wrote {summary.output}: {summary.frames} frames, {float(summary.duration):.3f} s, {width}x{height}"
    if summary.max_flow is not None:
        line += f", full colours at {summary.max_flow:.3g} px"
    return "\n".join([line, *(f"note: {note}" for note in summary.notes)])


@flow_app.command("arrows")
@reports_errors
def flow_arrows_command(
    inputs: Annotated[
        list[Path], typer.Argument(help="Two images, an image with --flow, or a video.", show_default=False)
    ],
    output: FlowPicture = None,
    flow: Annotated[Path | None, typer.Option(help="File of the image's flow.", show_default=False)] = None,
    model: FlowModelName = "dis",
    spacing: Annotated[int, typer.Option(min=1, help="Pixels from arrow to arrow.")] = 16,
    scale: Annotated[float, typer.Option(help="Length of an arrow in lengths of its motion.")] = 1.0,
    threshold: Annotated[float, typer.Option(min=0, help="Motion in pixels up to which there is no arrow.")] = 0.5,
    color: Annotated[str, typer.Option(help="Of the arrows: R,G,B in 0..255.")] = "255,255,0",
    everywhere: Annotated[
        bool, typer.Option("--all", help="Also where the images differ no more than by their noise.")
    ] = False,
    start: Start = None,
    end: End = None,
    frames: Frames = None,
    resize: Resize = None,
    crop: Crop = None,
    grey: Grey = False,
    codec: VideoCodec = None,
    crf: VideoCrf = None,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Draw a motion as arrows on an image, or on every frame of a video.

    [bold]Examples:[/bold]

    vfi flow arrows a.png b.png -o arrows.png

    vfi flow arrows film.mp4 --spacing 24 --scale 2
    """
    from flow.by_name import find_estimator
    from vfi.flow_inputs import IMAGE_SUFFIXES
    from vfi.flow_video import ArrowStyle, arrow_picture, arrow_video
    from vfi.media import Encoding
    from vfi.outputs import refuse_existing, video_name

    red, green, blue = parse_numbers(color, ",", 3, "--color", "255,255,0")
    if max(red, green, blue) > 255:
        raise typer.BadParameter(f"{color!r} goes beyond 255", param_hint="--color")
    style = ArrowStyle(spacing, scale, threshold, (red, green, blue), everywhere)
    view = parse_view(resize, crop, grey)
    first, still = inputs[0], inputs[0].suffix.lower() in IMAGE_SUFFIXES
    if len(inputs) != (2 if still and flow is None else 1) or (flow is not None and not still):
        raise typer.BadParameter("give two images, one image with --flow, or one video")
    if still and (start or end or frames):
        raise typer.BadParameter("images have neither times nor numbers: leave out --start, --end and --frames")
    part = parse_excerpt(first, start, end, frames)
    output = placed(output, Path(f"{first.stem}_arrows.png" if still else video_name(first, "arrows")))
    refuse_existing(output, overwrite)
    estimate, _ = find_estimator(model, device, precision)
    if still:
        second = inputs[1] if flow is None else None
        arrow_picture(
            first, output, flow=flow, second=second, model=estimate, style=style, view=view, overwrite=overwrite
        )
        said = f"wrote {output}"
    else:
        with progress_bar(first.name, quiet=quiet) as progress:
            summary = arrow_video(
                first,
                output,
                estimate,
                style=style,
                view=view,
                part=part,
                encoding=Encoding(codec, crf),
                overwrite=overwrite,
                progress=progress,
            )
            said = describe_flow_video(summary)
    if not quiet:
        typer.echo(said)


@flow_app.command("convert")
@reports_errors
def convert_flow_command(
    files: Annotated[list[Path], typer.Argument(help="Files of flow.", show_default=False)],
    to: Annotated[str, typer.Option(help="flo, npy, npz, png, pfm, flo5, or color for a picture.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write to, or the file if there is one.")
    ] = Path("."),
    max_flow: MaxFlow = None,
    half: Half = False,
    legend: Legend = False,
    overwrite: Overwrite = False,
) -> None:
    """Convert files of flow to another format, or to pictures.

    [bold]Example:[/bold] vfi flow convert flows/*.flo --to color --max-flow 20 -o pictures
    """
    from vfi.flow_convert import convert_flow

    written = convert_flow(files, to, output, half=half, max_flow=max_flow, legend=legend, overwrite=overwrite)
    typer.echo(f"wrote {written[0]}" if len(written) == 1 else f"wrote {len(written)} files to {output}")


@flow_app.command("compare")
@reports_errors
def compare_flow_command(
    estimate: Annotated[Path, typer.Argument(help="File or folder of flow to measure.", show_default=False)],
    truth: Annotated[Path, typer.Argument(help="The true flow, of the same name.", show_default=False)],
    picture: Annotated[
        Path | None,
        typer.Option(help="File, or for folders a folder, for pictures of the error.", show_default=False),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure flow by the truth: end-point error, KITTI's outliers, the share beyond 1, 3 and 5 pixels, by speed.

    [bold]Example:[/bold] vfi flow compare estimate.flo truth.png --picture error.png
    """
    from vfi.flow_compare import compare_flow

    comparison = compare_flow(estimate, truth, picture, overwrite=overwrite)
    typer.echo(comparison.to_json() if as_json else str(comparison))


FlowData = Annotated[
    list[str],
    typer.Argument(
        help="Folder of a public data set, list of 'frame0 frame1 flow', or synthetic:FOLDER of pictures.",
        show_default=False,
    ),
]
Variant = Annotated[str | None, typer.Option(help="clean or final; occ or noc.", show_default=False)]
Split = Annotated[str, typer.Option(help="all, train or val.")]
HeldOut = Annotated[float, typer.Option(help="Share of the split val, where a data set has none of its own.")]
SplitFile = Annotated[
    Path | None,
    typer.Option(
        "--split-file",
        help="File with a 1 (train) or a 2 (val) for each pair, if not the data set's own.",
        show_default=False,
    ),
]


def parse_parts(texts: list[str]) -> dict[str, str]:
    """Read flownetc=c.safetensors."""
    parts = [text.partition("=") for text in texts]
    if not all(part and file for part, _, file in parts):
        raise typer.BadParameter("write PART=FILE, such as flownetc=c.safetensors", param_hint="--init-part")
    return {part: file for part, _, file in parts}


def parse_milestones(text: str | None) -> tuple[int, ...]:
    """Read 3000,4000."""
    words = text.split(",") if text else []
    if not all(word.strip().isdecimal() for word in words):
        raise typer.BadParameter(f"{text!r} is not of the form 3000,4000", param_hint="--milestones")
    return tuple(int(word) for word in words)


def parse_zoom(text: str) -> tuple[float, float]:
    """Read 0.9,2.0."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = 0.0
    if not 0 < low <= high < math.inf:
        raise typer.BadParameter(f"{text!r} is not of the form 0.9,2.0", param_hint="--zoom")
    return low, high


@flow_app.command("train")
@reports_errors
def train_flow_command(
    context: typer.Context,
    data: FlowData,
    model: Annotated[str, of_model("--model", "-m", help="flownets, flownetc, flownet2-s, ...")] = "flownets",
    width: Annotated[float, of_model(min=0.01, help="Times the channels of the paper.")] = 1.0,
    div_flow: Annotated[
        float, of_model(help="Pixels in one unit of the network's flow; 0.05 for a flownet2-sd within flownet2.")
    ] = 20.0,
    run: Run = None,
    config: ConfigFile = None,
    init: Annotated[
        str | None,
        of_model(help="Begin with the weights of a shipped network or a .safetensors file.", show_default=False),
    ] = None,
    init_part: Annotated[
        list[str] | None,
        of_model(
            help="PART=FILE, or the name of a shipped network: begin a network of a stack with one trained alone;"
            " repeatable.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None, of_learning(help="Steps of the whole training (default: 600000).", show_default=False)
    ] = None,
    epochs: Annotated[
        float | None, of_learning(min=0, help="Or how often to go through the data.", show_default=False)
    ] = None,
    schedule: Annotated[
        str, of_learning(help="s-short, s-long, s-fine, constant or linear (to zero); stretched to --steps.")
    ] = "s-short",
    milestones: Annotated[
        str | None,
        of_learning(
            help="Steps at which the rate is halved, such as 3000,4000, instead of the schedule's.", show_default=False
        ),
    ] = None,
    lr: Annotated[
        float | None, of_learning(help="Rate to begin with, if not the schedule's.", show_default=False)
    ] = None,
    warmup: Annotated[int, of_learning(help="Steps in which the rate rises.")] = 0,
    batch: Annotated[int, of_learning(min=1, help="Pairs in a batch, in each process.")] = 8,
    accumulate: Accumulate = 1,
    reuse: Annotated[int, of_data(min=1, help="Times that a pair is read or made once and augmented anew.")] = 1,
    crop: Annotated[str, of_data(help="Height,width of what a step sees; multiples of 64.")] = "320,448",
    size: Annotated[
        str | None, of_data(help="Height,width of made-up scenes (default: 6/5 of the crop).", show_default=False)
    ] = None,
    augment: Annotated[bool, of_data(help="Scale, turn, mirror and recolour.")] = True,
    zoom: Annotated[str, of_data(help="Least and greatest scale; beyond 1 enlarges.")] = "0.9,2.0",
    light: Annotated[float, of_data(min=0, help="Times the changes of colour and brightness, and the noise.")] = 1.0,
    loss: Annotated[str, of_loss(help="multiscale, or epe of the finest flow.")] = "multiscale",
    sparse: Annotated[bool, of_loss("--sparse", help="Few pixels are known, as in KITTI.")] = False,
    optimizer: Annotated[str, of_learning(help="adam, adamw or muon.")] = "adam",
    ema: Ema = 0.0,
    clip: Annotated[float, of_learning(help="Norm the gradient is clipped to; 0: not.")] = 0.0,
    freeze: Freeze = None,
    variant: Variant = None,
    held_out: HeldOut = 0.1,
    split_file: Annotated[
        Path | None,
        of_data(
            "--split-file",
            "--split",
            help="File with a 1 (train) or a 2 (val) for each pair, if not the data set's own.",
            show_default=False,
        ),
    ] = None,
    val: Annotated[
        list[str] | None, of_run(help="Data to validate on, if not the split val.", show_default=False)
    ] = None,
    validate_every: ValidateEvery = 5000,
    workers: Annotated[int, of_data(min=0, help="Threads that read ahead.")] = 4,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Train a flow network; Ctrl+C saves, and the same command goes on from there.

    [bold]Example:[/bold] vfi flow train FlyingChairs_release --model flownets --width 0.375 --run runs/chairs
    """
    from flow.augment import PLAIN, Augmentation, softened
    from flow.datasets import open_datasets
    from flow.train import Recipe, open_training

    if steps is not None and epochs is not None:
        raise typer.BadParameter("give --steps or --epochs, not both")
    height, width_of_crop = parse_numbers(crop, ",", 2, "--crop", "320,448")
    room = (height * 6 // 5, width_of_crop * 6 // 5)  # to move the crop in
    scene_height, scene_width = parse_numbers(size, ",", 2, "--size", "384,512") if size else room
    scenes = (scene_height, scene_width)
    read = functools.partial(
        open_datasets, variant=variant, held_out=held_out, split_file=split_file, size=scenes, seed=seed
    )
    dataset = read(data, "all" if val else "train")
    validation = open_datasets(val, "all", size=scenes, seed=seed) if val else read(data, "val")
    augmentation = softened(Augmentation(zoom=parse_zoom(zoom)), light) if augment else PLAIN
    augmentation = dataclasses.replace(augmentation, crop=(height, width_of_crop))
    if epochs is not None:
        steps = math.ceil(epochs * len(dataset) / (batch * accumulate * int(os.environ.get("WORLD_SIZE", "1"))))
    recipe = Recipe(
        steps=600_000 if steps is None else steps, schedule=schedule, milestones=parse_milestones(milestones), lr=lr,
        warmup=warmup, batch=batch, accumulate=accumulate, reuse=reuse, augmentation=augmentation, loss=loss,
        sparse=sparse, optimizer=optimizer, ema=ema, clip=clip, seed=seed, freeze=tuple(freeze or []),
        validate_every=validate_every,
    )  # fmt: skip
    training = open_training(
        model, {"width": width, "div_flow": div_flow}, dataset, recipe, run or Path("runs") / model, init=init,
        init_parts=parse_parts(init_part or []), validation=validation, device=device, precision=precision,
        workers=workers,
    )  # fmt: skip
    follow(training, context)


@flow_app.command("eval")
@reports_errors
def evaluate_flow_command(
    model: Annotated[str, typer.Argument(help="A flow network's .safetensors file, or dis, farneback, zero.")],
    data: FlowData,
    split: Split = "all",
    variant: Variant = None,
    held_out: HeldOut = 0.1,
    split_file: SplitFile = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Pairs at most, spread evenly.", show_default=False)] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: AsJson = False,
) -> None:
    """Score flow where it is known: end-point error, Fl-all, bands of speed, time and memory.

    [bold]Example:[/bold] vfi flow eval dis MPI-Sintel --variant final --split val
    """
    from flow.by_name import find_estimator
    from flow.datasets import open_datasets
    from flow.evaluate import evaluate_flow

    dataset = open_datasets(data, split, variant=variant, held_out=held_out, split_file=split_file)
    estimate, place = find_estimator(model, device, precision)
    with progress_bar(f"{model} on {dataset.name}", len(dataset), "pairs") as progress:
        found = evaluate_flow(estimate, dataset, limit=limit, device=place, progress=progress)
    typer.echo(found.to_json() if as_json else str(found))


@flow_app.command("export")
@reports_errors
def export_flow_command(
    model: Annotated[str, typer.Argument(help="A flow network's .safetensors file.", show_default=False)],
    format: Annotated[str, typer.Option("--format", "-f", help="onnx, openvino or torch (torch.export).")] = "onnx",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write: .onnx, .xml, .pt2 (default: MODEL's name here).", show_default=False
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Data set to compare on, if not scenes of noise; repeatable.", show_default=False),
    ] = None,
    split: Split = "all",
    variant: Variant = None,
    held_out: HeldOut = 0.1,
    split_file: SplitFile = None,
    limit: Annotated[int, typer.Option(min=1, help="Pairs to compare on at most, spread evenly.")] = 8,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a flow network as a file for onnxruntime, OpenVINO or PyTorch, and compare its answers with the network's.

    The file takes two frames (batch, 3, height, width) in 0..1, of any size, and gives their flow in pixels, all in
    float32. Where a flow differs by 0.01 px or more, no file is left. onnx and openvino need pip install 'vfi[export]';
    torch takes longest to write, about a minute for a FlowNet2. A .pt2 may run code of its author: trust it first.

    [bold]Example:[/bold] vfi flow export flownets.safetensors --format openvino && vfi flow run a.png b.png
    --model flownets.xml
    """
    from flow.backends import ending_of, files_of
    from flow.datasets import open_datasets
    from flow.estimator import FlowEstimator
    from flow.export import export_flow
    from vfi.outputs import refuse_existing

    output = placed(output, Path(f"{Path(model).stem}{ending_of(format)}"))
    for file in files_of(output, format):
        refuse_existing(file, overwrite)
    dataset = open_datasets(data, split, variant=variant, held_out=held_out, split_file=split_file) if data else None
    estimator = FlowEstimator.load(model, "cpu", "float32")
    written = export_flow(estimator, output, format, dataset=dataset, limit=limit)
    typer.echo(written.to_json() if as_json else str(written))


def check_picture(path: Path, option: str, overwrite: bool) -> None:
    """Refuse a picture that could not be written in the end."""
    from vfi.outputs import refuse_existing

    if path.suffix.lower() != ".png":
        raise typer.BadParameter(f"{path} does not end in .png", param_hint=option)
    if not path.parent.is_dir():
        raise typer.BadParameter(f"{path.parent} is no folder", param_hint=option)
    refuse_existing(path, overwrite)


@flow_app.command("bench")
@reports_errors
def bench_flow_command(
    data: FlowData,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A flow network's file, also an exported one; repeatable."),
    ] = None,
    split: Split = "all",
    variant: Variant = None,
    held_out: HeldOut = 0.1,
    split_file: SplitFile = None,
    limit: Annotated[int, typer.Option(min=1, help="Pairs at most, spread evenly.")] = 50,
    plot: Plot = None,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare networks with DIS and Farneback on the same pairs: end-point error, Fl-all, time and size.

    [bold]Example:[/bold] vfi flow bench MPI-Sintel --variant final -m flownets.safetensors -m flownets.onnx
    --plot bench.png
    """
    from flow.bench import bench_flow
    from flow.datasets import open_datasets

    if plot is not None:
        check_picture(plot, "--plot", overwrite)
    dataset = open_datasets(data, split, variant=variant, held_out=held_out, split_file=split_file)
    with progress_bar(dataset.name, unit="pairs") as progress:
        found = bench_flow(models or [], dataset, limit=limit, device=device, precision=precision, progress=progress)
    if plot is not None:
        found.draw(plot)
    typer.echo(found.to_json() if as_json else str(found))
