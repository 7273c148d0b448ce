"""`vfi upsample`: more frames for videos, of which there may be many in one call."""

import dataclasses
import json
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfi.commands.adapt import keep_lesson, learn
from vfi.commands.command import explanation
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
from vfi.commands.parsing import parse_duration, parse_fraction, parse_positive, stronger
from vfi.commands.places import check_picture
from vfi.commands.terminal import json_document, report_skipped

if TYPE_CHECKING:
    from vfi.adapt import Adaptation
    from vfi.batch import Batch, Job
    from vfi.interpolator import Interpolator
    from vfi.media import Part
    from vfi.pipeline import Summary
    from vfi.timing import Timing


def upsample(
    context: typer.Context,
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="Videos, folders of them; pictures, by their folder or a pattern, %05d.png; - for y4m from a pipe.",
            show_default=False,
        ),
    ],
    *,
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
    excerpt: Excerpt,
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
    making: LargeMaking,
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
    course: Course = "curved",
    deinterlace: Annotated[
        str,
        typer.Option(
            help="Interlaced video: frame (of each picture one), field (of each field one, at twice the rate), or off"
            " (refused).",
            rich_help_panel="Content",
        ),
    ] = "off",
    encoder: Encoder,
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
    chunks: Chunks,
    telling: Telling,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Also say what is computed where, and how fast.", rich_help_panel="Output"
        ),
    ] = False,
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
    from vfi.choices import check_model
    from vfi.timing import Factor, TargetRate

    if factor is not None and fps is not None:
        factor, fps = stronger(context, factor=factor, fps=fps)
    timing = TargetRate(parse_fraction(fps, "--fps")) if fps else Factor(parse_fraction(factor or "2", "--factor"))
    budget, glimpse = parse_duration(adapt, "--adapt"), parse_duration(preview, "--preview")
    rate_in = parse_positive(fps_in, "--fps-in") if fps_in else None
    chunk = chunks.seconds()
    making.check()
    check_model(model)

    from vfi.batch import find_inputs, plan_batch
    from vfi.media.deinterlace import check_deinterlace
    from vfi.media.open import check_sink, check_source
    from vfi.outputs import names_folder, output_path, refuse_existing
    from vfi.resumable import can_resume
    from vfi.spans import Content

    content, part = Content(cuts, cut_threshold, held, course), excerpt.part()  # type: ignore[arg-type]
    check_deinterlace(deinterlace)
    encoding = encoder.encoding()
    inputs = find_inputs(sources)
    many = len(sources) > 1 or bool(inputs.found)
    if list_cuts:
        if many:
            raise typer.BadParameter("name one video", param_hint="--list-cuts")
        print_cuts(sources[0], part, cut_threshold, telling.as_json)
        return
    piped = output == "-"  # standard output holds the video alone
    number = (fps or factor or "2").replace("/", "-")
    fields = {"fps" if fps else "factor": number, "model": Path(model).stem}
    change = f"{number}{'fps' if fps else 'x'}{'_preview' if preview else ''}"
    if many and piped:
        raise typer.BadParameter("name one video: - holds no more", param_hint="--output")
    batch = plan_batch(inputs, lambda source: output_path(source, output, change, fields, many))
    report_skipped(batch.skipped)
    new_folders = output is not None and names_folder(output, many)
    if not many:
        refuse_existing(batch.jobs[0].output, overwrite)
        if not new_folders:
            check_sink(batch.jobs[0].output, batch.jobs[0].source, overwrite)
        check_source(batch.jobs[0].source)
    # Chunks begin anywhere in a film with its own clock.
    asked = {
        "rate_in": rate_in,
        "deinterlace": None if deinterlace == "off" else deinterlace,
        "loop": loop,
        "side_by_side": side_by_side,
    }
    at_once = {name: value for name, value in asked.items() if value}
    resumable = not (many or at_once or glimpse) and can_resume(batch.jobs[0].source, batch.jobs[0].output)
    if chunks.workdir is not None and not resumable:
        raise typer.BadParameter(
            "name one film, to be written as a film, without --fps-in, --preview, --loop, --side-by-side or"
            " --deinterlace",
            param_hint="--workdir",
        )
    if confidence is not None:
        if many:
            raise typer.BadParameter("name one video", param_hint="--confidence")
        check_picture(confidence, "--confidence", overwrite)
    interpolator = making.load(model)
    if confidence is not None:
        from vfi.interpolator import knows_confidence

        if not knows_confidence(interpolator.model):
            raise typer.BadParameter(f"{model} does not know its confidence", param_hint="--confidence")
    if verbose:
        typer.echo(f"{model} on {interpolator.device} in {interpolator.precision}", err=True)

    films = _Films(
        model, making, interpolator, timing, part, budget, glimpse, chunks, chunk, telling, piped, verbose,
        wishes={"encoding": encoding, "content": content, "overwrite": overwrite},
        at_once=at_once,
        new_folders=new_folders,
    )  # fmt: skip
    if many:
        run_batch(batch, films)
        return
    summary = films.make(batch.jobs[0], sources[0].name)
    if summary is None:
        return
    if confidence is not None:
        from vfi.confidence_plot import draw_confidence

        draw_confidence(summary.confidence, confidence)
    telling.tell(summary, json_document(films.values(summary)), err=piped)


