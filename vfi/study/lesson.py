"""One run of a study: a small network without flow learns a film from nothing, for so many steps or seconds."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from flow.fit import Fit, Validate, warm_up
from vfi.corpus import Batch
from vfi.examples import Example, as_batch, crop_batch
from vfi.losses import Loss, parse_loss
from vfi.models import build_model
from vfi.objective import Weights, objective
from vfi.study.results import Variant
from vfi.train import Recipe, fall, make_optimizer

CHECKS = 12  # of how well a run does on its way


class Lesson(Fit):
    """A network on its way through one variant; which variant it is changes nothing else, its crops least of all."""

    recipe: Recipe
    scores: ClassVar = {"psnr": "PSNR (dB)", "ssim": "SSIM", "luma_error": "luma error (levels)"}

    def __init__(
        self,
        variant: Variant,
        widths: tuple[int, ...],
        examples: list[Example],
        recipe: Recipe,
        run: Path,
        *,
        budget: float | None,
        device: torch.device,
        validate: Validate | None = None,
    ) -> None:
        """Begin or resume; with a budget, in seconds of learning, the recipe's steps do not count."""
        self.examples, self.budget, self._checked = examples, budget, 0
        self.criterion: Loss = parse_loss(variant.loss)
        recipe = replace(recipe, loss=variant.loss, optimizer=variant.optimizer)
        torch.manual_seed(recipe.seed)
        model = build_model("flow-free", {"widths": widths, "fusion": variant.fusion})
        super().__init__(
            "flow-free", model, partial(make_optimizer, recipe), recipe, run,
            batch=recipe.sampling.batch, device=device, validate=validate,
        )  # fmt: skip
        self._checked = self._place()

    @property
    def passed(self) -> float:
        """Steps or seconds that have gone by."""
        return self.step if self.budget is None else min(self.seconds, self.budget)

    @property
    def along(self) -> float:
        """Share of the run that has gone by, 0 to 1."""
        return self.passed / (self.recipe.steps if self.budget is None else self.budget)

    def due(self) -> bool:
        if (place := self._place()) == self._checked:
            return False
        self._checked = place
        return True

    def _place(self) -> int:
        return int(CHECKS * self.along)

    def rate(self) -> float:
        return self.recipe.lr * warm_up(self.recipe, self.step) * fall(self.along)

    def data(self) -> dict[str, Any]:
        return {"triplets": len(self.examples)}

    def make(self, number: int) -> Batch:
        rng = np.random.default_rng([self.recipe.seed, number])
        return crop_batch(self.examples, self.batch // 2, self.recipe.sampling.crop, rng)

    def loss(self, made: Batch) -> Tensor:
        return objective(self.model, made.to(self.device), self.criterion, Weights())

    @torch.no_grad()
    def loss_on(self, examples: list[Example]) -> float:
        """Return the mean loss on whole pictures that are not learnt from."""
        self.model.eval()
        return float(np.mean([self.loss(as_batch([example])).item() for example in examples]))

    def learn(self, tell: Callable[[float], None]) -> None:
        """Go to the end; tell is called after every step with what has `passed`, and may raise to stop."""
        if self.complete():
            return
        for _ in self.run_steps(report_every=1):
            tell(self.passed)
