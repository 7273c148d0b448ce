"""Models as files that run without this project: ONNX, OpenVINO, or PyTorch's torch.export.

The files take frames of any size and a time, see `vfi.models.portable`; none is left that does not answer as the model.
"""

import statistics
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from flow.backends import files_of, open_network
from flow.network_file import new_network, write_network
from flow.noise import NoiseDataset
from vfi.backends import SIZES, by_torch, compare, examples, in_int8, may_be_int8
from vfi.models.portable import Portable

_REPEATS = 5


@dataclass(frozen=True)
class Export:
    """What was written, and how it compares with the model in PyTorch on the CPU, in float32."""

    files: tuple[str, ...]
    mebibytes: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    share_within_a_level: float  # of the pixels' colours
    largest_difference: float  # levels of 8 bits
    milliseconds: float  # for a frame of 149x101 pixels, the median
    milliseconds_torch: float

    def __str__(self) -> str:
        return (
            f"wrote {' and '.join(self.files)}, {self.mebibytes:.1f} MiB: {', '.join(self.inputs)} ->"
            f" {', '.join(self.outputs)}\n"
            f"  {100 * self.share_within_a_level:.2f} % within one level of PyTorch's frames,"
            f" {self.largest_difference:.4f} levels apart at most\n"
            f"  {self.milliseconds:.1f} ms for a small frame (median), {self.milliseconds_torch:.1f} ms in PyTorch"
        )


def export_model(model: nn.Module, path: Path, format: str, int8: bool = False) -> Export:
    """Write a model on the CPU to a file, and compare its answers with the model's own.

    format: onnx, openvino or torch; path: the file, which must end in .onnx, .xml (beside it lies a .bin) or .pt2;
    int8: whether convolutions are to be in 8 bits in the file, `vfi.backends.in_int8`.
    Raises ValueError, and leaves no file, if the format or its ending is unknown, the model cannot be written, what
    writes or reads it is not installed, or more than a pixel in a thousand differs by more than one level.
    """
    if int8 and (format == "torch" or not may_be_int8(model)):
        raise ValueError("int8 is for flow-fusion, fast and faster as onnx or openvino: leave it out")
    portable = Portable(model).eval()
    with new_network(path, format) as partial:
        with in_int8(portable) if int8 else nullcontext():
            write_network(portable, partial, format, portable.example(), portable.outputs)
        share, worst = compare(portable, partial, format)
        seconds, seconds_torch = _timed(portable, partial, format)
    files = files_of(path, format)
    return Export(
        tuple(map(str, files)),
        sum(file.stat().st_size for file in files) / 2**20,
        portable.inputs,
        portable.outputs,
        share,
        worst,
        1000 * seconds,
        1000 * seconds_torch,
    )


def _timed(portable: Portable, path: Path, format: str) -> tuple[float, float]:
    """Return the seconds of the file and of PyTorch, which take turns."""
    inputs = examples(portable, NoiseDataset(SIZES))[-1]
    network = open_network(path, format, torch.get_num_threads(), {name: array.shape for name, array in inputs.items()})
    methods = (network.compute, lambda arrays: by_torch(portable, arrays))
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(1 + _REPEATS):
        for method, found in zip(methods, seconds, strict=True):
            began = time.perf_counter()
            method(inputs)
            found.append(time.perf_counter() - began)
    return statistics.median(seconds[0][1:]), statistics.median(seconds[1][1:])
