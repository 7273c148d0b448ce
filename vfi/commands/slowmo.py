"""`vfi slowmo`: a film that plays slower."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from vfi.commands.film import make_at_once, make_resumably
from vfi.commands.options import (
    CUT_THRESHOLD,
    DEFAULT_MODEL,
    Chunks,
    Course,
    Cuts,
    CutThreshold,
    Encoder,
    Excerpt,
    Held,
    LargeMaking,
    Model,
    Overwrite,
    Telling,
)
from vfi.commands.parsing import parse_fraction, parse_positive
from vfi.commands.terminal import json_document


def slowmo(
    source: Annotated[Path, typer.Argument(help="Video to read.", show_default=False)],
    *,
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
    excerpt: Excerpt,
    audio: Annotated[
        str, typer.Option(help="Sound: stretch (longer at its pitch), mute, or drop.", rich_help_panel="Content")
    ] = "stretch",
    model: Model = DEFAULT_MODEL,
    making: LargeMaking,
    cuts: Cuts = "hold",
    cut_threshold: CutThreshold = CUT_THRESHOLD,
    held: Held = "keep",
    course: Course = "curved",
    encoder: Encoder,
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
    chunks: Chunks,
    telling: Telling,
) -> None:
    """Play a video slower at its own frame rate; its sound keeps its pitch, subtitles and chapters stay in step.

    \b
    [bold]Examples:[/bold]
    vfi slowmo clip.mp4 --speed 1/4
    vfi slowmo match.mkv --start 1:02:03 --end 1:02:08 --speed 0.1 --audio mute
    """
    from vfi.choices import check_model

    times, chunk = parse_fraction(speed, "--speed"), chunks.seconds()
    rate = parse_positive(fps, "--fps") if fps else None
    making.check()
    check_model(model)

    from vfi.media import SlowMotion
    from vfi.media.open import check_source
    from vfi.outputs import make_folder, names_folder, output_path, refuse_existing
    from vfi.resumable import can_resume
    from vfi.spans import Content
    from vfi.timing import Factor, TargetRate

    slow = SlowMotion(times, audio)  # type: ignore[arg-type]
    timing = TargetRate(rate) if rate else Factor(1 / slow.speed)
    content, part = Content(cuts, cut_threshold, held, course), excerpt.part()  # type: ignore[arg-type]
    encoding = encoder.encoding()
    number = str(1 / slow.speed).replace("/", "-")
    fields = {"speed": str(slow.speed).replace("/", "-"), "model": Path(model).stem}
    target = output_path(source, output, f"slow{number}x", fields)
    refuse_existing(target, overwrite)
    check_source(source)
    resumable = can_resume(source, target)
    if chunks.workdir is not None and not resumable:
        raise typer.BadParameter("name a film, to be written as a film", param_hint="--workdir")
    interpolator = making.load(model)
    if output is not None and names_folder(output):
        make_folder(target.parent)
    wishes: dict[str, Any] = {
        "between": interpolator, "timing": timing, "part": part, "slow": slow, "encoding": encoding,
        "content": content, "overwrite": overwrite,
    }  # fmt: skip
    if resumable:
        summary = make_resumably(
            source, target, source.name, telling.quiet, made_by=making.identity(model), workdir=chunks.workdir,
            chunk=chunk, restart=chunks.restart, **wishes,
        )  # fmt: skip
    else:
        summary = make_at_once(source, target, source.name, telling.quiet, **wishes)
    if summary is not None:
        telling.tell(summary, json_document(dataclasses.asdict(summary)))
