"""How good and how fast an estimator of flow is, on a data set: networks and classical ones on the same pairs."""

import dataclasses
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flow.by_name import Estimate
from flow.datasets import FlowDataset
from flow.memory import peak_resident
from flow.metrics import Band, FlowReport, endpoint_error, json_text, mean_report, measure_flow
from flow.side_by_side import side_by_side


@dataclass(frozen=True)
class Evaluation:
    """What an estimator scores on a data set; everything is a mean over known pixels, not over pairs."""

    pairs: int
    report: FlowReport
    matched: Band  # the error where the second frame shows it too; no pixels if the data set does not tell
    unmatched: Band  # and where it does not
    milliseconds: float  # the median for a pair, frames and flow in the memory of the host
    peak_mebibytes: float  # most memory: allocated on the GPU, or else resident for the whole process; NaN if unknown
    by_pair: tuple[tuple[str, float], ...]  # name and end-point error of each, NaN if nothing is known of it

    def to_json(self) -> str:
        """Return everything as JSON; null where there are no pixels, or nothing is known."""
        values = dataclasses.asdict(self) | {"by_pair": dict(self.by_pair)}
        return json_text(values)

    def __str__(self) -> str:
        report = self.report
        lines = [
            f"EPE {report.epe:.3f} px, Fl-all {report.fl_all:.2f} %, over 1 px {report.over_1px:.2f} %, "
            f"over 3 px {report.over_3px:.2f} %, over 5 px {report.over_5px:.2f} %, on {self.pairs} pairs"
        ]
        bands = {
            "true motion below 10 px": report.s0_10,
            "true motion 10 to 40 px": report.s10_40,
            "true motion 40 px or more": report.s40_plus,
            "seen in both frames": self.matched,
            "hidden in the second": self.unmatched,
        }
        lines += [
            f"  {name}: EPE {band.epe:.3f} px over {band.pixels} pixels" for name, band in bands.items() if band.pixels
        ]
        memory = "" if math.isnan(self.peak_mebibytes) else f", at most {self.peak_mebibytes:.0f} MiB of memory"
        lines.append(f"  {self.milliseconds:.1f} ms for a pair (median){memory}")
        return "\n".join(lines)


def evaluate_flow(
    estimate: Estimate,
    dataset: FlowDataset,
    *,
    limit: int | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measure an estimator on the pairs of a data set, or on ``limit`` of them spread evenly.

    device: the type of what it computes on, for the memory. progress is told how many pairs of how many are done.
    Raises ValueError if there is nothing to measure, and what reading a pair raises.
    """
    total = len(dataset) if limit is None else min(limit, len(dataset))
    if total < 1:
        raise ValueError(f"no pairs of {dataset.name} are to be measured: take one or more")
    _forget_peak(device)
    reports, seconds, by_pair = [], [], []
    matched, unmatched = _Mean(), _Mean()
    for done, (sample, [answers]) in enumerate(side_by_side({"": estimate}, dataset, total), 1):
        flow = answers[""].flow
        seconds.append(answers[""].seconds)
        report = measure_flow(flow, sample.flow, sample.valid)
        reports.append(report)
        by_pair.append((sample.name, report.epe))
        if sample.occluded is not None:
            error = endpoint_error(flow, sample.flow, sample.valid)
            matched.add(error[sample.valid & ~sample.occluded])
            unmatched.add(error[sample.valid & sample.occluded])
        if progress:
            progress(done, total)
    return Evaluation(
        pairs=total,
        report=mean_report(reports),
        matched=matched.band(),
        unmatched=unmatched.band(),
        milliseconds=1000 * statistics.median(seconds),
        peak_mebibytes=_peak(device),
        by_pair=tuple(by_pair),
    )


class _Mean:
    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, values: np.ndarray) -> None:
        self.total += float(values.sum(dtype=np.float64))
        self.count += values.size

    def band(self) -> Band:
        return Band(self.count, self.total / self.count if self.count else math.nan)


def _forget_peak(device: str) -> None:
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def _peak(device: str) -> float:
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    peak = peak_resident()
    return math.nan if peak is None else peak / 2**20
