"""What a study compares, and what all its runs have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from vfi.corpus import Sampling
from vfi.losses import parse_loss
from vfi.models.flow_free import FUSIONS
from vfi.study.results import Variant
from vfi.train import Recipe

# Learning rates that are tried, by optimiser; SGD's step grows with the gradient, and so with the loss's own scale.
RATES = {"adam": (3e-4, 1e-3, 3e-3), "adamw": (3e-4, 1e-3, 3e-3), "sgd": (1e-3, 0.01, 0.1, 1.0)}


@dataclass(frozen=True)
class Plan:
    """What every run has in common."""

    steps: int = 300
    budget: float | None = None  # seconds of learning, instead of steps
    seed: int = 0
    batch: int = 4  # crops of a step, half of them the others backward in time
    crop: int = 128  # pixels a side
    widths: tuple[int, ...] = (24, 40, 64)  # of the network, see `vfi.models.flow_free`

    @property
    def recipe(self) -> Recipe:
        """What every training has in common."""
        sampling = Sampling(batch=self.batch, crop=self.crop)
        return Recipe(steps=self.steps, seed=self.seed, sampling=sampling, warmup=5, ema=0.0, clip=1.0)


def all_variants(losses: Sequence[str], optimizers: Sequence[str], fusions: Sequence[str]) -> list[Variant]:
    """Return every combination; raises ValueError for an unknown word, none, or one that is named twice."""
    for loss in losses:
        parse_loss(loss)
    for kind, words, known in (("optimizer", optimizers, RATES), ("fusion", fusions, FUSIONS)):
        for word in words:
            if word not in known:
                raise ValueError(f"unknown {kind} {word!r}: use {', '.join(known)}")
    for kind, words in (("loss", losses), ("optimizer", optimizers), ("fusion", fusions)):
        if len(set(words)) < len(words):
            raise ValueError(f"a {kind} is named twice in {','.join(words)}: name each once")
    return [Variant(*words) for words in product(losses, optimizers, fusions)]
