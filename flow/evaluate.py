"""How good and how fast an estimator of flow is, on a data set: networks and classical ones on the same pairs."""

import dataclasses
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from flow.datasets import FlowDataset
from flow.dis import dis_flow
from flow.metrics import Band, FlowReport, endpoint_error, mean_report, measure_flow

Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Two frames (H, W, 3) uint8 RGB -> the flow from the first to the second (H, W, 2) float32 in pixels."""

_WARM_UP = 2  # runs that are not timed: the first ones allocate, choose algorithms and fill caches


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
        return json.dumps(_nulls(values), indent=2)

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


def zero_flow(frame0: np.ndarray, frame1: np.ndarray) -> np.ndarray:
    """Return no motion, (H, W, 2): whatever does not beat it has found nothing."""
    return np.zeros((*frame0.shape[:2], 2), np.float32)


def farneback_flow(frame0: np.ndarray, frame1: np.ndarray) -> np.ndarray:
    """Return the flow from the first frame to the second, (H, W, 2) float32 in pixels, by OpenCV's Farneback.

    frames (H, W, 3) uint8 RGB of one size. Five levels each half as large, windows of 15 pixels, 3 iterations. Raises
    ValueError if the sizes differ. Source: Farneback 2003, doi:10.1007/3-540-45103-X_50.

    >>> image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    >>> image = cv2.GaussianBlur(image, (0, 0), 2)
    >>> float(farneback_flow(image, np.roll(image, 3, axis=1))[20:40, 20:40, 0].mean().round(0))
    3.0
    """
    if frame0.shape != frame1.shape:
        raise ValueError(f"the frames are {frame0.shape} and {frame1.shape}: bring them to one size")
    grey0, grey1 = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (frame0, frame1))
    start = np.zeros((*frame0.shape[:2], 2), np.float32)
    return np.asarray(cv2.calcOpticalFlowFarneback(grey0, grey1, start, 0.5, 5, 15, 3, 5, 1.2, 0), np.float32)


CLASSICAL: dict[str, Estimate] = {
    "dis": lambda frame0, frame1: dis_flow(frame0, frame1, patch_stride=2),
    "farneback": farneback_flow,
    "zero": zero_flow,
}


def find_estimator(name: str, device: str = "auto", precision: str = "auto") -> tuple[Estimate, str]:
    """Return an estimator, classical by name or a network by its checkpoint's file, and the type of its device.

    Raises ValueError if there is none of that name or it does not compute there, and CheckpointError if the file
    holds no flow network.
    """
    if name in CLASSICAL:
        if device not in ("auto", "cpu") or precision not in ("auto", "float32"):
            raise ValueError(f"{name} computes on the CPU in its own precision: choose neither for it")
        return CLASSICAL[name], "cpu"
    if not Path(name).is_file():
        raise ValueError(f"there is no {name!r}: use {', '.join(CLASSICAL)} or the .safetensors file of a flow network")
    # torch takes a second to import, and the classical ones need none.
    from flow.estimator import FlowEstimator

    estimator = FlowEstimator.load(Path(name), device, precision)
    return estimator, estimator.device.type


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
    for done, index in enumerate(_spread(len(dataset), total), 1):
        sample = dataset[index]
        if done == 1:
            for _ in range(_WARM_UP):
                estimate(sample.frame0, sample.frame1)
        began = time.perf_counter()
        flow = estimate(sample.frame0, sample.frame1)
        seconds.append(time.perf_counter() - began)
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


def _nulls(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _nulls(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


class _Mean:
    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, values: np.ndarray) -> None:
        self.total += float(values.sum(dtype=np.float64))
        self.count += values.size

    def band(self) -> Band:
        return Band(self.count, self.total / self.count if self.count else math.nan)


def _spread(length: int, count: int) -> Iterator[int]:
    """Whole numbers below the length, evenly apart.

    >>> list(_spread(10, 4))
    [0, 2, 5, 7]
    """
    return (i * length // count for i in range(count))


def _forget_peak(device: str) -> None:
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def _peak(device: str) -> float:
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    try:
        import resource
    except ImportError:  # Windows has no such count
        return math.nan
    # Linux counts in kibibytes, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
