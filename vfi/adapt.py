"""Adaptation: a trained model learns one film, and keeps what it learnt only if that helps.

A film brings its own truth: each inner frame, hidden, is what a model should make of its neighbours. `vfi.blocks`
splits the film by time into blocks that share no frame. The model learns from the first kind; the state to keep is the
one that does best on the second kind; on the third kind, to report on, only two states are ever measured, the first and
the one to keep. So neither the learning nor the choice of the state has seen what the reported gain is measured on.

Hidden frames lie in gaps twice as long as those that new frames are for, and what helps there may harm here, in films
of large jumps. So there are round trips: frames are made half way from a hidden one to its neighbours, and of these
two, which are as far apart as frames of the film, the hidden one. That must not lose either.
"""

import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from flow.checkpoint import save_checkpoint
from flow.scale import shrink_image
from vfi.blocks import Blocks, read_blocks
from vfi.examples import Example, crop_batch
from vfi.interpolator import Interpolator, knows_confidence
from vfi.losses import parse_loss
from vfi.low_rank import add_low_rank, merge_low_rank
from vfi.media import MediaError, Part
from vfi.metrics import psnr, ssim
from vfi.models import read_checkpoint
from vfi.models.confidence import SOFTENING
from vfi.models.flow_fusion import Draft, FlowFusion
from vfi.models.mixture import take_to
from vfi.objective import Weights, objective
from vfi.outputs import refuse_existing
from vfi.round_trip import round_trip
from vfi.triplets import DataError, Triplet

Parts = Literal["confidence", "fusion", "all", "low-rank"]
"""What learns: where the frames made are to be trusted, all weights but those of the flow, every weight, or an update
of low rank to every convolution."""

LEAST_GAIN = 0.02  # dB; less is within chance
Item = TypeVar("Item")


@dataclass(frozen=True)
class Recipe:
    """How the time is shared out, and how the model learns in what is left of it."""

    report: float = 0.15  # of the budget: to measure the first state; the last one takes about as long
    trip: float = 0.05  # of the budget: likewise for round trips
    choose: float = 0.06  # of the budget: likewise
    starts: float = 0.12  # of the budget: to find the motion that the triplets to learn from start with
    drafts: float = 0.25  # of the budget, instead: to make their frames once, if only the confidence learns
    checks: float = 0.15  # of the time to learn: to see how well the model does by now
    reported_on: int = 12  # triplets at most
    trips: int = 6  # round trips at most
    chosen_by: int = 8
    learnt_from: int = 64
    crops: int = 2  # a step, each of them forward and backward in time; a step of the confidence sees a whole frame
    crop: int = 160  # pixels a side
    look: int = 256  # pixels a side of what is looked at to choose by, and of round trips at the scale of the flow
    loss: str = "psnr+30*ssim"  # see `Quality.worth`
    lr: float = 1e-3  # falls as a cosine to a tenth
    warmup: int = 5  # steps in which it rises
    rank: int = 4  # of a low-rank update
    ema: float = 0.9  # how much of the averaged weights each step keeps
    seed: int = 0


@dataclass(frozen=True)
class Quality:
    """Means over some triplets."""

    psnr: float  # dB
    ssim: float

    @property
    def worth(self) -> float:
        """One figure to choose by, in dB: 0.01 of SSIM is worth 0.3 of PSNR, which alone would be won by blur."""
        return self.psnr + 30 * self.ssim


@dataclass(frozen=True, eq=False)
class Adaptation:
    """What came of an adaptation."""

    source: Path
    parts: Parts
    budget: float  # seconds
    seconds: float  # that it took
    steps: int
    samples: int  # crops in all steps, or frames
    learnt_from: int  # triplets
    chosen_by: int
    reported_on: int
    before: Quality  # on those that are reported on
    after: Quality  # of the best state that was reached, kept or not
    trips: int  # round trips
    trip_gain: float  # PSNR that they gained, in dB
    kept: bool
    interpolator: Interpolator  # to go on with: the adapted one if it was kept, else the one given

    @property
    def gain(self) -> float:
        """PSNR gained on the triplets that are reported on, in dB."""
        return self.after.psnr - self.before.psnr

    def fields(self) -> dict[str, Any]:
        """Return all that can be put down in JSON."""
        plain = {name: value for name, value in vars(self).items() if name != "interpolator"}
        return plain | {
            "source": str(self.source),
            "before": asdict(self.before),
            "after": asdict(self.after),
            "gain": self.gain,
        }

    def __str__(self) -> str:
        """Say what was gained and whether it is kept."""
        before, after = self.before, self.after
        return (
            f"PSNR {before.psnr:.2f} -> {after.psnr:.2f} dB ({self.gain:+.2f}), SSIM {before.ssim:.4f} ->"
            f" {after.ssim:.4f} on {self.reported_on} hidden frames it has not learnt from; {self.steps} steps on"
            f" {self.learnt_from} others in {self.seconds:.0f} s\n"
            f"{self.trip_gain:+.2f} dB on {self.trips} of them made of frames that were made, half way to them\n"
            + ("it helps" if self.kept else "it does not help: kept the original")
        )


