"""How much a network computes."""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode


def gflop(run: Callable[[], object]) -> float:
    """Return the billions of operations of the convolutions and matrix products in a call, two per multiplication.

    >>> image, kernel = torch.zeros(1, 1, 100, 1000), torch.zeros(5, 1, 1, 1)
    >>> gflop(lambda: torch.nn.functional.conv2d(image, kernel))
    0.001
    """
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 1e9
