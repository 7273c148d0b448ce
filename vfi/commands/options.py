"""The options that commands share, each declared once; those that go together make a group, see `command`."""

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfi.commands.parsing import parse_bytes, parse_pairs, parse_positive, parse_time

if TYPE_CHECKING:
    from vfi.interpolator import Interpolator
    from vfi.media import Encoding, Part

DEFAULT_MODEL = "flow-fusion"
CUT_THRESHOLD = 28.0  # vfi.cuts.THRESHOLD, whose import would be slow here

Model = Annotated[
    str,
    typer.Option("--model", "-m", help="A shipped model's name or a .safetensors file.", rich_help_panel="Model"),
]
ModelArgument = Annotated[str, typer.Argument(help="A shipped model's name or a .safetensors file.")]
Methods = Annotated[
    str,
    typer.Option(
        help="Shipped models, .safetensors files, and FFmpeg's minterpolate and minterpolate-best, the same with better"
        " and slower settings; by commas."
    ),
]


Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", rich_help_panel="Model")]


@dataclass(frozen=True)
class Hardware:
    """Where and how precisely to compute."""

    device: Device = "auto"
    precision: Annotated[
        str,
        typer.Option(
            help="auto, float32, bfloat16, float16 on a GPU, or int8 by OpenVINO or onnx (interpolation only).",
            rich_help_panel="Model",
        ),
    ] = "auto"

    def check(self) -> None:
        """Raise ValueError for what cannot be meant, without torch, for whose import nobody should wait in vain."""
        from flow.choices import check_device, check_precision

        check_device(self.device)
        check_precision(self.precision)


@dataclass(frozen=True)
class Motion(Hardware):
    """And how a model finds motion."""

    flow_scale: Annotated[
        str,
        typer.Option(
            help="Size at which motion is estimated and networks run: auto (less of large frames), 1, 1/2, 1/4, 1/8.",
            rich_help_panel="Model",
        ),
    ] = "auto"
    flow: Annotated[
        str | None,
        typer.Option(
            "--flow",
            help="What estimates the motion that the model starts from: dis (the default), dis-torch (the same on"
            " a GPU), or a flow network's name or .safetensors file.",
            show_default=False,
            rich_help_panel="Model",
        ),
    ] = None

    def check(self) -> None:
        from flow.choices import TWO_WAY, check_network, parse_flow_scale

        super().check()
        parse_flow_scale(self.flow_scale)
        if self.flow is not None:
            check_network(self.flow, besides=TWO_WAY)

    def load(self, model: str) -> "Interpolator":
        """Return a model, by its name or file, as it is to compute; raises what `Interpolator.load` does."""
        from vfi.interpolator import Interpolator

        return Interpolator.load(model, **self.wishes())

    def wishes(self) -> dict[str, Any]:
        """Return them as `Interpolator.load` takes them."""
        return dataclasses.asdict(self)


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


@dataclass(frozen=True)
class Making(Motion):
    """And how it makes frames."""

    fallback: FallBack = None
    backend: Annotated[
        str,
        typer.Option(
            help="What computes the frames: torch, openvino, onnx, or auto (OpenVINO on a CPU where it is installed).",
            rich_help_panel="Model",
        ),
    ] = "auto"

    def check(self) -> None:
        from vfi.choices import check_backend, check_fallback

        super().check()
        check_backend(self.backend)
        if self.fallback is not None:
            check_fallback(self.fallback)

    def identity(self, model: str) -> dict[str, str]:
        """Return in words what the frames of a model depend on, see `Interpolator.identity`."""
        from vfi.interpolator import Interpolator

        return Interpolator.identity(model, self.precision, self.flow_scale, self.flow, self.fallback, self.backend)


@dataclass(frozen=True)
class LargeMaking(Making):
    """And how it makes frames that the memory may not hold at once."""

    tile: Annotated[
        str,
        typer.Option(
            help="Large frames are made in tiles: auto (as the memory allows), off, or their side in pixels.",
            rich_help_panel="Model",
        ),
    ] = "auto"
    memory: Annotated[
        str | None,
        typer.Option(
            help="Memory to make do with, 4GB (default: what is free).", show_default=False, rich_help_panel="Model"
        ),
    ] = None

    def check(self) -> None:
        from vfi.choices import parse_tile

        super().check()
        parse_tile(self.tile)
        self.wishes()

    def wishes(self) -> dict[str, Any]:
        return super().wishes() | {"memory": self.memory and parse_bytes(self.memory, "--memory")}


