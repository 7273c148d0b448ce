"""`vfi train`: a model that learns from a corpus, or from one video."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand

from vfi.commands.config import ConfigFile
from vfi.commands.options import DEFAULT_MODEL, Hardware
from vfi.commands.parsing import parse_duration
from vfi.commands.terminal import is_first_process, progress_bar
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
    from vfi.evaluate import Report


class TrainVideo(TyperCommand):
    """Training on a corpus with the defaults that suit a single video."""

    DEFAULTS: ClassVar = {
        "model": "flow-free", "steps": 2000, "loss": "l1", "lr": 1e-3, "crop": 128, "spans": "2", "validate_every": 500
    }  # fmt: skip

    HELP = (
        "Learn one video's own frames; then upsample it with the model that this writes.\n\n"
        "Its last tenth is held out; what was gained there is told at the end.\n\n"
        "All else is as in vfi train corpus, with other defaults.\n\n"
        "[bold]Example:[/bold] vfi train video clip.mp4 --budget 5m --run runs/clip"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for parameter in self.params:
            parameter.default = self.DEFAULTS.get(parameter.name, parameter.default)


def train_command(
    context: typer.Context,
    source: Annotated[
        list[Path],
        typer.Argument(help="Videos, or folders of videos, frames, Vimeo-90K or .tar shards.", show_default=False),
    ],
    *,
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
    budget: Annotated[
        str | None,
        of_learning(help="How long to learn at most, if the steps take longer: 60s, 5m.", show_default=False),
    ] = None,
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
    hardware: Hardware,
) -> None:
    """Train on a corpus; Ctrl+C saves, and the same command goes on from there.

    A corpus is told apart by itself: videos, folders of consecutive frames (GoPro, X4K1000FPS), Vimeo-90K triplets and
    septuplets by their training lists, and WebDataset shards (KEY.im1.png KEY.im2.png ... or KEY.mp4). Frames are read
    where they lie; videos are decoded into --cache first.

    [bold]Examples:[/bold]

    vfi train corpus videos --val val.csv --run runs/first

    torchrun --nproc-per-node 2 --no-python -- vfi train corpus vimeo_septuplet shards --config my.toml
    """
    lengths, sizes = parse_spans(spans), parse_model_config(model_config)
    seconds = parse_duration(budget, "--budget")
    hardware.check()

    from vfi.corpus import Sampling
    from vfi.objective import Weights
    from vfi.train import Recipe, open_training

    teacher = teacher_weight > 0 and model == "flow-fusion"
    recipe = Recipe(
        steps=steps, budget=seconds, accumulate=accumulate, loss=loss,
        weights=Weights(frame_weight, level_weight, teacher_weight),
        sampling=Sampling(
            batch, crop, shrink, lengths, static, teacher=teacher, synthetic=synthetic, largest=largest
        ),
        optimizer=optimizer, lr=lr, warmup=warmup, ema=ema, seed=seed, freeze=tuple(freeze or []),
        validate_every=validate_every,
    )  # fmt: skip
    with progress_bar("decoding", unit="videos") as progress:
        training = open_training(
            model, sizes, source, recipe, run or Path("runs") / model, init=init,
            anew=anew or [], cache=cache.expanduser(), validation=val, workers=workers,
            progress=progress, **dataclasses.asdict(hardware),
        )  # fmt: skip
    if is_first_process():
        corpus = training.corpus
        typer.echo(
            f"learning from {corpus.frames} frames in {len(corpus.clips)} clip{'s' * (len(corpus.clips) != 1)}",
            err=True,
        )
        if training.validate is None:
            typer.echo("note: nothing is held out to validate on: name triplets with --val", err=True)
    after = follow(training, context)
    if training.unseen is not None and after:
        typer.echo(comparison(training.unseen.before, after, training.unseen.trip_gain(training.result.eval())))


def comparison(before: "Report", after: dict[str, float], trip_gain: float) -> str:
    """Say what was gained on the frames that were held out, and on round trips of them, in dB."""
    gain = after["psnr"] - before.psnr
    return (
        f"PSNR {before.psnr:.2f} -> {after['psnr']:.2f} dB ({gain:+.2f}), SSIM {before.ssim:.4f} -> {after['ssim']:.4f}"
        f" on {len(before.items)} held-out frames"
        + ("" if gain > 0 else ": it does not help there")
        + f"\n{trip_gain:+.2f} dB where they are made of frames that were made, half way to them"
        + ("" if trip_gain >= 0 else ": it has learnt what is so of longer gaps alone")
    )


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
