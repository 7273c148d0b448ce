"""`vfi adapt`: a model that learns one video, which upsample can do as well."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfi.commands.options import DEFAULT_MODEL, Excerpt, Model, Motion, Overwrite, Telling
from vfi.commands.parsing import parse_duration
from vfi.commands.places import placed
from vfi.commands.terminal import json_document, progress_bar

if TYPE_CHECKING:
    from vfi.adapt import Adaptation
    from vfi.interpolator import Interpolator
    from vfi.media import Part


def adapt_command(
    source: Annotated[Path, typer.Argument(help="Video to learn.", show_default=False)],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File or folder to write (default: SOURCE_adapted.safetensors).", show_default=False
        ),
    ] = None,
    budget: Annotated[str, typer.Option(help="How long to learn, measuring included: 60s, 5m, 90.")] = "60s",
    parts: Annotated[
        str | None,
        typer.Option(
            help="What learns: confidence (where to trust frames), fusion (all but the flow), all, or low-rank (a thin"
            " update) (default: confidence, or fusion of a model without).",
            show_default=False,
        ),
    ] = None,
    model: Model = DEFAULT_MODEL,
    motion: Motion,
    excerpt: Excerpt,
    overwrite: Overwrite = False,
    telling: Telling,
) -> None:
    """Let a model learn one video from its own frames, and write it only if that helps on frames it has not seen.

    [bold]Example:[/bold] vfi adapt clip.mp4 --budget 5m && vfi upsample clip.mp4 --model clip_adapted.safetensors
    """
    from vfi.choices import check_model

    seconds, part = parse_duration(budget, "--budget"), excerpt.part()
    assert seconds is not None
    motion.check()
    check_model(model)

    from vfi.media.open import check_source

    check_source(source)

    from vfi.adapt import check_place, save_adapted

    output = placed(output, source.parent / f"{source.stem}_adapted.safetensors")
    check_place(output, overwrite)
    interpolator = motion.load(model)
    adaptation = learn(source, interpolator, seconds, parts, telling.quiet, part)
    if adaptation.kept:
        save_adapted(output, model, adaptation)
    written = str(output) if adaptation.kept else None
    telling.tell(
        f"{adaptation}\nwrote {written or 'nothing'}",
        json_document({"output": written, "model": model} | adaptation.fields()),
    )


def learn(
    source: Path,
    interpolator: "Interpolator",
    budget: float,
    parts: str | None,
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
