"""How a model is fitted, whatever it learns: a run folder that can be resumed at any time with the same curve."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from flow import processes
from flow.ahead import Ahead
from flow.checkpoint import save_checkpoint
from flow.curves import Curves
from flow.memory import is_out_of_memory
from flow.record import note_start

Validate = Callable[[nn.Module], dict[str, float]]


class RunError(ValueError):
    """The folder of a run cannot be gone on with; the message says why."""


class Diverged(ValueError):
    """The loss is no longer finite."""


@dataclass(frozen=True, kw_only=True)
class FitRecipe:
    """What every training depends on, apart from its model and data."""

    steps: int
    accumulate: int = 1  # batches whose gradients a step takes the mean of, in every process
    warmup: int = 0  # steps of linear warm-up
    ema: float = 0.0  # how much of the averaged weights each step keeps; 0 keeps the weights themselves
    clip: float = 0.0  # norm the gradient is clipped to; 0 leaves it
    precision: str = "float32"  # or bfloat16
    seed: int = 0
    freeze: tuple[str, ...] = ()  # parts of the model that keep their weights
    validate_every: int = 5000  # steps
    save_every: float = 300.0  # seconds


@dataclass(frozen=True)
class Progress:
    """Where a training is."""

    step: int
    steps: int
    loss: float  # mean since the last report
    lr: float
    images_per_second: float  # samples that were learnt from since the last report
    scores: dict[str, float] | None  # what validation said, on the steps that it ran


def warm_up(recipe: FitRecipe, step: int) -> float:
    """Return by what a step's rate is multiplied: it rises linearly to 1.

    >>> [warm_up(FitRecipe(steps=9, warmup=4), step) for step in (0, 1, 3, 8)]
    [0.25, 0.5, 1.0, 1.0]
    """
    return min(1.0, (step + 1) / recipe.warmup) if recipe.warmup else 1.0


class Fit(ABC):
    """A model on its way, with its optimiser, its average and its place in the run.

    What is learnt is for a training that derives from it to say, in `make`, `loss`, `rate` and `data`. Where there are
    several `processes`, all go through the same steps, and the first alone validates and writes. The mean over batches
    and processes is that over one large batch, but for batch norm, which sees every batch by itself.
    """

    scores: ClassVar[Mapping[str, str]]  # what validation measures, as `flow.curves` takes it

    def __init__(
        self,
        name: str,
        model: nn.Module,
        optimizer: Callable[[nn.Module], Optimizer],
        recipe: FitRecipe,
        run: Path,
        *,
        batch: int,
        device: torch.device | str = "cpu",
        validate: Validate | None = None,
        began_from: dict[str, Any] | None = None,
        workers: int = 0,
    ) -> None:
        """``name`` is the model's in its table; the run folder is made, or resumed if it holds a state.

        ``batch`` is how many samples a batch has, of which a step sees one or several, see `samples_per_step`;
        ``began_from`` is what the weights went through before this training, for the record; ``workers`` threads make
        what steps need ahead of time. Raises ValueError if there is no such part to freeze, nothing to accumulate, or
        the run folder holds the training of another model.
        """
        if recipe.accumulate < 1:
            raise ValueError(f"gradients of {recipe.accumulate} batches cannot be accumulated: use 1 or more")
        self.name, self.recipe, self.run, self.batch = name, recipe, run, batch
        self.validate, self.began_from, self.workers = validate, began_from, workers
        self.device = torch.device(device)
        self.model = model.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._freeze()
        self.average = AveragedModel(self.model, avg_fn=self._average, use_buffers=True) if recipe.ema else None
        self.optimizer = optimizer(self.model)
        self.step = self.samples = 0  # how many were gone through, by all processes together
        self.seconds = 0.0
        self._losses: list[float] = []  # since the last report
        self._told_to_stop = self._stopping = False  # this process, and all of them
        self.state_file, self.model_file = run / "state.pt", run / "model.safetensors"
        if processes.rank() == 0:
            run.mkdir(parents=True, exist_ok=True)
        self._resume()
        self._loss = processes.Together(self.model, self.loss)

    @abstractmethod
    def make(self, number: int) -> Any:
        """Return a batch, a function of the recipe and of its number alone; several threads may call it.

        Batches count from 0 through all steps and processes: a step takes the next ones that no other has taken.
        """

    @abstractmethod
    def loss(self, made: Any) -> Tensor:
        """Return the loss, a scalar, on what `make` made."""

    @abstractmethod
    def rate(self) -> float:
        """Return the learning rate of this step."""

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """What the training learns from, for the record."""

    @property
    def along(self) -> float:
        """Share of the training that has gone by, 0 to 1."""
        return self.step / self.recipe.steps

    def complete(self) -> bool:
        """Tell whether there are no more steps to make."""
        return self.along >= 1

    def due(self) -> bool:
        """Tell whether to validate after the step that was just made, as after the last one."""
        return self.step % self.recipe.validate_every == 0

    @property
    def samples_per_step(self) -> int:
        """How many samples a step learns from."""
        return self.batch * self.recipe.accumulate * processes.count()

    @property
    def result(self) -> nn.Module:
        """The model to use: the averaged one if there is an average."""
        return self.average.module if self.average is not None else self.model

    def trained(self) -> dict[str, Any]:
        """What the weights went through, for the checkpoint's header."""
        return {
            "recipe": asdict(self.recipe),
            **self.data(),
            "steps": self.step,
            "samples": self.samples,
            "processes": processes.count(),
            "hours": round(self.seconds / 3600, 3),
            "began_from": self.began_from,
        }

    def save(self) -> None:
        """Write the state to resume from and the model to use, each in one move; only the first process does."""
        if processes.rank() > 0:
            return
        partial = self.state_file.with_suffix(".part")
        torch.save(
            {
                "name": self.name,
                "model": self.model.state_dict(),
                "average": self.average.state_dict() if self.average is not None else None,
                "optimizer": self.optimizer.state_dict(),
                "learnt_by": type(self.optimizer).__name__,
                "step": self.step,
                "samples": self.samples,
                "seconds": self.seconds,
                "losses": self._losses,
            },
            partial,
        )
        partial.replace(self.state_file)
        save_checkpoint(self.model_file, self.name, self.result, self.trained())

    def stop(self) -> None:
        """End the run after the step that it is in, or if it is in none the next one, in all processes after the same.

        It is saved and can be taken up again, as if the caller had stopped iterating. A signal's handler may call this.
        """
        self._told_to_stop = True

    def run_steps(self, report_every: int = 10) -> Iterator[Progress]:
        """Train to the end, yielding now and then; saves on the way, and when the caller stops iterating.

        Raises Diverged if the loss is no longer finite, and what reading a sample raises; the run is saved as it was
        before that step.
        """
        first = processes.rank() == 0
        curves = Curves(self.run, self.scores, self.step) if first else None
        if first:
            note_start(self.run / "record.jsonl", step=self.step, data=self.data())
        if self.step == 0:
            self.save()  # a folder that cannot be written to is told now
        saved = began = time.monotonic()
        seconds, seen = 0.0, self.samples
        ahead = self._batches_ahead()
        try:
            while not (self.complete() or self._stopping):
                self._losses.append(self._train_step(ahead))
                now = time.monotonic()
                seconds += now - began
                self.seconds += now - began
                began = now
                last = self.complete()
                validating = self.validate is not None and (last or self.due())
                if validating or last or self.step % report_every == 0:
                    scores = None
                    if self.validate is not None and validating and first:
                        scores = self.validate(self.result.eval())
                    loss, lr = sum(self._losses) / len(self._losses), self.optimizer.param_groups[0]["lr"]
                    pace = (self.samples - seen) / max(seconds, 1e-9)
                    self._losses, seconds, seen = [], 0.0, self.samples
                    if curves is not None:
                        curves.add(self.step, loss, lr, pace, scores)
                    yield Progress(self.step, self.recipe.steps, loss, lr, pace, scores)
                    began = time.monotonic()
                if time.monotonic() - saved > self.recipe.save_every:
                    self.save()
                    saved = began = time.monotonic()
        finally:
            ahead.close()
            self._loss.part()
            self.save()
            if curves is not None:
                curves.close()

    def autocast(self) -> torch.autocast:
        """Compute in the recipe's precision within a ``with``."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16")

    def _batches_ahead(self) -> Ahead[Any]:
        """This process's batches, of which each step takes as many as it accumulates."""
        first, others = self.samples // self.batch + processes.rank(), processes.count()
        left = (self.recipe.steps - self.step) * self.recipe.accumulate
        return Ahead(lambda n: self.make(first + n * others), 0, left, self.workers)

    def _train_step(self, batches: Ahead[Any]) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.model.train()
        for part in self.recipe.freeze:  # whose batch norm keeps its statistics, too
            self.model.get_submodule(part).eval()
        value, told_to_stop = processes.mean([self._gradient(batches), self._told_to_stop])
        if not math.isfinite(value):
            raise Diverged(f"the loss of step {self.step} is {value}: go on with a lower rate, or clip the gradient")
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.step += 1
        self.samples += self.samples_per_step
        self._stopping = told_to_stop > 0  # one that is told to stop stops all, after the same step
        return value

    def _gradient(self, batches: Ahead[Any]) -> float:
        """Leave in the parameters the gradient of a step's loss, and return that loss in this process."""
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        for left in reversed(range(self.recipe.accumulate)):
            made = batches.next()
            with self._loss.apart(made) if left else nullcontext():  # the processes exchange but the sum
                loss = self._loss(made) / self.recipe.accumulate
                loss.backward()
            total += loss.detach()
        return total.item()

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
        """Go on from the state in the run folder, if there is one; only the first process needs to see it."""
        here = processes.rank() == 0 and self.state_file.exists()
        state = processes.share(_read_state(self.state_file) if here else None)
        if state is None:
            return
        name = state.get("name", self.name)  # older runs do not tell
        if (name, state["average"] is None) != (self.name, self.average is None):
            raise RunError(f"{self.run} holds another training, of {name}: choose another run folder")
        by, own = state.get("learnt_by"), type(self.optimizer).__name__
        if by not in (None, own):
            raise RunError(f"{self.run} holds a training by {by}, not by {own}: choose another run folder")
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise RunError(f"{self.run} holds the training of another model: choose another run folder") from error
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self._losses = state["step"], state["seconds"], state.get("losses", [])
        self.samples = state.get("samples", self.step * self.batch)


def _read_state(file: Path) -> dict[str, Any]:
    damaged = RunError(
        f"{file} is damaged: remove it to begin anew, with --init the run's model.safetensors to keep its weights"
    )
    with file.open("rb") as opened:
        try:
            state = torch.load(opened, map_location="cpu", weights_only=True)
        except Exception as error:  # damage leads PyTorch to errors of every kind
            if is_out_of_memory(error):
                raise
            raise damaged from error
    if not (isinstance(state, dict) and state.keys() >= {"model", "average", "optimizer", "step", "seconds"}):
        raise damaged
    return state