@dataclass(frozen=True)
class _Films:
    """Makes one film after the other, all as the command line says."""

    model: str
    making: LargeMaking
    interpolator: "Interpolator"
    timing: "Timing"
    part: "Part"
    budget: float | None  # seconds to learn each film first
    glimpse: float | None  # seconds to make of its middle
    chunks: Chunks
    chunk: Fraction  # seconds
    telling: Telling
    piped: bool  # whether standard output holds the film
    verbose: bool
    wishes: dict[str, Any]  # for all ways to make it
    at_once: dict[str, Any]  # that cannot be met chunk by chunk
    new_folders: bool  # whether the folders for results may be made
    lessons: "dict[Path, Adaptation]" = field(default_factory=dict)  # by output

    def make(self, job: "Job", label: str) -> "Summary | None":
        """Make a film; returns None if another process has completed it."""
        from vfi.outputs import make_room, refuse_existing
        from vfi.resumable import can_resume

        refuse_existing(job.output, self.wishes["overwrite"])
        if self.new_folders:
            make_room(job.output)
        began = time.monotonic()
        resumable = not (self.at_once or self.glimpse) and can_resume(job.source, job.output)
        summary = (self._make_resumably if resumable else self._make_at_once)(job, label)
        if self.verbose and summary is not None:
            seconds = time.monotonic() - began
            options = "".join(f" {key}={value}" for key, value in summary.options.items())
            typer.echo(
                f"{label}: {seconds:.1f} s, {summary.frames_out / seconds:.1f} frames/s;"
                f" {summary.codec} {summary.pix_fmt}{options}",
                err=True,
            )
        return summary

    def values(self, summary: "Summary") -> dict[str, Any]:
        """Return what is known of a film that was made, and of what was learnt for it."""
        lesson = self.lessons.get(summary.output)
        return dataclasses.asdict(summary) | ({} if lesson is None else {"adaptation": lesson.fields()})

    def _make_resumably(self, job: "Job", label: str) -> "Summary | None":
        from vfi.resumable import default_workdir, lesson_path

        folder = self.chunks.workdir or default_workdir(job.output)
        interpolator, made_by = self.interpolator, self.making.identity(self.model)
        if self.budget is not None:
            weights = lesson_path(folder, job.source, made_by | {"adapt": str(self.budget), "part": str(self.part)})
            if self.chunks.restart or not weights.exists():
                keep_lesson(weights, self.model, self._learn(job))
            interpolator, made_by = self.making.load(str(weights)), self.making.identity(str(weights))
        return make_resumably(
            job.source, job.output, label, self.telling.quiet, between=interpolator, made_by=made_by,
            timing=self.timing, part=self.part, workdir=folder, chunk=self.chunk,
            restart=self.chunks.restart, **self.wishes,
        )  # fmt: skip

    def _make_at_once(self, job: "Job", label: str) -> "Summary":
        interpolator = self.interpolator if self.budget is None else self._learn(job).interpolator
        part = self.part if self.glimpse is None else middle_of(job.source, self.part, self.glimpse)
        return make_at_once(
            job.source, job.output, label, self.telling.quiet, between=interpolator, timing=self.timing, part=part,
            **self.wishes, **self.at_once,
        )  # fmt: skip

    def _learn(self, job: "Job") -> "Adaptation":
        assert self.budget is not None
        rate = self.at_once.get("rate_in")
        lesson = learn(job.source, self.interpolator, self.budget, None, self.telling.quiet, self.part, rate)
        self.lessons[job.output] = lesson
        if self.telling.in_words:
            typer.echo(lesson, err=self.piped)
        return lesson


def run_batch(batch: "Batch", films: _Films) -> None:
    """Do job after job, past those that fail; then say what became of each, and exit with 1 if one failed."""
    done: list[Summary | None] = []
    there: list[Path] = []  # of an earlier run, which may have been interrupted after them
    failed: list[dict[str, str]] = []
    try:
        for number, job in enumerate(batch.jobs, start=1):
            try:
                if job.output.exists() and not films.wishes["overwrite"]:
                    there.append(job.output)
                    typer.echo(f"{job.output} is there already: --overwrite makes it anew", err=True)
                    continue
                done.append(films.make(job, f"{number}/{len(batch.jobs)} {job.source.name}"))
            except Exception as error:
                reason = explanation(error)
                if reason is None:
                    raise
                failed.append({"source": str(job.source), "reason": reason})
                typer.echo(f"Error: {reason}", err=True)
            else:
                if done[-1] is not None and films.telling.in_words:
                    typer.echo(str(done[-1]))
    finally:  # after Ctrl+C as well
        if films.telling.as_json:
            report = {
                "done": [films.values(summary) for summary in done if summary],
                "there": there,
                "failed": failed,
                "skipped": batch.skipped,
            }
            typer.echo(json_document(report))
        elif not films.telling.quiet:
            already = f", {len(there)} there already" if there else ""
            broken = f", {len(failed)} failed:" if failed else ""
            typer.echo(f"{len(done)} of {len(batch.jobs)} videos done{already}{broken}")
            for failure in failed:
                named = failure["source"] in failure["reason"]
                typer.echo(f"  {failure['reason']}" if named else f"  {failure['source']}: {failure['reason']}")
    if failed:
        raise typer.Exit(1)


def middle_of(source: Path, part: "Part", seconds: float) -> "Part":
    """Return so much of the middle of a video, or of a part of it, and say which."""
    from vfi.media.open import middle_part

    chosen = middle_part(source, part, Fraction(seconds).limit_denominator(1000))
    typer.echo(f"preview: {source.name} from {float(chosen.start or 0):.3f} s on", err=True)
    return chosen


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
