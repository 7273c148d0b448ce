"""The training of an interpolation model: its recipe, its data and its loss."""

import functools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from flow import processes
from flow.fit import Fit, FitRecipe, Validate, warm_up
from vfi.corpus import Batch, Corpus, Sampling
from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.losses import parse_loss
from vfi.models import build_model, start_from
from vfi.models.flow_fusion import FlowFusion
from vfi.objective import Weights, objective
from vfi.round_trip import round_trip
from vfi.triplets import Triplet, Triplets, open_triplets
from vfi.validation import Validation

TRIPS = 6  # at most: each takes the time of three frames


@dataclass(frozen=True, kw_only=True)
class Recipe(FitRecipe):
    """Everything a training depends on, apart from its model and data."""

    steps: int = 10_000
    budget: float | None = None  # seconds of learning at most, if the steps take longer
    loss: str = "laplacian"
    weights: Weights = field(default_factory=Weights)
    sampling: Sampling = field(default_factory=Sampling)
    optimizer: str = "adamw"
    lr: float = 4e-4
    weight_decay: float = 1e-4
    warmup: int = 100  # then the rate falls as a cosine to a twentieth
    ema: float = 0.999
    clip: float = 1.0
    validate_every: int = 1000
    save_every: float = 120.0


def make_optimizer(recipe: Recipe, model: nn.Module) -> Optimizer:
    """Return the recipe's optimiser; raises ValueError that lists the known ones."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    if recipe.optimizer == "adam":
        return Adam(parameters, lr=recipe.lr)
    if recipe.optimizer == "adamw":
        return AdamW(parameters, lr=recipe.lr, weight_decay=recipe.weight_decay)
    if recipe.optimizer == "sgd":
        return SGD(parameters, lr=recipe.lr, momentum=0.9)
    raise ValueError(f"unknown optimizer {recipe.optimizer!r}: use adam, adamw or sgd")


def learning_rate(recipe: Recipe, step: int, seconds: float = 0.0) -> float:
    """Return the rate at a step: linear warm-up, then a cosine down to a twentieth.

    seconds: that were spent on learning; where the budget of them is nearer to its end than the steps, it counts.

    >>> [round(learning_rate(Recipe(steps=200, lr=1.0), step), 3) for step in (0, 99, 150, 200)]
    [0.01, 1.0, 0.525, 0.05]
    >>> [round(learning_rate(Recipe(steps=200, lr=1.0, budget=60), 150, seconds), 3) for seconds in (20, 45, 60)]
    [0.525, 0.189, 0.05]
    """
    along = max(0, step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.lr * warm_up(recipe, step) * fall(max(along, seconds / (recipe.budget or math.inf)))


def fall(along: float) -> float:
    """Return by what the rate is multiplied when so much of a training has gone by, 0 to 1: from 1 to a twentieth."""
    return 0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, along)))


class Training(Fit):
    """An interpolation model that learns from a corpus."""

    recipe: Recipe
    scores: ClassVar = {"psnr": "PSNR (dB)", "ssim": "SSIM", "ie": "IE"}

    def __init__(
        self,
        name: str,
        model: nn.Module,
        corpus: Corpus,
        recipe: Recipe,
        run: Path,
        *,
        device: torch.device | str = "cpu",
        validate: Validate | None = None,
        began_from: dict[str, Any] | None = None,
        workers: int = 0,
    ) -> None:
        """Begin or resume a training, as `flow.fit.Fit` does; raises ValueError if the recipe cannot be followed."""
        if recipe.budget is not None and processes.count() > 1:
            raise ValueError("several processes do not end at one second: give them steps, not a budget")
        self.unseen: Unseen | None = None
        self.corpus, self.criterion = corpus, parse_loss(recipe.loss)
        make = functools.partial(make_optimizer, recipe)
        super().__init__(
            name, model, make, recipe, run,
            batch=recipe.sampling.batch, device=device, validate=validate, began_from=began_from, workers=workers,
        )  # fmt: skip

    def data(self) -> dict[str, Any]:
        return self.corpus.summary()

    @property
    def along(self) -> float:
        return max(self.step / self.recipe.steps, self.seconds / (self.recipe.budget or math.inf))

    def rate(self) -> float:
        return learning_rate(self.recipe, self.step, self.seconds)

    def make(self, number: int) -> Batch:
        batch = self.corpus.batch(self.recipe.sampling, self.recipe.seed, number)
        if isinstance(self.model, FlowFusion):
            # DIS runs on the CPU: found here, no GPU waits for it.
            batch = batch._replace(start=self.model.start(batch.before, batch.after))
        return batch

    def loss(self, made: Batch) -> Tensor:
        with self.autocast():
            return objective(self.model, made.to(self.device), self.criterion, self.recipe.weights)


class Unseen:
    """What is held out of a single clip, and how well a model made it before it learnt anything."""

    def __init__(self, judge: Interpolator, triplets: Triplets) -> None:
        """judge: makes the frames, by whatever model it is given, now by one that has learnt nothing."""
        self._judge, total, numbers = judge, triplets.count or 0, count()
        self._trips: list[Triplet] = []
        chosen = {i * total // TRIPS for i in range(TRIPS)}

        def see(triplet: Triplet, _: np.ndarray) -> None:
            if next(numbers) in chosen:
                self._trips.append(triplet)

        self.before = evaluate(judge, triplets, see=see)
        self._trips_before = self._measured()

    def trip_gain(self, model: nn.Module) -> float:
        """Return by how much more PSNR, in dB, a model has on round trips, see `vfi.round_trip`."""
        self._judge.model = model
        return self._measured() - self._trips_before

    def _measured(self) -> float:
        return fmean(round_trip(self._judge, triplet) for triplet in self._trips)


def open_training(
    name: str,
    config: dict[str, Any],
    sources: Sequence[Path],
    recipe: Recipe,
    run: Path,
    *,
    init: str | None = None,
    anew: Sequence[str] = (),
    cache: Path,
    validation: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Training:
    """Begin a training of a model of the table, or take it up again where its run folder left it.

    sources: what the corpus is made of, see `vfi.clips.folders`; init: a model whose weights to begin with, but for
    the parts ``anew``; validation: triplets to score on, else a single clip's own end is held out; workers: threads
    that make batches ahead of time, if None one for each core with a GPU, and none without, where they would be in the
    way. Of the processes that torchrun starts, the first decodes the videos. What is held out is measured before
    anything is learnt. Raises ValueError with what is wrong.
    """
    processes.meet()
    torch.manual_seed(recipe.seed)
    with processes.first_alone():  # which also tells alone what is wrong
        model = build_model(name, config)
        if not any(True for _ in model.parameters()):
            raise ValueError(f"{name} has nothing to learn: choose flow-fusion or flow-free")
        began_from = start_from(model, init, anew) if init else None
        known = open_triplets(validation) if validation is not None else None  # a wrong path is told before decoding
        judge = Interpolator(model, device, precision)
        corpus = Corpus(sources, cache, hold_out=known is None, progress=progress)
    unseen = None
    if known is None and corpus.held_out:
        known = Triplets("held-out end", len(corpus.held_out[0]) - 2, corpus.held_out_triplets)
        if processes.rank() == 0:
            unseen = Unseen(judge, known)
    if workers is None:
        workers = max(1, (os.cpu_count() or 1) // processes.on_this_machine()) * (judge.device.type != "cpu")
    training = Training(
        name,
        model,
        corpus,
        replace(recipe, precision=judge.precision),
        run,
        device=judge.device,
        began_from=began_from,
        workers=workers,
    )
    training.unseen = unseen
    if known is not None:
        validate = Validation(judge, known, run / "samples")
        training.validate = lambda candidate: validate(candidate, training.step)
    return training
