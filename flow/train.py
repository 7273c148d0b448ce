"""The training of a flow network: a run folder that can be resumed at any time with the same curve."""

import csv
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel

from flow.augment import Augmentation, augment
from flow.checkpoint import CheckpointError, fitting_weights, load_checkpoint, save_checkpoint
from flow.datasets import FlowDataset
from flow.device import choose_device, choose_precision
from flow.estimator import FlowEstimator
from flow.evaluate import evaluate_flow
from flow.losses import WEIGHTS, endpoint_loss, multiscale_loss
from flow.models import build_flow_model
from flow.models.flownet import FlowNet, enlarge

Validate = Callable[[FlowNet], dict[str, float]]
_FIELDS = ("step", "loss", "lr", "images_per_second", "epe", "fl_all")
_GRID = 64  # the coarsest grid of a decoder is that much coarser than the frames


@dataclass(frozen=True)
class Schedule:
    """A rate of learning that is halved now and then."""

    steps: int  # for which it was made; fewer or more steps scale it
    lr: float  # at the beginning
    halved_at: tuple[int, ...]


SCHEDULES = {
    "s-short": Schedule(600_000, 1e-4, (300_000, 400_000, 500_000)),
    "s-long": Schedule(1_200_000, 1e-4, (400_000, 600_000, 800_000, 1_000_000)),
    "s-fine": Schedule(500_000, 1e-5, (200_000, 300_000, 400_000)),
    "constant": Schedule(1, 1e-4, ()),
}
"""Those of FlowNet 2.0, which came after S_long with S_fine. Source: Ilg 2016, arXiv:1612.01925, figure 3."""


@dataclass(frozen=True)
class Recipe:
    """Everything a training depends on, apart from its model and data."""

    steps: int = 600_000
    schedule: str = "s-short"  # a name in `SCHEDULES`, stretched to the steps
    lr: float | None = None  # at the beginning; None for the schedule's own
    warmup: int = 0  # steps of linear warm-up
    batch: int = 8
    augmentation: Augmentation = field(default_factory=Augmentation)  # its crop is what a step sees
    loss: str = "multiscale"  # or epe: of the finest flow alone, at full size, in pixels
    weights: tuple[float, ...] = WEIGHTS  # of the levels, finest first
    reduction: str = "sum"  # over the pixels of a level, or mean
    sparse: bool = False  # the truth is known at few pixels, as in KITTI
    optimizer: str = "adam"  # or adamw
    weight_decay: float = 4e-4  # of weights, not of biases and norms
    ema: float = 0.0  # how much of the averaged weights each step keeps; 0 keeps the weights themselves
    clip: float = 0.0  # norm the gradient is clipped to; 0 leaves it
    precision: str = "float32"  # or bfloat16
    seed: int = 0
    freeze: tuple[str, ...] = ()  # parts of the model that keep their weights, such as the first networks of a stack
    validate_every: int = 5000  # steps
    save_every: float = 300.0  # seconds


