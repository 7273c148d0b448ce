"""Several estimators of flow on the same pairs, taking turns, so that a busy machine is busy for all of them."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from flow.by_name import Estimate
from flow.datasets import FlowDataset, Sample

_WARM_UP = 2  # runs on every new size that are not timed: the first ones allocate, choose algorithms and compile


@dataclass(frozen=True)
class Answer:
    """What an estimator found, and how long it took."""

    flow: np.ndarray  # (H, W, 2) float32 in pixels
    seconds: float  # frames and flow in the memory of the host


def side_by_side(
    estimates: Mapping[str, Estimate], dataset: FlowDataset, count: int, repeats: int = 1
) -> Iterator[tuple[Sample, list[dict[str, Answer]]]]:
    """Yield ``count`` samples spread evenly, each with every estimator's answers, by name, in each repeat."""
    seen = set()
    for index in _spread(len(dataset), count):
        sample = dataset[index]
        pair = sample.frame0, sample.frame1
        if sample.frame0.shape not in seen:
            seen.add(sample.frame0.shape)
            for estimate in estimates.values():
                for _ in range(_WARM_UP):
                    estimate(*pair)
        yield sample, [{name: _ask(estimate, *pair) for name, estimate in estimates.items()} for _ in range(repeats)]


def _spread(length: int, count: int) -> Iterator[int]:
    """Whole numbers below the length, evenly apart.

    >>> list(_spread(10, 4))
    [0, 2, 5, 7]
    """
    return (i * length // count for i in range(count))


def _ask(estimate: Estimate, frame0: np.ndarray, frame1: np.ndarray) -> Answer:
    began = time.perf_counter()
    flow = estimate(frame0, frame1)
    return Answer(flow, time.perf_counter() - began)
