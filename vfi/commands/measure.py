"""`vfi eval`, `compare`, `report` and `bench`: how good and how fast."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from vfi.commands.options import (
    AsJson,
    Course,
    Excerpt,
    Hardware,
    Making,
    Methods,
    ModelArgument,
    Motion,
    Overwrite,
    Plot,
    Telling,
)
from vfi.commands.parsing import parse_positive, parse_time
from vfi.commands.places import check_picture, placed
from vfi.commands.terminal import progress_bar


def evaluate_command(
    model: ModelArgument,
    *,
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
    course: Course = "curved",
    making: Making,
    as_json: AsJson = False,
) -> None:
    """Score a model on frames that are known: PSNR, SSIM, IE, LPIPS, luma step of 8-bit RGB images, and time.

    [bold]Examples:[/bold]

    vfi eval flow-fusion --data film.mp4 --factor 4

    vfi eval fast --data SNU-FILM --variant hard --json
    """
    from vfi.choices import check_course, check_model

    making.check()
    check_model(model)
    check_course(course)

    from vfi.evaluate import evaluate
    from vfi.lpips import LpipsMissing, load_lpips
    from vfi.triplets import open_triplets

    triplets = open_triplets(data, variant=variant, factor=factor)
    interpolator = making.load(model)
    try:
        lpips = load_lpips(interpolator.device)
    except LpipsMissing as missing:
        lpips = None
        typer.echo(f"note: {missing}", err=True)
    with progress_bar(f"{model} on {triplets.name}", triplets.count, "triplets") as progress:
        report = evaluate(
            interpolator,
            triplets,
            lpips=lpips,
            save=save,
            progress=lambda done: progress(done, triplets.count),
            curved=course == "curved",
        )
    if as_json:
        typer.echo(report.to_json())
    else:
        typer.echo(f"{report.table()}\n{report}" if per_item else str(report))


def parse_methods(text: str) -> list[str]:
    """Read flow-fusion,blend,minterpolate."""
    from vfi.choices import check_model
    from vfi.minterpolate import MODES

    names = text.split(",")
    for name in names:
        check_model(name, besides=MODES)
    return names


def compare_command(
    source: Annotated[Path, typer.Argument(help="Video to read.", show_default=False)],
    *,
    models: Methods = "flow-fusion,flow-free,classical,blend,minterpolate",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File or folder to write (default: SOURCE_compare.html).", show_default=False
        ),
    ] = None,
    factor: Annotated[int, typer.Option("--factor", "-f", min=2, help="Keep every frame of so many.")] = 2,
    excerpt: Excerpt,
    hardware: Hardware,
    overwrite: Overwrite = False,
    telling: Telling,
) -> None:
    """Drop frames of a video, make them again by several methods, and show how each did on a page of its own.

    The page holds scores, curves, the worst frames and videos side by side, and loads nothing; the numbers go beside
    it as .json.

    [bold]Example:[/bold] vfi compare clip.mp4 --models flow-fusion,blend,minterpolate --end 10 -o report.html
    """
    from vfi.media.open import check_source
    from vfi.page import check_page, write_page

    hardware.check()
    part, names = excerpt.part(), parse_methods(models)
    output = placed(output, Path(f"{source.stem}_compare.html"))
    check_page(output, source, overwrite)
    check_source(source)

    from vfi.compare import compare_models
    from vfi.compare_page import render

    with progress_bar(source.name, quiet=telling.quiet) as progress:
        found = compare_models(
            source,
            names,
            factor=factor,
            part=part,
            progress=progress,
            **dataclasses.asdict(hardware),
        )
    numbers = write_page(render(found), found.to_json(), output)
    telling.tell(f"{found}\nwrote {output} and {numbers}", found.to_json())


def report_command(
    result: Annotated[Path, typer.Argument(help="Video that upsample made.", show_default=False)],
    *,
    source: Annotated[Path, typer.Option(help="Video that it was made of.", show_default=False)],
    excerpt: Excerpt,
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
    motion: Motion,
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
    telling: Telling,
) -> None:
    """Show how a result came out, on a page of its own: what was kept, brightness, and the most doubtful new frames.

    The page loads nothing; the numbers go beside it as .json.

    [bold]Examples:[/bold]

    vfi report video_2x.mp4 --source video.mp4 --model flow-fusion

    vfi report part.mp4 --source video.mp4 --start 1:30 --end 1:40
    """
    from vfi.choices import check_model
    from vfi.media.open import check_source
    from vfi.page import check_page, write_page

    part, slower = excerpt.part(), parse_positive(speed, "--speed")
    motion.check()
    if model is not None:
        check_model(model)
    output = placed(output, Path(f"{result.stem}_report.html"))
    check_page(output, result, overwrite)
    for path in (result, source):
        check_source(path)

    from vfi.evaluate import evaluate
    from vfi.report import report_result
    from vfi.report_page import render
    from vfi.triplets.film import open_film

    interpolator = None if model is None else motion.load(model)
    with progress_bar(result.name, quiet=telling.quiet) as progress:
        found = report_result(result, source, part=part, speed=slower, progress=progress)
    if interpolator is not None:
        triplets = open_film(source)
        with progress_bar(f"{model} on {source.name}", triplets.count, quiet=telling.quiet) as progress:
            score = evaluate(interpolator, triplets, progress=lambda done: progress(done, triplets.count))
        found = dataclasses.replace(found, model=model, score=score)
    numbers = write_page(render(found), found.to_json(), output)
    telling.tell(f"{found}\nwrote {output} and {numbers}", found.to_json())


def bench_command(
    source: Annotated[Path, typer.Argument(help="Video to upsample.", show_default=False)],
    *,
    models: Methods = "flow-fusion,fast,flow-free,classical,blend,minterpolate",
    seconds: Annotated[
        str | None, typer.Option(help="How much of the video, from its start (default: all).", show_default=False)
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each has its turn.")] = 3,
    plot: Plot = None,
    hardware: Hardware,
    overwrite: Overwrite = False,
    telling: Telling,
) -> None:
    """Upsample a video by several methods in turns, and measure the whole program: time, memory and quality.

    Each run goes from file to file in a process of its own, and what it writes is removed. Seconds depend on what else
    the machine does; ratios to minterpolate, which has its turn in each round, less, and those of CPU seconds hardly.

    [bold]Example:[/bold] vfi bench clip.mp4 --seconds 2 --models flow-fusion,fast,minterpolate --plot bench.png
    """
    from vfi.media.open import check_source

    hardware.check()
    names, length = parse_methods(models), parse_time(seconds, "--seconds")
    if length == 0:
        raise typer.BadParameter("measure more than 0 seconds", param_hint="--seconds")
    if plot is not None:
        check_picture(plot, "--plot", overwrite)
    check_source(source)

    from vfi.bench import bench
    from vfi.bench_report import describe as describe_bench
    from vfi.bench_report import draw

    with progress_bar(source.name, unit="runs", quiet=telling.quiet) as progress:
        found = bench(
            source,
            names,
            seconds=length,
            rounds=rounds,
            progress=progress,
            **dataclasses.asdict(hardware),
        )
    if plot is not None:
        draw(found, plot)
    telling.tell(describe_bench(found), found.to_json())