@dataclass(frozen=True)
class Progress:
    """Where a training is."""

    step: int
    steps: int
    loss: float  # mean since the last report
    lr: float
    images_per_second: float  # pairs that were learnt from since the last report
    scores: dict[str, float] | None  # what validation said, on the steps that it ran


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the rate at a step: linear warm-up, then the schedule's halvings, scaled to the recipe's steps.

    >>> [learning_rate(Recipe(steps=12, schedule="s-long"), step) for step in (0, 3, 4, 6, 8, 10, 11)]
    [0.0001, 0.0001, 5e-05, 2.5e-05, 1.25e-05, 6.25e-06, 6.25e-06]
    """
    schedule = SCHEDULES[recipe.schedule]
    lr = schedule.lr if recipe.lr is None else recipe.lr
    if step < recipe.warmup:
        return lr * (step + 1) / recipe.warmup
    return lr * 0.5 ** sum(step * schedule.steps >= at * recipe.steps for at in schedule.halved_at)


def check_recipe(recipe: Recipe) -> None:
    """Raise ValueError that says what of a recipe cannot be followed."""
    if recipe.schedule not in SCHEDULES:
        raise ValueError(f"unknown schedule {recipe.schedule!r}: use {', '.join(SCHEDULES)}")
    if recipe.loss not in ("multiscale", "epe"):
        raise ValueError(f"unknown loss {recipe.loss!r}: use multiscale or epe")
    if recipe.optimizer not in ("adam", "adamw"):
        raise ValueError(f"unknown optimizer {recipe.optimizer!r}: use adam or adamw")
    if recipe.precision not in ("float32", "bfloat16"):
        raise ValueError(f"unknown precision {recipe.precision!r} to train in: use float32 or bfloat16")
    height, width = recipe.augmentation.crop
    if min(height, width) < _GRID or height % _GRID or width % _GRID:
        raise ValueError(f"the crop is {height} x {width}: use sides that are multiples of {_GRID}")
    if recipe.steps < 1 or recipe.batch < 1:
        raise ValueError(f"there are {recipe.steps} steps of {recipe.batch} pairs: use one or more of both")


def sample_order(seed: int, length: int, first: int, count: int) -> list[int]:
    """Return which samples come at the places ``first`` to ``first + count``: all once in each round, then shuffled.

    >>> sorted(sample_order(0, 4, 4, 4))
    [0, 1, 2, 3]
    """
    order: list[int] = []
    for epoch in range(first // length, (first + count - 1) // length + 1):
        shuffled = np.random.default_rng([seed, epoch]).permutation(length)
        start, end = max(0, first - epoch * length), min(length, first + count - epoch * length)
        order += shuffled[start:end].tolist()
    return order


@dataclass(frozen=True)
class Batch:
    """What a step sees."""

    frame0: Tensor  # (B, 3, H, W) float32 in [0, 1]
    frame1: Tensor
    flow: Tensor  # (B, 2, H, W) float32 in pixels, 0 where unknown
    valid: Tensor  # (B, 1, H, W) bool

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        parts = (self.frame0, self.frame1, self.flow, self.valid)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))


def make_batch(dataset: FlowDataset, recipe: Recipe, step: int) -> Batch:
    """Return the batch of a step, a function of the recipe's seed and the step alone."""
    first = step * recipe.batch
    samples = [
        augment(dataset[index], recipe.augmentation, np.random.default_rng([recipe.seed, 1, first + place]))
        for place, index in enumerate(sample_order(recipe.seed, len(dataset), first, recipe.batch))
    ]

    def stack(arrays: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)

    return Batch(
        stack([sample.frame0 for sample in samples]).float() / 255,
        stack([sample.frame1 for sample in samples]).float() / 255,
        stack([sample.flow for sample in samples]).contiguous(),
        stack([sample.valid[..., None] for sample in samples]).contiguous(),
    )


class Batches:
    """The batches of the steps from one on, made ahead of time in threads; whatever these do, the order is the same."""

    def __init__(self, dataset: FlowDataset, recipe: Recipe, step: int, workers: int) -> None:
        self.dataset, self.recipe, self.step, self.ahead = dataset, recipe, step, workers + 1
        self._pool = ThreadPoolExecutor(workers) if workers else None
        self._coming: deque[Future[Batch]] = deque()

    def next(self) -> Batch:
        """Return the batch of the next step; raises what reading it raised."""
        step = self.step
        self.step += 1
        if self._pool is None:
            return make_batch(self.dataset, self.recipe, step)
        while len(self._coming) < self.ahead and step + len(self._coming) < self.recipe.steps:
            made = self._pool.submit(make_batch, self.dataset, self.recipe, step + len(self._coming))
            self._coming.append(made)
        return self._coming.popleft().result()

    def close(self) -> None:
        """Stop the threads."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)


class Curve:
    """The curve of a run: a CSV file, and tensorboard's event file."""

    def __init__(self, run: Path, step: int = 0) -> None:
        """Go on after ``step``; what an interrupted run wrote beyond it is dropped."""
        # tensorboard takes a second to import, and only a training needs it.
        from torch.utils.tensorboard import SummaryWriter

        self.table = run / "curve.csv"
        rows: list[dict[str, str]] = []
        if self.table.exists():
            with self.table.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
        with self.table.open("w", newline="") as file:
            writer = csv.DictWriter(file, _FIELDS)
            writer.writeheader()
            writer.writerows(rows)
        self.events = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else None)

    def add(self, now: Progress) -> None:
        """Note where the training is."""
        values = {"loss": now.loss, "lr": now.lr, "images_per_second": now.images_per_second} | (now.scores or {})
        with self.table.open("a", newline="") as file:
            csv.DictWriter(file, _FIELDS).writerow(
                {"step": now.step} | {name: f"{value:.6g}" for name, value in values.items()}
            )
        for name, value in values.items():
            self.events.add_scalar(name, value, now.step)

    def close(self) -> None:
        """Finish the event file."""
        self.events.close()


