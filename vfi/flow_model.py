"""Whatever finds flow, by its name: the classical DIS, or a flow network's checkpoint."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from flow.dis import dis_flow

FlowModel = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Two batches (B, H, W, 3) RGB uint8 -> flows from the first to the second (B, H, W, 2) float32 in pixels."""

DIS = "dis"


def load_flow_model(name: str = DIS, device: str = "auto", precision: str = "auto") -> FlowModel:
    """Return the model "dis", or that of a checkpoint's file.

    device: auto, cpu, cuda, cuda:1, ...; precision: auto, float32, bfloat16 or float16. Raises ValueError if there is
    no such model, file, device or precision, and CheckpointError if the file holds no flow network.
    """
    if name == DIS:
        if device not in ("auto", "cpu") or precision not in ("auto", "float32"):
            raise ValueError("dis computes on the CPU in its own precision: leave out --device and --precision")
        return _dis
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"there is no flow model {name!r}: use {DIS}, or the file of a checkpoint (.safetensors)")
    # torch takes a second to import, and DIS needs none.
    from flow.estimator import FlowEstimator

    return FlowEstimator.load(path, device, precision)


def _dis(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([dis_flow(a, b, patch_stride=2) for a, b in zip(first, second, strict=True)])
