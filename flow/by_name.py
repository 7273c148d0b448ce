"""Whatever finds flow, by its name: a classical method, or a flow network's checkpoint or exported file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from flow.backends import EXPORTED, ExportedFlow
from flow.choices import check_network
from flow.dis import dis_flow
from flow.farneback import farneback_flow
from flow.fill import dis_filled_flow

Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Two images (H, W, 3) RGB uint8 -> the flow from the first to the second (H, W, 2) float32 in pixels.

Or two batches of them (B, H, W, 3) -> (B, H, W, 2).
"""


def zero_flow(frame0: np.ndarray, frame1: np.ndarray) -> np.ndarray:
    """Return no motion, (H, W, 2): whatever does not beat it has found nothing."""
    return np.zeros((*frame0.shape[:2], 2), np.float32)


def of_batches_too(estimate: Estimate) -> Estimate:
    """Let an estimator of two images take batches of them as well, one pair after the other."""

    def estimate_all(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        if first.ndim == 3:
            return estimate(first, second)
        return np.stack([estimate(a, b) for a, b in zip(first, second, strict=True)])

    return estimate_all


CLASSICAL: dict[str, Estimate] = {
    "dis": of_batches_too(lambda first, second: dis_flow(first, second, patch_stride=2)),
    "dis-filled": of_batches_too(dis_filled_flow),
    "farneback": of_batches_too(farneback_flow),
    "zero": of_batches_too(zero_flow),
}


def find_estimator(
    name: str = "dis", device: str = "auto", precision: str = "auto", backend: str | None = None
) -> tuple[Estimate, str]:
    """Return an estimator and the type of its device, cpu or cuda.

    name: a classical one's, a shipped network's, or the file of a checkpoint or of an exported network; device: auto,
    cpu, cuda, cuda:1, ...; precision: auto, float32, bfloat16 or float16; backend: what runs an exported network, by
    its file's ending if None. Raises ValueError if there is none of that name, listing what there is, or it does not
    compute there, and CheckpointError if the file holds no flow network.
    """
    exported = Path(name).suffix.lower() in EXPORTED
    if backend and not exported and (backend != "torch" or name in CLASSICAL):
        raise ValueError(f"{name} does not run by the backend {backend}: name a file written by vfi flow export")
    if name in CLASSICAL or exported:
        if device not in ("auto", "cpu") or precision not in ("auto", "float32"):
            raise ValueError(f"{name} computes on the CPU in its own precision: leave out --device and --precision")
        return ExportedFlow(Path(name), backend) if exported else CLASSICAL[name], "cpu"
    check_network(name, CLASSICAL)
    # torch takes a second to import, and the classical ones need none.
    from flow.estimator import FlowEstimator

    estimator = FlowEstimator.load(name, device, precision, besides=CLASSICAL)
    return estimator, estimator.device.type