class Training:
    """A network on its way, with its optimiser, its average and its place in the run."""

    def __init__(
        self,
        name: str,
        model: FlowNet,
        dataset: FlowDataset,
        recipe: Recipe,
        run: Path,
        *,
        device: torch.device | str = "cpu",
        validate: Validate | None = None,
        began_from: dict[str, Any] | None = None,
        workers: int = 0,
    ) -> None:
        """``name`` is the model's in its table; the run folder is made, or resumed if it holds a state.

        ``began_from`` is what the weights went through before this training, for the record; ``workers`` is how many
        threads make batches ahead of time. Raises ValueError if the recipe cannot be followed, or the run folder holds
        the training of another model.
        """
        check_recipe(recipe)
        self.name, self.dataset, self.recipe, self.run = name, dataset, recipe, run
        self.validate, self.began_from, self.workers = validate, began_from, workers
        self.device = torch.device(device)
        self.model = model.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._freeze()
        self.average = AveragedModel(self.model, avg_fn=self._average, use_buffers=True) if recipe.ema else None
        self.optimizer = make_optimizer(recipe, self.model)
        self.step = 0
        self.seconds = 0.0
        self._losses: list[float] = []  # since the last report
        self.state_file, self.model_file = run / "state.pt", run / "model.safetensors"
        run.mkdir(parents=True, exist_ok=True)
        if self.state_file.exists():
            self._resume()

    def _freeze(self) -> None:
        parts = dict(self.model.named_children())
        for part in self.recipe.freeze:
            if part not in parts:
                raise ValueError(f"{self.name} has no part {part!r} to freeze; its parts are {', '.join(parts)}")
            parts[part].requires_grad_(False)
        if not any(parameter.requires_grad for parameter in self.model.parameters()):
            raise ValueError(f"nothing of {self.name} is left to train: freeze less")

    def _average(self, averaged: Tensor, current: Tensor, count: int | Tensor) -> Tensor:
        if not averaged.is_floating_point():  # a count of batches
            return current
        # Early on the average must not cling to the first, random weights.
        decay = min(self.recipe.ema, (1 + int(count)) / (10 + int(count)))
        return torch.lerp(current, averaged, decay)

    def _resume(self) -> None:
        state = torch.load(self.state_file, map_location=self.device, weights_only=True)
        if (state["name"], state["average"] is None) != (self.name, self.average is None):
            raise ValueError(f"{self.run} holds another training, of {state['name']}: choose another run folder")
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise ValueError(f"{self.run} holds the training of another model: choose another run folder") from error
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self._losses = state["step"], state["seconds"], state["losses"]

    @property
    def result(self) -> FlowNet:
        """The network to use: the averaged one if there is an average."""
        return self.average.module if self.average is not None else self.model  # type: ignore[return-value]

    def save(self) -> None:
        """Write the state to resume from and the network to use, each in one move."""
        partial = self.state_file.with_suffix(".part")
        torch.save(
            {
                "name": self.name,
                "model": self.model.state_dict(),
                "average": self.average.state_dict() if self.average is not None else None,
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "losses": self._losses,
            },
            partial,
        )
        partial.replace(self.state_file)
        save_checkpoint(self.model_file, self.name, self.result, self.trained())

    def trained(self) -> dict[str, Any]:
        """What the weights went through, for the checkpoint's header."""
        return {
            "recipe": asdict(self.recipe),
            "data": self.dataset.name,
            "pairs": len(self.dataset),
            "steps": self.step,
            "samples": self.step * self.recipe.batch,
            "hours": round(self.seconds / 3600, 3),
            "began_from": self.began_from,
        }

    def run_steps(self, report_every: int = 50) -> Iterator[Progress]:
        """Train to the end, yielding now and then; saves on the way, and when the caller stops iterating.

        Raises ValueError if the loss is no longer finite, and what reading a sample raises; the run is saved as it was
        before that step.
        """
        saved = began = time.monotonic()
        seconds, images = 0.0, 0
        curve = Curve(self.run, self.step)
        batches = Batches(self.dataset, self.recipe, self.step, self.workers)
        try:
            while self.step < self.recipe.steps:
                self._losses.append(self._train_step(batches.next()))
                images += self.recipe.batch
                now = time.monotonic()
                seconds += now - began
                self.seconds += now - began
                began = now
                last = self.step == self.recipe.steps
                validating = self.validate is not None and (last or self.step % self.recipe.validate_every == 0)
                if validating or last or self.step % report_every == 0:
                    scores = self._validate() if validating else None
                    progress = Progress(
                        self.step,
                        self.recipe.steps,
                        sum(self._losses) / len(self._losses),
                        self.optimizer.param_groups[0]["lr"],
                        images / max(seconds, 1e-9),
                        scores,
                    )
                    self._losses, seconds, images = [], 0.0, 0
                    curve.add(progress)
                    yield progress
                    began = time.monotonic()
                if time.monotonic() - saved > self.recipe.save_every:
                    self.save()
                    saved = began = time.monotonic()
        finally:
            batches.close()
            self.save()
            curve.close()

    def _train_step(self, batch: Batch) -> float:
        batch = batch.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, self.step)
        self._set_training()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
            levels = self.model.levels(batch.frame0, batch.frame1)
        loss = self._loss([level.float() for level in levels], batch)
        value = loss.item()
        if not math.isfinite(value):
            raise ValueError(f"the loss of step {self.step} is {value}: go on with a lower rate, or clip the gradient")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.step += 1
        return value

    def _set_training(self) -> None:
        self.model.train()
        for part in self.recipe.freeze:  # whose batch norm keeps its statistics, too
            self.model.get_submodule(part).eval()

    def _loss(self, levels: list[Tensor], batch: Batch) -> Tensor:
        if self.recipe.loss == "epe":
            flow = enlarge(levels[0], 2**self.model.finest, self.model.enlarging)
            return endpoint_loss(flow, batch.flow, batch.valid)
        return multiscale_loss(
            levels,
            batch.flow,
            batch.valid,
            weights=self.recipe.weights,
            div_flow=self.model.config.div_flow,
            sparse=self.recipe.sparse,
            reduction=self.recipe.reduction,
        )

    def _validate(self) -> dict[str, float]:
        assert self.validate is not None
        return self.validate(self.result)


