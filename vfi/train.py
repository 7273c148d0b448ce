"""The training loop: a run folder that can be resumed at any time with the same curve."""

import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel

from flow.checkpoint import save_checkpoint
from vfi.corpus import Corpus, Sampling
from vfi.curves import Curves
from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.losses import parse_loss
from vfi.models import build_model, start_from
from vfi.objective import Weights, objective
from vfi.triplets import Triplet, count_triplets, read_triplets

Validate = Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True)
class Recipe:
    """Everything a training depends on, apart from its model and data."""

    steps: int = 10_000
    loss: str = "laplacian"
    weights: Weights = field(default_factory=Weights)
    sampling: Sampling = field(default_factory=Sampling)
    optimizer: str = "adamw"
    lr: float = 4e-4
    weight_decay: float = 1e-4
    warmup: int = 100  # steps of linear warm-up; then the rate falls as a cosine to a twentieth
    ema: float = 0.999
    clip: float = 1.0  # norm the gradient is clipped to
    precision: str = "float32"  # or bfloat16
    seed: int = 0
    freeze: tuple[str, ...] = ()  # parts of the model that keep their weights, such as flow
    validate_every: int = 1000  # steps
    save_every: float = 120.0  # seconds


@dataclass(frozen=True)
class Progress:
    """Where a training is."""

    step: int
    steps: int
    loss: float  # mean since the last report
    lr: float
    scores: dict[str, float] | None  # what validation said, on the steps that it ran


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
    if step < recipe.warmup:
        return recipe.lr * (step + 1) / recipe.warmup
    along = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, along)))
    return recipe.lr * (0.05 + 0.95 * cosine)


class Training:
    """A model on its way, with its optimiser, its average and its place in the run."""

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
    ) -> None:
        """``name`` is the model's in its table; the run folder is made, or resumed if it holds a state.

        ``began_from`` is what the weights went through before this training, for the record.
        """
        self.began_from = began_from
        self.name, self.corpus, self.recipe, self.run, self.validate = name, corpus, recipe, run, validate
        self.device = torch.device(device)
        self.loss = parse_loss(recipe.loss)
        self.model = model.to(self.device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        parts = dict(self.model.named_children())
        for part in recipe.freeze:
            if part not in parts:
                raise ValueError(f"{name} has no part {part!r} to freeze; its parts are {', '.join(parts)}")
            parts[part].requires_grad_(False)
        self.average = AveragedModel(self.model, avg_fn=self._average)
        self.average.eval()
        self.optimizer = make_optimizer(recipe, self.model)
        self.step = 0
        self.seconds = 0.0
        self.state_file, self.model_file = run / "state.pt", run / "model.safetensors"
        run.mkdir(parents=True, exist_ok=True)
        if self.state_file.exists():
            self._resume()

    def _average(self, averaged: torch.Tensor, current: torch.Tensor, count: int | torch.Tensor) -> torch.Tensor:
        # Early on the average must not cling to the first, random weights.
        decay = min(self.recipe.ema, (1 + int(count)) / (10 + int(count)))
        return torch.lerp(current, averaged, decay)

    def _resume(self) -> None:
        state = torch.load(self.state_file, map_location=self.device, weights_only=True)
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise ValueError(f"{self.run} holds the training of another model: choose another run folder") from error
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]

    def save(self) -> None:
        """Write the state to resume from and the averaged model, each in one move."""
        partial = self.state_file.with_suffix(".part")
        torch.save(
            {
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
            },
            partial,
        )
        partial.replace(self.state_file)
        save_checkpoint(self.model_file, self.name, self.average.module, self.trained())

    def trained(self) -> dict[str, Any]:
        """What the weights went through, for the checkpoint's header."""
        return {
            "recipe": asdict(self.recipe),
            "steps": self.step,
            "samples": self.step * self.recipe.sampling.batch,
            "hours": round(self.seconds / 3600, 3),
            "clips": len(self.corpus.clips),
            "began_from": self.began_from,
        }

    def run_steps(self, report_every: int = 10) -> Iterator[Progress]:
        """Train to the end, yielding now and then; saves on the way, and when the caller stops iterating."""
        saved = began = time.monotonic()
        losses: list[float] = []
        curves = Curves(self.run, self.step)
        try:
            while self.step < self.recipe.steps:
                losses.append(self._train_step())
                now = time.monotonic()
                self.seconds += now - began
                began = now
                last = self.step == self.recipe.steps
                validating = self.validate is not None and (last or self.step % self.recipe.validate_every == 0)
                if validating or last or self.step % report_every == 0:
                    scores = self._validate() if validating else None
                    rate = self.optimizer.param_groups[0]["lr"]
                    mean, losses = sum(losses) / len(losses), []
                    curves.add(self.step, mean, rate, scores)
                    yield Progress(self.step, self.recipe.steps, mean, rate, scores)
                    began = time.monotonic()
                if time.monotonic() - saved > self.recipe.save_every:
                    self.save()
                    saved = began = time.monotonic()
        finally:
            self.save()
            curves.close()

    def _train_step(self) -> float:
        batch = self.corpus.batch(self.recipe.sampling, self.recipe.seed, self.step).to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, self.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
            loss = objective(self.model, batch, self.loss, self.recipe.weights)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step += 1
        return loss.item()

    def _validate(self) -> dict[str, float]:
        assert self.validate is not None
        model = self.average.module.eval()
        return self.validate(model)


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
    progress: Callable[[int, int], None] | None = None,
) -> Training:
    """Begin a training of a model of the table, or take it up again where its run folder left it.

    init: a model whose weights to begin with, but for the parts ``anew``;
    validation: triplets to score on, else a single video's
    own end is held out. Raises ValueError with what is wrong.
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
    )