def adapt(
    source: Path,
    interpolator: Interpolator,
    *,
    budget: float,
    parts: Parts | None = None,
    part: Part | None = None,
    rate: Fraction | None = None,
    recipe: Recipe | None = None,
    clock: Callable[[], float] = time.monotonic,
    progress: Callable[[int, int | None], None] | None = None,
) -> Adaptation:
    """Teach a copy of the interpolator's model a film within ``budget`` seconds, and keep it if that helps.

    It helps if it gains on the triplets to choose by, and on those to report on 0.02 dB or more without a loss of SSIM,
    and loses nothing on round trips.
    parts: None for the confidence, or the fusion of a model that does not know its own.
    How many steps fit depends on the machine, and with it the result; the clock tells the seconds. progress is
    called with those that have passed and the budget; part, rate: as `read_blocks` takes them. Raises MediaError if the
    film cannot be read, DataError if it is too short, hardly moves or is too large for the budget, and ValueError for a
    model without weights or without the parts.
    """
    knows = knows_confidence(interpolator.model) and interpolator.model.fallback == "soft"
    parts = parts or ("confidence" if knows else "fusion")
    if parts not in get_args(Parts):
        raise ValueError(f"there are no parts {parts!r} to adapt: use {', '.join(get_args(Parts))}")
    if not any(True for _ in interpolator.model.parameters()):
        raise ValueError("this model has no weights to adapt: choose flow-fusion, fast or flow-free")
    if parts == "confidence" and not knows:
        raise ValueError(
            "this model has no confidence that weighs softer frames (another fallback takes no part): adapt fusion,"
            " all or low-rank"
        )
    timer = _Timer(budget, clock, progress)
    blocks = read_blocks(source, part, rate)
    pupil = interpolator.with_model(copy.deepcopy(interpolator.model), learning=True)
    lesson = (_Trust if parts == "confidence" else _Lesson)(pupil, parts, blocks, recipe or Recipe(), timer)
    after, trip_gain, kept = lesson.take()
    return Adaptation(
        source=source,
        parts=parts,
        budget=budget,
        seconds=timer.passed,
        steps=lesson.steps,
        samples=lesson.steps * lesson.samples,
        learnt_from=len(lesson.learnt_from),
        chosen_by=len(lesson.chosen_by),
        reported_on=len(lesson.reported_on),
        before=lesson.before,
        after=after,
        trips=len(lesson.trips),
        trip_gain=trip_gain,
        kept=kept,
        interpolator=interpolator.with_model(pupil.model) if kept else interpolator,
    )


def check_place(output: Path, overwrite: bool) -> None:
    """Raise MediaError if adapted weights cannot be written there, before time is spent on them."""
    if output.suffix != ".safetensors":
        raise MediaError(f"{output} does not end in .safetensors: name such a file with -o")
    if not output.parent.is_dir():
        raise MediaError(f"{output.parent} is no folder: name an existing one with -o")
    if not os.access(output.parent, os.W_OK):
        raise MediaError(f"{output.parent} may not be written to: name another folder with -o")
    refuse_existing(output, overwrite)


def save_adapted(output: Path, model: str, adaptation: Adaptation) -> None:
    """Write the weights that were kept, in one move; ``model`` is the name or file of those it began with.

    Raises CheckpointError if they cannot be written.
    """
    origin = read_checkpoint(model)
    trained = adaptation.fields() | {"began_from": origin.trained}
    save_checkpoint(output, origin.model, adaptation.interpolator.model, trained)


class _Timer:
    """The seconds that have passed of a budget."""

    def __init__(
        self, budget: float, clock: Callable[[], float], progress: Callable[[int, int | None], None] | None
    ) -> None:
        self.budget, self.clock, self.progress = budget, clock, progress
        self.began = clock()

    @property
    def passed(self) -> float:
        return self.clock() - self.began

    def some(self, items: Sequence[Item], share: float, least: int, most: int) -> Iterator[Item]:
        """Yield items from all over the sequence until a share of the budget has gone by, but at least so many."""
        end = self.passed + share * self.budget
        digits = len(items).bit_length()
        spread = sorted(range(len(items)), key=lambda i: f"{i:0{digits}b}"[::-1])
        for count, i in enumerate(spread[:most]):
            if count >= least and self.passed >= end:
                return
            yield items[i]
            self.tell()

    def tell(self) -> None:
        if self.progress is not None:
            self.progress(min(round(self.passed), round(self.budget)), round(self.budget))