def make_optimizer(recipe: Recipe, model: nn.Module) -> Optimizer:
    """Return the recipe's optimiser; biases and norms, which are of one dimension, do not decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    make = {"adam": Adam, "adamw": AdamW}[recipe.optimizer]
    return make([group for group in groups if group["params"]], lr=SCHEDULES[recipe.schedule].lr)


def start_from(model: nn.Module, path: Path) -> dict[str, Any]:
    """Copy the weights of a checkpoint where names and sizes fit; returns what these went through.

    Raises CheckpointError if the file is no checkpoint, or less than half of its numbers fit: networks of different
    widths have a few weights in common, from which nothing can begin.
    """
    checkpoint = load_checkpoint(path)
    fitting = fitting_weights(model, checkpoint.weights)
    share = sum(value.numel() for value in fitting.values()) / sum(v.numel() for v in checkpoint.weights.values())
    if share < 0.5:
        raise CheckpointError(
            f"only {share:.0%} of the weights of {path} fit: begin with a network of the same kind and width "
            f"(it is {checkpoint.model} {checkpoint.config})"
        )
    model.load_state_dict(fitting, strict=False)
    return checkpoint.trained


def open_training(
    name: str,
    config: dict[str, Any],
    dataset: FlowDataset,
    recipe: Recipe,
    run: Path,
    *,
    init: Path | None = None,
    init_parts: Mapping[str, Path] | None = None,
    validation: FlowDataset | None = None,
    validation_pairs: int = 200,
    device: str = "auto",
    precision: str = "auto",
    workers: int = 0,
) -> Training:
    """Begin a training of a network of the table, or take it up again where its run folder left it.

    init: a checkpoint whose weights to begin with; init_parts: for networks of a stack, such as flownetc of
    flownet2-cs, the checkpoints of networks that were trained alone; validation: pairs to score on,
    ``validation_pairs`` of them spread evenly. Raises ValueError with what is wrong.
    """
    place = choose_device(device)
    chosen = choose_precision(precision, place)
    recipe = replace(recipe, precision=str(chosen).removeprefix("torch."))
    check_recipe(recipe)
    torch.manual_seed(recipe.seed)
    model = build_flow_model(name, config)
    began_from = start_from(model, init) if init else None
    if init_parts:
        networks = dict(model.named_children())
        for part in init_parts:
            if part not in networks:
                raise ValueError(f"{name} has no part {part!r} to begin with; its parts are {', '.join(networks)}")
        parts = {part: start_from(networks[part], path) for part, path in init_parts.items()}
        began_from = (began_from or {}) | {"parts": parts}

    def validate(candidate: FlowNet) -> dict[str, float]:
        assert validation is not None
        estimator = FlowEstimator(candidate, str(place), recipe.precision)
        report = evaluate_flow(estimator, validation, limit=validation_pairs).report
        return {"epe": report.epe, "fl_all": report.fl_all}

    return Training(
        name,
        model,
        dataset,
        recipe,
        run,
        device=place,
        validate=validate if validation is not None else None,
        began_from=began_from,
        workers=workers,
    )
