"""The training of a flow network: its recipe with the schedules of FlowNet 2.0, its batches and its loss."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from flow import processes
from flow.augment import Augmentation, augment
from flow.checkpoint import CheckpointError, find_checkpoint, fitting_weights, load_checkpoint
from flow.correspondence import begin_smoothly, can_match, correspondence_loss
from flow.datasets import FlowDataset, KeptDataset
from flow.device import choose_device, choose_precision
from flow.estimator import FlowEstimator
from flow.evaluate import evaluate_flow
from flow.fit import Fit, FitRecipe, Validate, warm_up
from flow.losses import WEIGHTS, endpoint_loss, multiscale_loss
from flow.models import FLOW_MODELS, build_flow_model
from flow.models.flownet import FlowNet
from flow.muon import Muon

_GRID = 64  # the coarsest grid of a decoder is that much coarser than the frames
_APART = 64  # samples that come for the first time between two uses of the same one


@dataclass(frozen=True)
class Schedule:
    """A rate of learning that is halved now and then, or falls evenly to zero."""

    steps: int  # for which it was made; fewer or more steps scale it
    lr: float  # at the beginning
    halved_at: tuple[int, ...]
    falling: bool = False


SCHEDULES = {
    "s-short": Schedule(600_000, 1e-4, (300_000, 400_000, 500_000)),
    "s-long": Schedule(1_200_000, 1e-4, (400_000, 600_000, 800_000, 1_000_000)),
    "s-fine": Schedule(500_000, 1e-5, (200_000, 300_000, 400_000)),
    "constant": Schedule(1, 1e-4, ()),
    "linear": Schedule(1, 1e-4, (), falling=True),
}
"""Those of FlowNet 2.0, which came after S_long with S_fine, and two plain ones.

Source: Ilg 2016, arXiv:1612.01925, figure 3.
"""

OPTIMIZERS = ("adam", "adamw", "muon")


@dataclass(frozen=True, kw_only=True)
class Recipe(FitRecipe):
    """Everything a training depends on, apart from its model and data."""

    steps: int = 600_000
    schedule: str = "s-short"  # a name in `SCHEDULES`, stretched to the steps
    milestones: tuple[int, ...] = ()  # steps at which the rate is halved instead
    lr: float | None = None  # at the beginning; None for the schedule's own
    batch: int = 8
    reuse: int = 1  # times that a sample is read or made once and augmented anew
    augmentation: Augmentation = field(default_factory=Augmentation)  # its crop is what a step sees
    loss: str = "multiscale"  # or epe: of the finest flow alone, at full size, in pixels
    weights: tuple[float, ...] = WEIGHTS  # of the levels, finest first
    reduction: str = "sum"  # over the pixels of a level, or mean
    sparse: bool = False  # the truth is known at few pixels, as in KITTI
    correspondence: float = 0.0  # weight of the loss of a FlowNetC's features, see `flow.correspondence`
    optimizer: str = "adam"  # or adamw, muon
    weight_decay: float = 4e-4  # of weights, not of biases and norms


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the rate at a step: linear warm-up, then the milestones, or the schedule's scaled to the recipe's steps.

    >>> [learning_rate(Recipe(steps=12, schedule="s-long"), step) for step in (0, 3, 4, 6, 8, 10, 11)]
    [0.0001, 0.0001, 5e-05, 2.5e-05, 1.25e-05, 6.25e-06, 6.25e-06]
    >>> [learning_rate(Recipe(steps=4, schedule="linear", lr=1.0), step) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    schedule = SCHEDULES[recipe.schedule]
    lr = schedule.lr if recipe.lr is None else recipe.lr
    if recipe.milestones:
        halvings = sum(step >= at for at in recipe.milestones)
    else:
        halvings = sum(step * schedule.steps >= at * recipe.steps for at in schedule.halved_at)
    left = 1 - step / recipe.steps if schedule.falling else 1.0
    return lr * warm_up(recipe, step) * 0.5**halvings * left


def check_recipe(recipe: Recipe) -> None:
    """Raise ValueError that says what of a recipe cannot be followed."""
    if recipe.schedule not in SCHEDULES:
        raise ValueError(f"unknown schedule {recipe.schedule!r}: use {', '.join(SCHEDULES)}")
    if recipe.loss not in ("multiscale", "epe"):
        raise ValueError(f"unknown loss {recipe.loss!r}: use multiscale or epe")
    if recipe.optimizer not in OPTIMIZERS:
        raise ValueError(f"unknown optimizer {recipe.optimizer!r}: use {', '.join(OPTIMIZERS)}")
    if recipe.precision not in ("float32", "bfloat16"):
        raise ValueError(f"unknown precision {recipe.precision!r} to train in: use float32 or bfloat16")
    height, width = recipe.augmentation.crop
    if min(height, width) < _GRID or height % _GRID or width % _GRID:
        raise ValueError(f"the crop is {height} x {width}: use sides that are multiples of {_GRID}")
    if min(recipe.steps, recipe.batch, recipe.reuse) < 1:
        raise ValueError(
            f"there are {recipe.steps} steps of {recipe.batch} pairs, each used {recipe.reuse} times: use one or more"
        )


def sample_order(seed: int, length: int, first: int, count: int, reuse: int = 1) -> list[int]:
    """Return which samples come at the places ``first`` to ``first + count``: all once in each round, then shuffled.

    reuse: one place in so many has the next sample, the others in turn have those of 64, 128, ... such places ago, so
    that all come ``reuse`` times and a batch is of old and new ones.

    >>> sorted(sample_order(0, 4, 4, 4))
    [0, 1, 2, 3]
    >>> order = sample_order(0, 1000, 0, 400, reuse=2)
    >>> order[2 * 64 + 1 :: 2] == order[: -2 * 64 : 2]
    True
    """
    if reuse > 1:
        # At first there are none so old: then those that are to come.
        places = (abs(place // reuse - place % reuse * _APART) for place in range(first, first + count))
        return [sample_order(seed, length, place, 1)[0] for place in places]
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


def make_batch(dataset: FlowDataset, recipe: Recipe, number: int) -> Batch:
    """Return a batch by its number, a function of the recipe's seed and that number alone."""
    first = number * recipe.batch
    samples = [
        augment(dataset[index], recipe.augmentation, np.random.default_rng([recipe.seed, 1, first + place]))
        for place, index in enumerate(sample_order(recipe.seed, len(dataset), first, recipe.batch, recipe.reuse))
    ]

    def stack(arrays: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)

    return Batch(
        stack([sample.frame0 for sample in samples]).float() / 255,
        stack([sample.frame1 for sample in samples]).float() / 255,
        stack([sample.flow for sample in samples]).contiguous(),
        stack([sample.valid[..., None] for sample in samples]).contiguous(),
    )


