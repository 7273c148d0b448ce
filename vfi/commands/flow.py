"""`vfi flow run`, `video`, `arrows`, `convert` and `compare`: flow found, drawn and measured."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfi.commands.options import AsJson, Excerpt, Hardware, Overwrite, Quiet, Telling
from vfi.commands.parsing import parse_numbers
from vfi.commands.places import placed
from vfi.commands.terminal import json_document, progress_bar

if TYPE_CHECKING:
    from vfi.flow_inputs import View
    from vfi.flow_video import FlowVideoSummary
    from vfi.media import Encoding, Part


MaxFlow = Annotated[
    float | None,
    typer.Option(help="Speed in pixels of the full colours (default: the fastest pixel's).", show_default=False),
]
Legend = Annotated[bool, typer.Option("--legend", help="Put the key to the colours beside the picture.")]
Half = Annotated[bool, typer.Option("--half", help="Store npz as float16.")]
FlowModelName = Annotated[
    str,
    typer.Option("--model", "-m", help="dis, dis-filled, farneback, or a flow network's name or .safetensors file."),
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


@dataclass(frozen=True)
class NumberedExcerpt(Excerpt):
    """What is taken of a video or a folder, by times or by numbers."""

    frames: Annotated[
        str | None,
        typer.Option(
            help="A:B, such as 10:50: the frames with the numbers from A on and before B, which count from 0; of a"
            " folder of pairs, the pairs.",
            show_default=False,
            rich_help_panel="Timing",
        ),
    ] = None

    def numbers(self) -> slice | None:
        """Read 10:50, 10: or :50."""
        if self.frames is None:
            return None
        if self.part():
            raise typer.BadParameter("give --frames, or --start and --end")
        first, colon, beyond = (word.strip() for word in self.frames.partition(":"))
        if not colon or not all(word.isdecimal() for word in (first, beyond) if word):
            raise typer.BadParameter(f"{self.frames!r} is not of the form 10:50, 10: or :50", param_hint="--frames")
        return slice(int(first or 0), int(beyond) if beyond else None)

    def part_of(self, source: Path) -> "Part":
        """Return what is taken of a video."""
        numbers = self.numbers()
        if numbers is None:
            return self.part()
        from vfi.media.open import numbered_part

        return numbered_part(source, numbers)


@dataclass(frozen=True)
class Looking:
    """What is looked at of each image."""

    resize: Annotated[
        str | None,
        typer.Option(help="WxH, such as 640x360: the flow is in its pixels; after --crop.", show_default=False),
    ] = None
    crop: Annotated[
        str | None, typer.Option(help="X,Y,W,H: only this part, in pixels of the source.", show_default=False)
    ] = None
    grey: Annotated[bool, typer.Option("--grey", help="Look at the images without their colours.")] = False

    def view(self) -> "View":
        """Return it as the library takes it."""
        from vfi.flow_inputs import View

        size = parse_numbers(self.resize, "x", 2, "--resize", "640x360") if self.resize else None
        part = parse_numbers(self.crop, ",", 4, "--crop", "10,20,640,360") if self.crop else None
        if 0 in (size or ()) or 0 in (part or ())[2:]:
            raise typer.BadParameter("a width and a height are 1 or more", param_hint="--resize / --crop")
        return View(size, part, self.grey)  # type: ignore[arg-type]


@dataclass(frozen=True)
class VideoEncoder:
    """How a video of flow is encoded."""

    codec: Annotated[
        str | None, typer.Option("--codec", help="Encoder of a video: libx264, ffv1, ...", show_default=False)
    ] = None
    crf: Annotated[
        int | None, typer.Option("--crf", help="Quality of a video: lower is better.", show_default=False)
    ] = None

    def encoding(self) -> "Encoding":
        """Return it as the library takes it."""
        from vfi.media import Encoding

        return Encoding(self.codec, self.crf)


def run_flow_command(
    inputs: Annotated[list[Path], typer.Argument(help="Two images, folders of images, or videos.", show_default=False)],
    *,
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
    excerpt: NumberedExcerpt,
    looking: Looking,
    hardware: Hardware,
    batch: Annotated[int, typer.Option(min=1, help="Pairs at a time.")] = 1,
    overwrite: Overwrite = False,
    telling: Telling,
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
    view = looking.view()
    wanted = FlowOutput(output != "viz", output != "raw", format, half, bidirectional, max_flow, one_scale, legend)
    sources = open_inputs(inputs, excerpt.part(), excerpt.numbers())
    estimate, _ = find_estimator(model, hardware.device, hardware.precision, backend)
    with progress_bar("flow", unit="pairs", quiet=telling.quiet) as progress:
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
    said = (
        f"wrote the flow of {summary.pairs} pair{'s' * (summary.pairs != 1)} in {summary.files} files to "
        f"{', '.join(map(str, summary.folders))}: motion {summary.mean_motion:.2f} px on average, "
        f"{summary.largest_motion:.1f} px at most; {summary.seconds:.1f} s"
    )
    telling.tell(
        "\n".join([said, *(f"note: {note}" for note in summary.notes)]),
        json.dumps(dataclasses.asdict(summary), indent=2, default=str),
    )


def flow_video_command(
    source: Annotated[Path, typer.Argument(help="Video to read.", show_default=False)],
    *,
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
    excerpt: NumberedExcerpt,
    looking: Looking,
    encoder: VideoEncoder,
    hardware: Hardware,
    overwrite: Overwrite = False,
    telling: Telling,
) -> None:
    """Make a video's flow a video in colours, with one scale for all its frames, and its times and sound.

    [bold]Example:[/bold] vfi flow video film.mp4 -o flow.mp4 --max-flow 20
    """
    from flow.by_name import find_estimator
    from vfi.outputs import refuse_existing, video_name

    view, part = looking.view(), excerpt.part_of(source)
    output = placed(output, Path(video_name(source, "flow")))
    refuse_existing(output, overwrite)
    estimate, _ = find_estimator(model, hardware.device, hardware.precision)

    from vfi.flow_video import color_video

    with progress_bar(source.name, quiet=telling.quiet) as progress:
        summary = color_video(
            source,
            output,
            estimate,
            max_flow=max_flow,
            legend=legend,
            view=view,
            part=part,
            encoding=encoder.encoding(),
            overwrite=overwrite,
            progress=progress,
        )
    telling.tell(describe_flow_video(summary), json_document(dataclasses.asdict(summary)))


def describe_flow_video(summary: "FlowVideoSummary") -> str:
    """Say what was written, in a few lines."""
    width, height = summary.size
    line = f"wrote {summary.output}: {summary.frames} frames, {float(summary.duration):.3f} s, {width}x{height}"
    if summary.max_flow is not None:
        line += f", full colours at {summary.max_flow:.3g} px"
    return "\n".join([line, *(f"note: {note}" for note in summary.notes)])


def flow_arrows_command(
    inputs: Annotated[
        list[Path], typer.Argument(help="Two images, an image with --flow, or a video.", show_default=False)
    ],
    *,
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
    excerpt: NumberedExcerpt,
    looking: Looking,
    encoder: VideoEncoder,
    hardware: Hardware,
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
    from vfi.outputs import refuse_existing, video_name

    red, green, blue = parse_numbers(color, ",", 3, "--color", "255,255,0")
    if max(red, green, blue) > 255:
        raise typer.BadParameter(f"{color!r} goes beyond 255", param_hint="--color")
    view = looking.view()
    first, still = inputs[0], inputs[0].suffix.lower() in IMAGE_SUFFIXES
    if len(inputs) != (2 if still and flow is None else 1) or (flow is not None and not still):
        raise typer.BadParameter("give two images, one image with --flow, or one video")
    if still and any(dataclasses.astuple(excerpt)):
        raise typer.BadParameter("images have neither times nor numbers: leave out --start, --end and --frames")
    part = excerpt.part_of(first)
    output = placed(output, Path(f"{first.stem}_arrows.png" if still else video_name(first, "arrows")))
    refuse_existing(output, overwrite)
    estimate, _ = find_estimator(model, hardware.device, hardware.precision)

    from vfi.flow_video import ArrowStyle, arrow_picture, arrow_video

    style = ArrowStyle(spacing, scale, threshold, (red, green, blue), everywhere)
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
                encoding=encoder.encoding(),
                overwrite=overwrite,
                progress=progress,
            )
            said = describe_flow_video(summary)
    if not quiet:
        typer.echo(said)


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
