"""`vfi flow train`, `eval`, `export` and `bench`: flow networks learnt, scored, exported and compared."""

import dataclasses
import functools
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfi.commands.config import ConfigFile
from vfi.commands.options import AsJson, ExportedFile, ExportFormat, Hardware, Overwrite, Plot
from vfi.commands.parsing import parse_numbers
from vfi.commands.places import check_picture, placed
from vfi.commands.terminal import progress_bar
from vfi.commands.training import (
    Accumulate,
    Ema,
    Freeze,
    Run,
    Seed,
    ValidateEvery,
    follow,
    of_data,
    of_learning,
    of_loss,
    of_model,
    of_run,
)

if TYPE_CHECKING:
    from flow.datasets import FlowDataset


FlowData = Annotated[
    list[str],
    typer.Argument(
        help="Folder of a public data set, list of 'frame0 frame1 flow', or synthetic:FOLDER of pictures.",
        show_default=False,
    ),
]
Variant = Annotated[str | None, typer.Option(help="clean or final; occ or noc.", show_default=False)]
HeldOut = Annotated[float, typer.Option(help="Share of the split val, where a data set has none of its own.")]


@dataclass(frozen=True)
class Pairs:
    """What is taken of a data set."""

    split: Annotated[str, typer.Option(help="all, train or val.")] = "all"
    variant: Variant = None
    held_out: HeldOut = 0.1
    split_file: Annotated[
        Path | None,
        typer.Option(
            "--split-file",
            help="File with a 1 (train) or a 2 (val) for each pair, if not the data set's own.",
            show_default=False,
        ),
    ] = None

    def of(self, data: list[str]) -> "FlowDataset":
        """Return the pairs of data sets; raises DatasetError if there are none."""
        from flow.datasets import open_datasets

        return open_datasets(data, **dataclasses.asdict(self))


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


def train_flow_command(
    context: typer.Context,
    data: FlowData,
    *,
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
    correspondence: Annotated[
        float,
        of_loss(min=0, help="Weight of a loss that teaches a FlowNetC's features what corresponds; 0: not."),
    ] = 0.0,
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
    hardware: Hardware,
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
        sparse=sparse, correspondence=correspondence, optimizer=optimizer, ema=ema, clip=clip, seed=seed,
        freeze=tuple(freeze or []), validate_every=validate_every,
    )  # fmt: skip
    training = open_training(
        model, {"width": width, "div_flow": div_flow}, dataset, recipe, run or Path("runs") / model, init=init,
        init_parts=parse_parts(init_part or []), validation=validation, workers=workers,
        **dataclasses.asdict(hardware),
    )  # fmt: skip
    follow(training, context)


def evaluate_flow_command(
    model: Annotated[
        str, typer.Argument(help="A flow network's .safetensors file, or dis, dis-filled, farneback, zero.")
    ],
    data: FlowData,
    *,
    pairs: Pairs,
    limit: Annotated[int | None, typer.Option(min=1, help="Pairs at most, spread evenly.", show_default=False)] = None,
    hardware: Hardware,
    as_json: AsJson = False,
) -> None:
    """Score flow where it is known: end-point error, Fl-all, bands of speed, time and memory.

    [bold]Example:[/bold] vfi flow eval dis MPI-Sintel --variant final --split val
    """
    from flow.by_name import find_estimator
    from flow.evaluate import evaluate_flow

    dataset = pairs.of(data)
    estimate, place = find_estimator(model, hardware.device, hardware.precision)
    with progress_bar(f"{model} on {dataset.name}", len(dataset), "pairs") as progress:
        found = evaluate_flow(estimate, dataset, limit=limit, device=place, progress=progress)
    typer.echo(found.to_json() if as_json else str(found))


def export_flow_command(
    model: Annotated[str, typer.Argument(help="A flow network's .safetensors file.", show_default=False)],
    *,
    format: ExportFormat = "onnx",
    output: ExportedFile = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Data set to compare on, if not scenes of noise; repeatable.", show_default=False),
    ] = None,
    pairs: Pairs,
    limit: Annotated[int, typer.Option(min=1, help="Pairs to compare on at most, spread evenly.")] = 8,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a flow network as a file for onnxruntime, OpenVINO or PyTorch, and compare its answers with the network's.

    The file takes two frames (batch, 3, height, width) in 0..1, of any size, and gives their flow in pixels, all in
    float32. Where a flow differs by 0.01 px or more, no file is left. onnx and openvino need
    pip install 'vfi\\[export]'; torch takes longest to write, about a minute for a FlowNet2. A .pt2 may run code of its
    author: trust it first.

    [bold]Example:[/bold] vfi flow export flownets.safetensors --format openvino && vfi flow run a.png b.png
    --model flownets.xml
    """
    from flow.backends import ending_of, files_of
    from flow.choices import check_network
    from vfi.outputs import refuse_existing

    check_network(model)
    output = placed(output, Path(f"{Path(model).stem}{ending_of(format)}"))
    for file in files_of(output, format):
        refuse_existing(file, overwrite)

    from flow.estimator import FlowEstimator
    from flow.export import export_flow

    dataset = pairs.of(data) if data else None
    estimator = FlowEstimator.load(model, "cpu", "float32")
    written = export_flow(estimator, output, format, dataset=dataset, limit=limit)
    typer.echo(written.to_json() if as_json else str(written))


def bench_flow_command(
    data: FlowData,
    *,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A flow network's file, also an exported one; repeatable."),
    ] = None,
    pairs: Pairs,
    limit: Annotated[int, typer.Option(min=1, help="Pairs at most, spread evenly.")] = 50,
    plot: Plot = None,
    hardware: Hardware,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare networks with DIS and Farneback on the same pairs: end-point error, Fl-all, time and size.

    [bold]Example:[/bold] vfi flow bench MPI-Sintel --variant final -m flownets.safetensors -m flownets.onnx
    --plot bench.png
    """
    from flow.bench import bench_flow

    if plot is not None:
        check_picture(plot, "--plot", overwrite)
    dataset = pairs.of(data)
    with progress_bar(dataset.name, unit="pairs") as progress:
        found = bench_flow(
            models or [],
            dataset,
            limit=limit,
            **dataclasses.asdict(hardware),
            progress=progress,
        )
    if plot is not None:
        found.draw(plot)
    typer.echo(found.to_json() if as_json else str(found))