class Training(Fit):
    """A flow network that learns from a data set."""

    model: FlowNet
    recipe: Recipe
    scores: ClassVar = {"epe": "EPE (px)", "fl_all": "Fl-all (%)"}

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
        """Begin or resume a training, as `flow.fit.Fit` does.

        Raises ValueError if the recipe cannot be followed, or the run folder holds the training of another model.
        """
        check_recipe(recipe)
        if recipe.correspondence and not can_match(model):
            raise ValueError(f"{name} compares no features to teach correspondence: use flownetc or flownet2-c")
        self.dataset = KeptDataset(dataset, (recipe.reuse + 1) * _APART) if recipe.reuse > 1 else dataset
        make = functools.partial(make_optimizer, recipe)
        super().__init__(
            name, model, make, recipe, run,
            batch=recipe.batch, device=device, validate=validate, began_from=began_from, workers=workers,
        )  # fmt: skip

    def data(self) -> dict[str, Any]:
        return {"data": self.dataset.name, "pairs": len(self.dataset)}

    def rate(self) -> float:
        return learning_rate(self.recipe, self.step)

    def make(self, number: int) -> Batch:
        return make_batch(self.dataset, self.recipe, number)

    def loss(self, made: Batch) -> Tensor:
        batch = made.to(self.device)
        if not self.recipe.correspondence:
            with self.autocast():
                levels = self.model.levels(batch.frame0, batch.frame1)
            return self._flow_loss(levels, batch)
        network: Any = self.model
        with self.autocast():
            features = network.encode(network.pair(batch.frame0, batch.frame1))
            levels = [flow * network.config.div_flow for flow in network.decode(*features)]
        taught = correspondence_loss(features[1], features[2], batch.flow, batch.valid)
        return self._flow_loss(levels, batch) + self.recipe.correspondence * taught

    def _flow_loss(self, levels: list[Tensor], batch: Batch) -> Tensor:
        levels = [level.float() for level in levels]
        if self.recipe.loss == "epe":
            size = (batch.flow.shape[-2], batch.flow.shape[-1])
            return endpoint_loss(self.model.fill(levels[0], size), batch.flow, batch.valid)
        return multiscale_loss(
            levels,
            batch.flow,
            batch.valid,
            weights=self.recipe.weights,
            div_flow=self.model.config.div_flow,
            sparse=self.recipe.sparse,
            reduction=self.recipe.reduction,
        )


def make_optimizer(recipe: Recipe, model: nn.Module) -> Optimizer:
    """Return the recipe's optimiser; biases and norms, which are of one dimension, do not decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    lr = SCHEDULES[recipe.schedule].lr
    if recipe.optimizer == "muon":
        return Muon(groups, lr, transposed=[m.weight for m in model.modules() if isinstance(m, nn.ConvTranspose2d)])
    # Fused, they go through the weights once.
    return {"adam": Adam, "adamw": AdamW}[recipe.optimizer](groups, lr=lr, fused=True)


def start_from(model: nn.Module, name: str) -> dict[str, Any]:
    """Copy the weights of a shipped network by its name, or of a checkpoint by its file, where names and sizes fit.

    Returns what these went through. Raises CheckpointError if there is none, or less than half of its numbers fit:
    networks of different widths have a few weights in common, from which nothing can begin.
    """
    checkpoint = load_checkpoint(find_checkpoint(name, "flow model", FLOW_MODELS))
    fitting = fitting_weights(model, checkpoint.weights)
    share = sum(value.numel() for value in fitting.values()) / sum(v.numel() for v in checkpoint.weights.values())
    if share < 0.5:
        raise CheckpointError(
            f"only {share:.0%} of the weights of {name} fit: begin with a network of the same kind and width "
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
    init: str | None = None,
    init_parts: Mapping[str, str] | None = None,
    validation: FlowDataset | None = None,
    validation_pairs: int = 200,
    device: str = "auto",
    precision: str = "auto",
    workers: int = 0,
) -> Training:
    """Begin a training of a network of the table, or take it up again where its run folder left it.

    init: a shipped network's name, or the file of a checkpoint, whose weights to begin with; init_parts: for networks
    of a stack, such as flownetc of flownet2-cs, those of networks that were trained alone; validation: pairs to score
    on, ``validation_pairs`` of them spread evenly. Raises ValueError with what is wrong.
    """
    processes.meet()
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
        parts = {part: start_from(networks[part], source) for part, source in init_parts.items()}
        began_from = (began_from or {}) | {"parts": parts}
    if recipe.correspondence and began_from is None and can_match(model):
        begin_smoothly(model)

    def validate(candidate: nn.Module) -> dict[str, float]:
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