@dataclass(frozen=True)
class Excerpt:
    """What is taken of a video."""

    start: Annotated[
        str | None,
        typer.Option(
            help="Of the video: from this time on, 90.5, 1:30 or 1:02:03.", show_default=False, rich_help_panel="Timing"
        ),
    ] = None
    end: Annotated[
        str | None,
        typer.Option(help="Of the video: until before this time.", show_default=False, rich_help_panel="Timing"),
    ] = None

    def part(self) -> "Part":
        """Return it as the library takes it."""
        from vfi.media import Part

        return Part(parse_time(self.start, "--start"), parse_time(self.end, "--end"))


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

Course = Annotated[
    str,
    typer.Option(
        help="How things move between two frames: curved (as the frames before and after tell), or straight (evenly).",
        rich_help_panel="Content",
    ),
]


@dataclass(frozen=True)
class Encoder:
    """How a film is encoded."""

    codec: Annotated[
        str | None, typer.Option(help="Encoder: libx264, libx265, libvpx-vp9, ffv1, ...", rich_help_panel="Encoding")
    ] = None
    crf: Annotated[
        int | None,
        typer.Option(help="Quality: lower is better and larger; 0 is lossless in x264.", rich_help_panel="Encoding"),
    ] = None
    preset: Annotated[
        str | None, typer.Option(help="Encoder speed: ultrafast to veryslow.", rich_help_panel="Encoding")
    ] = None
    pix_fmt: Annotated[
        str | None, typer.Option(help="Pixel format: yuv420p, yuv420p10le, ...", rich_help_panel="Encoding")
    ] = None
    encoder_opt: Annotated[
        list[str] | None, typer.Option(help="key=value for the encoder; repeatable.", rich_help_panel="Encoding")
    ] = None

    def encoding(self) -> "Encoding":
        """Return it as the library takes it; raises WishError for what a codec does not take."""
        from vfi.media import Encoding
        from vfi.media.encoding import check_encoding

        encoding = Encoding(self.codec, self.crf, self.preset, self.pix_fmt, parse_pairs(self.encoder_opt or []))
        check_encoding(encoding)
        return encoding


@dataclass(frozen=True)
class Chunks:
    """How a film comes to be that may be interrupted."""

    workdir: Annotated[
        Path | None,
        typer.Option(
            "--workdir",
            help="Folder in which the film comes to be, chunk by chunk (default: .OUTPUT.vfi beside the output);"
            " processes with the same one share the work.",
            show_default=False,
            rich_help_panel="Interruptions",
        ),
    ] = None
    chunk: Annotated[
        str,
        typer.Option(
            "--chunk", help="Seconds of film in a chunk, which a crash costs at most.", rich_help_panel="Interruptions"
        ),
    ] = "10"
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin an interrupted film anew.", rich_help_panel="Interruptions")
    ] = False

    def seconds(self) -> Fraction:
        """Return how long a chunk lasts."""
        return parse_positive(self.chunk, "--chunk")


Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the output if it exists.", rich_help_panel="Output")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.", rich_help_panel="Output")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no report.", rich_help_panel="Output")]


@dataclass(frozen=True)
class Telling:
    """How to say what came of the work."""

    as_json: AsJson = False
    quiet: Quiet = False

    @property
    def in_words(self) -> bool:
        return not (self.as_json or self.quiet)

    def tell(self, words: object, document: str, err: bool = False) -> None:
        """Print the one or the other, or nothing; ``err``: where standard output holds something else."""
        if self.as_json:
            typer.echo(document, err=err)
        elif not self.quiet:
            typer.echo(str(words), err=err)


Plot = Annotated[
    Path | None,
    typer.Option(help="Picture (.png) of quality by time.", show_default=False, rich_help_panel="Output"),
]
ExportFormat = Annotated[str, typer.Option("--format", "-f", help="onnx, openvino or torch (torch.export).")]
ExportedFile = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="File to write: .onnx, .xml, .pt2 (default: MODEL's name here).", show_default=False
    ),
]
