"""`vfi study`: ways to learn, compared on one video."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfi.commands.options import Device, Excerpt, Overwrite, Telling
from vfi.commands.parsing import parse_duration, stronger
from vfi.commands.places import placed
from vfi.commands.terminal import noting_ctrl_c, progress_bar

if TYPE_CHECKING:
    from vfi.study.results import Run


def study_losses_command(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Video to learn.", show_default=False)],
    *,
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
    excerpt: Excerpt,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File or folder to write (default: SOURCE_study.html).", show_default=False
        ),
    ] = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    telling: Telling,
) -> None:
    """Train small networks on one video, with every loss, optimizer and place of fusion, and compare them on a page.

    All have the same budget and crops; each first tries some rates of learning for a tenth of it and takes the best.
    They are compared on frames that none has learnt from: what SGD, SSIM and MSE are known for is shown or refuted by
    the numbers, which also go beside the page as .json. Ctrl+C saves; the same command goes on.

    [bold]Example:[/bold] vfi study losses clip.mp4 --losses mse,ssim,l1+0.2*ssim --optimizers adam --budget 60s
    """
    from vfi.media.open import check_source
    from vfi.page import check_page, write_page

    if steps is not None and budget is not None:
        chosen, budget = stronger(context, steps=str(steps), budget=budget)
        steps = steps if chosen else None
    seconds = parse_duration(budget, "--budget")
    part = excerpt.part()
    output = placed(output, Path(f"{source.stem}_study.html"))
    check_page(output, source, overwrite)
    check_source(source)

    from vfi.study.page import render
    from vfi.study.plan import Plan, all_variants
    from vfi.study.study import Stopped, study_losses

    plan = Plan(steps or Plan.steps, seconds, seed)
    variants = all_variants(*([word.strip() for word in words.split(",")] for words in (losses, optimizers, fusion)))
    folder = run or Path("runs") / f"study-{source.stem}"

    def tell(done: "Run") -> None:
        report = done.measured.report
        if not telling.quiet:
            typer.echo(
                f"{done.variant}: PSNR {report.psnr:.2f} dB, SSIM {report.ssim:.4f}, luma error"
                f" {done.measured.luma_error:+.3f}; {done.steps} steps at rate {done.rate:g}",
                err=True,
            )

    try:
        with (
            progress_bar(source.name, unit="steps" if seconds is None else "s", quiet=telling.quiet) as progress,
            noting_ctrl_c("Stopping after this step, to keep what was learnt") as stop,
        ):
            found = study_losses(
                source, variants, folder, plan, part=part, device=device, tell=tell,
                progress=progress, stop=stop,
            )  # fmt: skip
    except Stopped as stopped:
        typer.echo(f"Saved in {folder}: {stopped.done} of {stopped.runs} runs are done.", err=True)
        raise typer.Exit(130) from None
    numbers = write_page(render(found), found.to_json(), output)
    telling.tell(f"{found}\nwrote {output} and {numbers}", found.to_json())
