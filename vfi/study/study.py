"""Losses, optimisers and places of fusion compared on one film, all with the same budget.

Every run trains the same small network on the same crops, and begins as the plain blend; where the frames meet in the
same place, with the same weights.
`vfi.blocks` splits the film: runs learn from one kind of block, choose their rate and draw their curves on the second,
and are reported on the third, which share no frame. A rate that suits one loss does not suit another, least of all with
SGD: each run first tries a few for a tenth of its budget, and takes the one at which its own loss is least.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import nn

from flow.curves import CurvesError, read_curves
from flow.fit import Diverged, RunError
from vfi.blocks import Blocks, read_blocks
from vfi.evaluate import evaluate
from vfi.examples import Example
from vfi.interpolator import Interpolator
from vfi.media import MediaError, Part
from vfi.metrics import luma_step
from vfi.models import build_model, load_model
from vfi.outputs import make_folder
from vfi.study.effects import find_effects
from vfi.study.lesson import Lesson
from vfi.study.plan import RATES, Plan
from vfi.study.results import Check, Measured, Pictured, Run, Study, Variant, best_rate
from vfi.triplets import Triplet

TRIAL = 0.1  # of the budget: how long each rate is tried
REFERENCES = ("blend", "flow-free", "flow-fusion")  # what the runs are measured against
PICTURED = 3  # frames


class Stopped(Exception):
    """The study was told to stop; what was learnt so far is kept."""

    def __init__(self, done: int, runs: int) -> None:
        super().__init__(f"stopped after {done} of {runs} runs")
        self.done, self.runs = done, runs


def study_losses(
    source: Path,
    variants: Sequence[Variant],
    folder: Path,
    plan: Plan | None = None,
    *,
    part: Part | None = None,
    device: str = "auto",
    tell: Callable[[Run], None] | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Study:
    """Train a network for every variant, and compare what they make of frames that none has seen.

    folder: where the runs lie, each with its model and curves; runs that are there already, whole or in part, are gone
    on with. tell is called with every run that is done; progress with what has gone by, in steps or seconds, and how
    much there is; stop is asked after every step. Raises Stopped if it says so, MediaError if the film or the folder
    cannot be used, DataError if the film is too short or hardly moves, and RunError if the folder is another study's or
    something in it is damaged.
    """
    plan = plan or Plan()
    if not variants:
        raise ValueError("there is nothing to compare: name a loss, an optimizer and a fusion")
    blocks = read_blocks(source, part)
    work = _Work(plan, variants, progress, stop)
    bench = _Bench(folder, plan, blocks, device, work)
    make_folder(folder, "--run")
    _check_settings(folder, plan, blocks)
    runs: list[Run] = []
    for variant in variants:
        runs.append(bench.run(variant))
        work.runs_done += 1
        if tell is not None:
            tell(runs[-1])
    references = {name: bench.reference(name) for name in REFERENCES}
    height, width = blocks.report[0].middle.shape[:2]
    return Study(
        source=source,
        size=blocks.size,
        looked_at=(width, height),
        steps=plan.steps if plan.budget is None else None,
        budget=plan.budget,
        seed=plan.seed,
        parameters=bench.parameters,
        learnt_from=len(blocks.learn),
        chosen_by=len(blocks.choose),
        reported_on=len(blocks.report),
        runs=tuple(runs),
        references=references,
        findings=find_effects(runs, references),
        pictures=tuple(bench.picture(number) for number in _hardest(references["blend"])),
    )


class _Work:
    """What has gone by of all runs, in steps or seconds."""

    def __init__(
        self,
        plan: Plan,
        variants: Sequence[Variant],
        progress: Callable[[int, int | None], None] | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self.run = float(plan.steps) if plan.budget is None else plan.budget
        self.trial = max(1.0, TRIAL * self.run)
        self.total = round(sum(self.run + self.trial * len(RATES[v.optimizer]) for v in variants))
        self.before = 0.0  # of what is done
        self.runs, self.runs_done = len(variants), 0
        self.progress, self.stop = progress, stop

    def tell(self, passed: float) -> None:
        """Note how far the lesson is; raises Stopped to end it."""
        if self.progress is not None:
            self.progress(round(self.before + passed), self.total)
        if self.stop is not None and self.stop():
            raise Stopped(self.runs_done, self.runs)


class _Bench:
    """Trains variants and measures them."""

    def __init__(self, folder: Path, plan: Plan, blocks: Blocks, device: str, work: _Work) -> None:
        self.folder, self.plan, self.blocks, self.work = folder, plan, blocks, work
        self.learn, self.choose = ([Example(one, None, 1) for one in block] for block in (blocks.learn, blocks.choose))
        self.judge = Interpolator(build_model("blend"), device, "float32")
        self.start = self._validate(self.judge.model)  # what every run begins with
        self.models: dict[str, nn.Module] = {}  # all that was measured

    def run(self, variant: Variant) -> Run:
        """Train a variant to the end, or take it as it is if it is there."""
        rates = self._rates(variant)
        lesson = self._lesson(variant, best_rate(rates), self._place(variant))
        lesson.validate = self._validate
        lesson.learn(self.work.tell)
        self.work.before += self.work.run
        self.models[str(variant)] = lesson.result
        curve = (Check(0, **self.start), *_curve(lesson))
        return Run(variant, rates, lesson.step, lesson.seconds, curve, self._measure(lesson.result, self.blocks.report))

    def reference(self, name: str) -> Measured:
        """Measure a shipped model."""
        self.models[name] = load_model(name).to(self.judge.device)
        return self._measure(self.models[name], self.blocks.report)

    def picture(self, number: int) -> Pictured:
        """Return a frame to report on as all that was measured makes it."""
        triplet = self.blocks.report[number]
        made = {}
        for name, model in self.models.items():
            self.judge.model = model
            made[name] = self.judge(triplet.before, triplet.after, [triplet.time])[0]
        return Pictured(triplet.name.rpartition("/")[2], triplet.middle, made)

    @property
    def parameters(self) -> int:
        """How many weights the largest network has that learnt."""
        return max(sum(w.numel() for w in m.parameters()) for n, m in self.models.items() if n not in REFERENCES)

    def _measure(self, model: nn.Module, triplets: Sequence[Triplet]) -> Measured:
        self.judge.model = model.eval()
        errors: list[float] = []
        report = evaluate(self.judge, triplets, see=lambda t, made: errors.append(luma_step(made, t.middle, t.middle)))
        return Measured(report, tuple(errors))

    def _place(self, variant: Variant) -> Path:
        # No file system minds these characters.
        return self.folder / str(variant).replace(" ", "").replace(",", "-").replace("*", "x")

    def _lesson(self, variant: Variant, rate: float, folder: Path, share: float = 1.0) -> Lesson:
        budget = None if self.plan.budget is None else share * self.plan.budget
        recipe = replace(self.plan.recipe, lr=rate, steps=max(1, round(share * self.plan.steps)))
        return Lesson(variant, self.plan.widths, self.learn, recipe, folder, budget=budget, device=self.judge.device)

    def _rates(self, variant: Variant) -> dict[float, float | None]:
        """Return the loss after a short training at each rate, on the frames to choose by."""
        known = self._place(variant) / "rates.json"
        rates: dict[float, float | None] = {}
        if known.exists():
            rates = _read_rates(known)
            self.work.before += len(rates) * self.work.trial
            return rates
        for rate in RATES[variant.optimizer]:
            with TemporaryDirectory(prefix="trial-", dir=self.folder) as folder:
                lesson = self._lesson(variant, rate, Path(folder), TRIAL)
                try:
                    lesson.learn(self.work.tell)
                    loss = lesson.loss_on(self.choose)
                    rates[rate] = loss if np.isfinite(loss) else None
                except Diverged:
                    rates[rate] = None
            self.work.before += self.work.trial
        known.parent.mkdir(exist_ok=True)
        partial = known.with_suffix(".part")
        partial.write_text(json.dumps(rates), encoding="utf-8")
        partial.replace(known)
        return rates

    def _validate(self, model: nn.Module) -> dict[str, float]:
        found = self._measure(model, self.blocks.choose)
        return {"psnr": found.report.psnr, "ssim": found.report.ssim, "luma_error": found.luma_error}


def _read_rates(file: Path) -> dict[float, float | None]:
    try:
        rates = json.loads(file.read_text(encoding="utf-8"))
        return {float(rate): None if loss is None else float(loss) for rate, loss in rates.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise RunError(f"{file} is damaged: remove the folder {file.parent} to begin this run anew") from error


def _curve(lesson: Lesson) -> tuple[Check, ...]:
    file = lesson.run / "curve.csv"
    try:
        rows = [row for row in read_curves(file, lesson.scores) if row["psnr"]]
    except CurvesError as error:
        raise RunError(f"{file} is damaged: remove the folder {lesson.run} to begin this run anew") from error
    return tuple(
        Check(int(row["step"]) / lesson.step, float(row["psnr"]), float(row["ssim"]), float(row["luma_error"]))
        for row in rows
    )


def _hardest(blend: Measured) -> list[int]:
    """Return which frames to show: from all over the film, those that the blend makes worst."""
    scores = [score.psnr for score in blend.report.items]
    runs = np.array_split(np.arange(len(scores)), min(PICTURED, len(scores)))
    return [int(min(run, key=lambda i: scores[i])) for run in runs]


def _check_settings(folder: Path, plan: Plan, blocks: Blocks) -> None:
    """Note what the runs in the folder depend on; raises RunError if those there depend on something else."""
    frames = hashlib.sha256()
    for triplet in (*blocks.learn, *blocks.choose, *blocks.report):
        frames.update(np.ascontiguousarray(triplet.middle).data)
    settings = json.loads(json.dumps(asdict(plan) | {"frames": frames.hexdigest()[:16]}))
    file = folder / "study.json"
    if file.exists() and any(path.is_dir() for path in folder.iterdir()):  # else it has not come to a run
        try:
            known = dict(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise RunError(f"{file} is damaged: name another folder with --run") from error
        differs = next((key for key in settings if settings[key] != known.get(key)), None)
        if differs is not None:
            here = "of other frames" if differs == "frames" else f"with {differs} {known.get(differs)}"
            raise RunError(f"{folder} holds a study {here}: name another folder with --run")
        return
    if any(path != file for path in folder.iterdir()):
        raise MediaError(f"{folder} holds other files: name a new folder with --run")
    partial = file.with_suffix(".part")
    partial.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    partial.replace(file)
