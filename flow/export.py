"""Flow networks as files that run without this project: ONNX, OpenVINO and PyTorch's torch.export.

The files hold the whole network, with what prepares the frames, for batches, heights and widths of any size; see
`flow.backends`. None is left that does not answer as the network does.
"""

import dataclasses
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from flow.backends import INPUTS, OUTPUT, ExportedFlow, files_of
from flow.by_name import Estimate
from flow.datasets import FlowDataset
from flow.estimator import FlowEstimator
from flow.metrics import json_text, mean_report, measure_flow
from flow.network_file import new_network, write_network
from flow.noise import NoiseDataset
from flow.side_by_side import side_by_side

TOLERANCE = 0.01  # pixels
# A multiple of 64, which needs no padding, and sizes that are odd on every grid of the network.
SIZES = ((192, 256), (101, 149), (67, 83))
_REPEATS = 5


@dataclass(frozen=True)
class Export:
    """What was written, and how it compares with the network in PyTorch on the CPU, in float32."""

    files: tuple[str, ...]
    mebibytes: float
    checked_on: str
    pairs: int
    largest_difference: float  # pixels: the greatest distance of two flows at any pixel
    epe: float  # pixels, of the exported network
    epe_torch: float  # of the network in PyTorch
    milliseconds: float  # for a pair, the median over all pairs
    milliseconds_torch: float

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json_text(dataclasses.asdict(self))

    def __str__(self) -> str:
        return (
            f"wrote {' and '.join(self.files)}, {self.mebibytes:.1f} MiB\n"
            f"  flow differs from PyTorch's by {self.largest_difference:.6f} px at most; EPE {self.epe:.4f} px against"
            f" {self.epe_torch:.4f} px, on {self.pairs} pairs of {self.checked_on}\n"
            f"  {self.milliseconds:.1f} ms for a pair (median) against {self.milliseconds_torch:.1f} ms in PyTorch"
        )


def export_flow(
    estimator: FlowEstimator,
    path: Path,
    format: str,
    *,
    dataset: FlowDataset | None = None,
    limit: int = 8,
    tolerance: float = TOLERANCE,
) -> Export:
    """Write a network, on the CPU and in float32, and compare the file's answers with its own.

    format: onnx, openvino or torch; path: the file, which must end in .onnx, .xml (beside it lies a .bin) or .pt2;
    dataset: the pairs to compare on, ``limit`` of them, scenes of noise of several sizes if None; tolerance: pixels.
    Raises ValueError, and leaves no file, if the format or its ending is unknown, what writes or reads it is not
    installed, or a flow differs by the tolerance or more.
    """
    if estimator.device.type != "cpu" or estimator.precision != torch.float32:
        raise ValueError("a network is exported as it computes on the CPU in float32: load it so")
    pairs = dataset or NoiseDataset(SIZES)
    with new_network(path, format) as partial:
        # Sides and counts that differ in everything, so that none is taken for another, or for a constant.
        example = {name: torch.rand(2, 3, 128, 192) for name in INPUTS}
        write_network(estimator.model, partial, format, example, [OUTPUT])
        found = _compare(estimator, ExportedFlow(partial, format, torch.get_num_threads()), pairs, limit)
        if not found["largest_difference"] < tolerance:  # NaN is not, either
            raise ValueError(
                f"the exported network's flow differs from PyTorch's by {found['largest_difference']:.4f} px where"
                f" {tolerance:g} px are allowed, so {path} was not written: use another format"
            )
    files = files_of(path, format)
    return Export(tuple(map(str, files)), sum(file.stat().st_size for file in files) / 2**20, pairs.name, **found)


def _compare(estimator: FlowEstimator, exported: ExportedFlow, dataset: FlowDataset, limit: int) -> dict[str, Any]:
    methods: dict[str, Estimate] = {"torch": estimator, "exported": exported}
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    reports: dict[str, list[Any]] = {name: [] for name in methods}
    differences, pairs = [], min(limit, len(dataset))
    for sample, answers in side_by_side(methods, dataset, pairs, _REPEATS):
        for name in methods:
            seconds[name] += [answer[name].seconds for answer in answers]
            reports[name].append(measure_flow(answers[0][name].flow, sample.flow, sample.valid))
        differences.append(_distance(answers[0]["exported"].flow, answers[0]["torch"].flow))
        # As a batch as well, with the frames the other way round.
        both = np.stack([sample.frame0, sample.frame1])
        differences.append(_distance(exported(both, both[::-1]), estimator(both, both[::-1])))
    return {
        "pairs": pairs,
        "largest_difference": float(np.max(differences)),
        "epe": mean_report(reports["exported"]).epe,
        "epe_torch": mean_report(reports["torch"]).epe,
        "milliseconds": 1000 * statistics.median(seconds["exported"]),
        "milliseconds_torch": 1000 * statistics.median(seconds["torch"]),
    }


def _distance(flow: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(flow - other, axis=-1).max())
