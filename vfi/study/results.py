"""What a study found: its runs, what they are measured against, and the effects that they show or refute."""

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import numpy as np

from flow.metrics import json_text
from flow.table import table
from vfi.evaluate import Report

Verdict = Literal["shown", "too small to see", "refuted"]


@dataclass(frozen=True)
class Variant:
    """One way to learn."""

    loss: str  # as `vfi.losses.parse_loss` takes it
    optimizer: str
    fusion: str  # of `vfi.models.flow_free`

    def __str__(self) -> str:
        return f"{self.loss}, {self.optimizer}, {self.fusion}"


@dataclass(frozen=True)
class Measured:
    """How good frames are that were made again and are known."""

    report: Report
    luma_errors: tuple[float, ...]  # of each frame, how much brighter it is than the true one, in 8-bit levels

    @property
    def luma_error(self) -> float:
        """Mean over the frames: below 0 they are darker than the true ones."""
        return fmean(self.luma_errors)

    def values(self) -> dict[str, Any]:
        """Return the means, then every frame's scores."""
        report = self.report
        return {
            "psnr": report.psnr,
            "ssim": report.ssim,
            "ie": report.ie,
            "luma_error": self.luma_error,
            "luma_step": report.luma_step,
            "ms_per_frame": report.ms_per_frame,
            "frames": [
                {"name": score.name, "psnr": score.psnr, "ssim": score.ssim, "ie": score.ie, "luma_error": error,
                 "luma_step": score.luma_step}
                for score, error in zip(report.items, self.luma_errors, strict=True)
            ],
        }  # fmt: skip


@dataclass(frozen=True)
class Check:
    """How well a run did on its way, on the frames to choose by."""

    along: float  # share of the run that had gone by, 0 to 1
    psnr: float
    ssim: float
    luma_error: float


@dataclass(frozen=True, eq=False)
class Run:
    """What came of one way to learn."""

    variant: Variant
    rates: dict[float, float | None]  # those tried for a short time, each with the loss it came to; None: no number
    steps: int
    seconds: float  # of learning, without looking at how well it does
    curve: tuple[Check, ...]
    measured: Measured  # on the frames to report on

    @property
    def rate(self) -> float:
        """The rate that the run learnt at: of those tried the one with the least loss."""
        return best_rate(self.rates)


@dataclass(frozen=True)
class Finding:
    """What the runs say of an effect."""

    claim: str
    verdict: Verdict
    sentence: str  # with the numbers


@dataclass(frozen=True, eq=False)
class Pictured:
    """A frame that is shown; images (H, W, 3) uint8 RGB."""

    name: str
    true: np.ndarray
    made: dict[str, np.ndarray]  # by run and by what runs are measured against


@dataclass(frozen=True, eq=False)
class Study:
    """Everything that the page shows."""

    source: Path
    size: tuple[int, int]  # width and height of the film
    looked_at: tuple[int, int]  # of its centre
    steps: int | None  # of every run
    budget: float | None  # or its seconds
    seed: int
    parameters: int  # of the network, at most
    learnt_from: int  # triplets
    chosen_by: int
    reported_on: int
    runs: tuple[Run, ...]
    references: dict[str, Measured]
    findings: tuple[Finding, ...]
    pictures: tuple[Pictured, ...]

    @property
    def ranking(self) -> list[Run]:
        """The runs, the highest PSNR first."""
        return sorted(self.runs, key=lambda run: -run.measured.report.psnr)

    def to_json(self) -> str:
        """Return all numbers as a JSON object."""
        return json_text(
            {
                "source": self.source.name,
                "width": self.size[0],
                "height": self.size[1],
                "steps": self.steps,
                "budget": self.budget,
                "seed": self.seed,
                "parameters": self.parameters,
                "learnt_from": self.learnt_from,
                "chosen_by": self.chosen_by,
                "reported_on": self.reported_on,
                "findings": [asdict(finding) for finding in self.findings],
                "runs": [
                    {
                        **asdict(run.variant),
                        "rate": run.rate,
                        "rates": {f"{rate:g}": loss for rate, loss in run.rates.items()},
                        "steps": run.steps,
                        "seconds": run.seconds,
                        **run.measured.values(),
                        "curve": [asdict(check) for check in run.curve],
                    }
                    for run in self.runs
                ],
                "references": {name: measured.values() for name, measured in self.references.items()},
            }
        )

    def __str__(self) -> str:
        """Return a table, the best run first, and the findings."""
        rows = [("loss, optimiser, fusion", "rate", "steps", "s", "PSNR, dB", "SSIM", "luma error", "luma step")]
        for run in self.ranking:
            known = (f"{run.rate:g}", f"{run.steps}", f"{run.seconds:.0f}")
            rows.append((str(run.variant), *known, *_scores(run.measured)))
        for name, measured in self.references.items():
            rows.append((name, "", "", "", *_scores(measured)))
        held = f"on {self.reported_on} hidden frames of {self.source.name} that no run has learnt from"
        said = [f"{finding.verdict}: {finding.claim}. {finding.sentence}" for finding in self.findings]
        return "\n".join([table(rows), held, *said])


def best_rate(rates: dict[float, float | None]) -> float:
    """Return the rate with the least loss; raises ValueError if none came to a number."""
    known = {rate: loss for rate, loss in rates.items() if loss is not None}
    if not known:
        raise ValueError(f"the loss is no number at any of the rates {', '.join(f'{rate:g}' for rate in rates)}")
    return min(known, key=lambda rate: known[rate])


def _scores(measured: Measured) -> tuple[str, str, str, str]:
    report = measured.report
    return (f"{report.psnr:.2f}", f"{report.ssim:.4f}", f"{measured.luma_error:+.3f}", f"{report.luma_step:+.3f}")