class _Lesson:
    """A model, what it learns from, and how far it has come."""

    reported_on: list[Example]
    trips: list[Triplet]
    trips_before: list[float]  # PSNR of them

    def __init__(self, pupil: Interpolator, parts: Parts, blocks: Blocks, recipe: Recipe, timer: _Timer) -> None:
        self.pupil, self.model, self.recipe, self.timer = pupil, pupil.model, recipe, timer
        self.scale = 1
        if isinstance(self.model, FlowFusion):
            # Of a large film only the centre is looked at, but its motion is to be found as in the whole.
            width, height = blocks.size
            self.own_scale = self.model.flow_scale, self.model.coarse
            self.model.flow_scale, self.model.coarse, _ = self.model.scale_of(height, width)
            self.scale = self.model.flow_scale
            self.model.taught_share = SOFTENING  # what is learnt is measured as it will be used
        self.weights = _to_learn(self.model, parts, recipe.rank)
        self.average = self._copies()
        self.optimizer = Adam(self.weights, lr=recipe.lr)
        self.criterion, self.rng = parse_loss(recipe.loss), np.random.default_rng(recipe.seed)
        self.steps = 0
        # The motion that a triplet starts with takes longest to find: once and for all.
        self.reported_on = []
        measured, measuring = [], 0.0
        for triplet in timer.some(blocks.report, recipe.report, 2, recipe.reported_on):
            self.reported_on.append(self._example(triplet))
            began = timer.passed
            measured.append(self._measure(self.reported_on[-1:]))
            measuring += timer.passed - began
        self.before = Quality(fmean(one.psnr for one in measured), fmean(one.ssim for one in measured))
        # The same of round trips, of which each takes three frames.
        self.trips, self.trips_before = [], []
        began = timer.passed
        for triplet in timer.some(blocks.report, recipe.trip, 2, recipe.trips):
            whole = Example(triplet, None, self.scale)
            self.trips.append(whole.centre(recipe.look * self.scale).triplet)
            self.trips_before.append(round_trip(self.pupil, self.trips[-1]))
        measuring += timer.passed - began
        self.chosen_by = [
            self._to_choose_by(triplet) for triplet in timer.some(blocks.choose, recipe.choose, 1, recipe.chosen_by)
        ]
        self.learnt_from = [
            self._example(triplet) for triplet in timer.some(blocks.learn, self.preparing, 4, recipe.learnt_from)
        ]
        self.end = timer.budget - 1.2 * measuring  # of learning: what is left will be needed to measure again

    def take(self) -> tuple[Quality, float, bool]:
        """Learn; leave the model in its best state, and return its quality, gain on round trips and if it helps."""
        best, gain = self._learn()
        self._load(best)
        after = self._measure(self.reported_on)
        trip_gain = fmean(round_trip(self.pupil, triplet) for triplet in self.trips) - fmean(self.trips_before)
        merge_low_rank(self.model)
        if isinstance(self.model, FlowFusion):
            self.model.flow_scale, self.model.coarse = self.own_scale
        helps = after.psnr >= self.before.psnr + LEAST_GAIN and after.ssim >= self.before.ssim
        return after, trip_gain, helps and gain > 0 and trip_gain >= 0

    def _learn(self) -> tuple[list[Tensor], float]:
        """Return the state that does best on what is to choose by, and what its worth gains there."""
        timer, began = self.timer, self.timer.passed
        first = self._measure(self.chosen_by).worth
        looking, stepping = timer.passed - began, 0.0
        best, gain = self._copies(), -math.inf
        began = looked = timer.passed
        while timer.passed + stepping + looking < self.end:
            start = timer.passed
            self._step((start - began) / (self.end - began))
            timer.tell()
            stepping = max(stepping, timer.passed - start)
            last = timer.passed + stepping + looking >= self.end
            if last or timer.passed - looked > looking / self.recipe.checks:
                current = self._copies()
                self._load(self.average)
                if (now := self._measure(self.chosen_by).worth - first) > gain:
                    best, gain = self._copies(), now
                self._load(current)
                looked = timer.passed
        if not self.steps:
            enough = math.ceil((2 * timer.passed + timer.budget - self.end) / 10) * 10
            height, width = self.learnt_from[0].size
            raise DataError(
                f"a budget of {timer.budget:g} s is too short to learn frames of {width}x{height}, it takes"
                f" {timer.passed:.0f} s to look at a few of them first: give {enough} s or more"
            )
        return best, gain

    def _step(self, along: float) -> None:
        """Learn from a batch; ``along`` is how much of the time to learn has gone by."""
        recipe = self.recipe
        rise = min(1.0, (self.steps + 1) / recipe.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.lr * rise * (0.1 + 0.45 * (1 + math.cos(math.pi * along)))
        self.model.train()
        # Of float16 the gradients would vanish.
        with torch.autocast(self.pupil.device.type, torch.bfloat16, enabled=self.pupil.dtype == torch.bfloat16):
            loss = self._loss()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.model.eval()
        decay = min(recipe.ema, (1 + self.steps) / (10 + self.steps))
        self.average = [torch.lerp(w.detach(), a, decay) for w, a in zip(self.weights, self.average, strict=True)]
        self.steps += 1

    @property
    def samples(self) -> int:
        """How many of them a step learns from."""
        return 2 * self.recipe.crops

    @property
    def preparing(self) -> float:
        """Share of the budget for what is found once of the triplets to learn from."""
        return self.recipe.starts

    def _loss(self) -> Tensor:
        """Return the loss on what a step learns from."""
        batch = crop_batch(self.learnt_from, self.recipe.crops, self.recipe.crop, self.rng).to(self.pupil.device)
        return objective(self.model, batch, self.criterion, Weights(frame=1, levels=0, teacher=0))

    def _to_choose_by(self, triplet: Triplet) -> Example:
        return self._example(triplet).centre(self.recipe.look)

    def _example(self, triplet: Triplet) -> Example:
        return Example(triplet, self.pupil.start(triplet.before, triplet.after), self.scale)

    def _made(self, example: Example) -> np.ndarray:
        triplet = example.triplet
        return self.pupil(triplet.before, triplet.after, [triplet.time], example.start)[0]

    def _measure(self, examples: Sequence[Example]) -> Quality:
        made = [(self._made(example), example.triplet.middle) for example in examples]
        return Quality(fmean(psnr(*pair) for pair in made), fmean(ssim(*pair) for pair in made))

    def _copies(self) -> list[Tensor]:
        return [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def _load(self, state: list[Tensor]) -> None:
        for weight, value in zip(self.weights, state, strict=True):
            weight.copy_(value)


@dataclass(frozen=True, eq=False)
class _Drafted(Example):
    """A triplet whose frame was made once, but for where it is to be trusted."""

    draft: Draft


class _Trust(_Lesson):
    """A lesson for the confidence alone, which sees nothing but drafts: many steps in little time, on whole frames."""

    model: FlowFusion

    @property
    def samples(self) -> int:
        return 1

    @property
    def preparing(self) -> float:
        return self.recipe.drafts

    def _to_choose_by(self, triplet: Triplet) -> Example:
        return self._example(triplet)

    @torch.no_grad()
    def _example(self, triplet: Triplet) -> Example:
        frames = self._frames(triplet)
        small = None
        if self.pupil.device.type == "cpu":  # rounded to levels there, as they will be for the film
            small = shrink_image(triplet.before, self.scale), shrink_image(triplet.after, self.scale)
        start, t = self.model.start(*frames, small), self.pupil.time(triplet.time)
        with self.pupil.autocast():
            pair = self.model.prepare(*frames, start, small)
            draft = self.model.draft(pair, self.model.motion(pair, t), t)
        # Only what makes it larger needs these, and they are most of what a draft takes.
        if draft.mixture.frames[0].shape == frames[0].shape:
            draft = draft._replace(mixture=draft.mixture._replace(flows=[], weights=t))
        return _Drafted(triplet, start, self.scale, draft)

    def _loss(self) -> Tensor:
        example = self.learnt_from[self.rng.integers(len(self.learnt_from))]
        return self.criterion(self._judged(example), self.pupil.tensor(example.triplet.middle))

    @torch.no_grad()
    def _made(self, example: Example) -> np.ndarray:
        with self.pupil.autocast():
            return self.pupil.image(self._judged(example).clamp(0, 1), example.triplet.middle.dtype)

    def _frames(self, triplet: Triplet) -> tuple[Tensor, Tensor]:
        return self.pupil.tensor(triplet.before), self.pupil.tensor(triplet.after)

    def _judged(self, example: Example) -> Tensor:
        """Return the frame as the confidence has it by now, (1, 3, H, W), not clamped."""
        assert isinstance(example, _Drafted)
        return take_to(self._frames(example.triplet), self.model.judge(example.draft))


def _to_learn(model: nn.Module, parts: Parts, rank: int) -> list[nn.Parameter]:
    """Freeze a model but for the parts, and return their weights."""
    model.requires_grad_(False)
    if parts == "low-rank":
        return add_low_rank(model, rank)
    learns: Callable[[str], bool] = {
        "all": lambda name: True,
        "fusion": lambda name: not name.startswith("flow."),
        "confidence": lambda name: name.startswith("confidence."),
    }[parts]
    weights = [weight for name, weight in model.named_parameters() if learns(name)]
    for weight in weights:
        weight.requires_grad_(True)
    return weights
