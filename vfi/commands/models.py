"""`vfi models`, and `vfi export`: what models there are, and files of them for others."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from vfi.commands.options import (
    DEFAULT_MODEL,
    AsJson,
    ExportedFile,
    ExportFormat,
    FallBack,
    ModelArgument,
    Overwrite,
)
from vfi.commands.places import placed
from vfi.commands.terminal import json_document


def list_models(as_json: AsJson = False) -> None:
    """List the models that need no file, with their sizes and what they were trained on."""
    from flow.checkpoint import load_checkpoint, shipped_checkpoints
    from flow.choices import NETWORKS
    from vfi.choices import MODELS, UNTRAINED

    networks = shipped_checkpoints(NETWORKS)
    files = shipped_checkpoints(MODELS) | networks
    listed: list[dict[str, Any]] = []
    for name in sorted({*files, *UNTRAINED}):
        kind = "optical flow" if name in networks else "interpolation"
        checkpoint = None if name in UNTRAINED else load_checkpoint(files[name])
        size = sum(weight.numel() for weight in checkpoint.weights.values()) if checkpoint else 0
        listed.append(
            {"name": name, "kind": kind, "parameters": size, "samples": checkpoint.samples if checkpoint else 0}
        )
    if as_json:
        typer.echo(json_document(listed))
        return
    for model in listed:
        if not model["parameters"]:
            typer.echo(f"{model['name']}: no training needed")
            continue
        kind = "flow network, " if model["name"] in networks else ""
        size, samples = model["parameters"] / 1e6, model["samples"]
        typer.echo(f"{model['name']}: {kind}{size:.2f} M parameters, trained on {samples} crops")


def show_model(
    model: Annotated[str, typer.Argument(help="A shipped model's name or a .safetensors file.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show what a model is: its file and checksum, sizes, work for a frame, and what it was trained on.

    [bold]Example:[/bold] vfi models info flow-fusion
    """
    from vfi.choices import check_any_model

    check_any_model(model)

    from vfi.models.card import model_card

    card = model_card(model)
    typer.echo(json_document(dataclasses.asdict(card)) if as_json else str(card))


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


def export_command(
    model: ModelArgument = DEFAULT_MODEL,
    format: ExportFormat = "onnx",
    output: ExportedFile = None,
    fallback: FallBack = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Convolve in 8 bits: faster on most CPUs, frames as good (onnx, openvino).")
    ] = False,
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
    from vfi.choices import check_fallback, check_model
    from vfi.outputs import refuse_existing

    check_model(model)
    if fallback is not None:
        check_fallback(fallback)
    output = placed(output, Path(f"{Path(model).stem}{ending_of(format)}"))
    for file in files_of(output, format):
        refuse_existing(file, overwrite)

    from vfi.export import export_model
    from vfi.interpolator import Interpolator

    interpolator = Interpolator.load(model, "cpu", "float32", fallback=fallback, backend="torch")
    written = export_model(interpolator.model, output, format, int8)
    typer.echo(json_document(dataclasses.asdict(written)) if as_json else str(written))
