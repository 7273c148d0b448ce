"""The training of an interpolation model: its recipe, its data and its loss."""

import functools
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from flow.fit import Fit, FitRecipe, Validate, warm_up
from vfi.corpus import Batch, Corpus, Sampling
from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.losses import parse_loss
from vfi.models import build_model, start_from
from vfi.models.flow_fusion import FlowFusion
from vfi.objective import Weights, objective
from vfi.triplets import Triplet, count_triplets, read_triplets


@dataclass(frozen=True, kw_only=True)
class Recipe(FitRecipe):
    """Everything a training depends on, apart from its model and data."""

    steps: int = 10_000
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


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the rate at a step: linear warm-up, then a cosine down to a twentieth.

    >>> [round(learning_rate(Recipe(steps=200, lr=1.0), step), 3) for step in (0, 99, 150, 200)]
    [0.01, 1.0, 0.525, 0.05]
    """
    along = max(0, step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, along)))
    return recipe.lr * warm_up(recipe, step) * (0.05 + 0.95 * cosine)


class Training(Fit):
    """An interpolation model that learns from a corpus of videos."""

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
        self.corpus, self.criterion = corpus, parse_loss(recipe.loss)
        make = functools.partial(make_optimizer, recipe)
        super().__init__(
            name, model, make, recipe, run,
            batch=recipe.sampling.batch, device=device, validate=validate, began_from=began_from, workers=workers,
        )  # fmt: skip

    def data(self) -> dict[str, Any]:
        return {"clips": len(self.corpus.clips)}

    def rate(self) -> float:
        return learning_rate(self.recipe, self.step)

    def make(self, step: int) -> Batch:
        batch = self.corpus.batch(self.recipe.sampling, self.recipe.seed, step)
        if isinstance(self.model, FlowFusion):
            # DIS runs on the CPU: found here, no GPU waits for it.
            batch = batch._replace(start=self.model.start(batch.before, batch.after))
        return batch

    def loss(self, made: Batch) -> Tensor:
        with self.autocast():
            return objective(self.model, made.to(self.device), self.criterion, self.recipe.weights)


def open_training(
    name: str,
    config: dict[str, Any],
    videos: Sequence[Path],
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

    init: a model whose weights to begin with, but for the parts ``anew``; validation: triplets to score on, else a
    single video's own end is held out; workers: threads that make batches ahead of time, if None one for each core
    with a GPU, and none without, where they would be in the way. Raises ValueError with what is wrong.
    """
    torch.manual_seed(recipe.seed)
    model = build_model(name, config)
    if not any(True for _ in model.parameters()):
        raise ValueError(f"{name} has nothing to learn: choose flow-fusion or flow-free")
    began_from = start_from(model, init, anew) if init else None
    corpus = Corpus(videos, cache, hold_out=len(videos) == 1 and validation is None, progress=progress)
    judge = Interpolator(model, device, precision)
    known: Callable[[], Iterable[Triplet]] | None = None
    if validation is not None:
        count_triplets(validation)  # so that a wrong path is told now and not after hours
        known = functools.partial(read_triplets, validation)
    elif corpus.held_out:
        known = corpus.held_out_triplets

    def validate(candidate: nn.Module) -> dict[str, float]:
        assert known is not None
        judge.model = candidate
        report = evaluate(judge, known())
        return {"psnr": report.psnr, "ssim": report.ssim, "ie": report.ie}

    recipe = replace(recipe, precision=judge.precision)
    return Training(
        name,
        model,
        corpus,
        recipe,
        run,
        device=judge.device,
        validate=validate if known else None,
        began_from=began_from,
        workers=workers if workers is not None else (os.cpu_count() or 1) * (judge.device.type != "cpu"),
    )
