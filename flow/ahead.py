"""What the steps of a training need, made ahead of time."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import torch

Made = TypeVar("Made")


class Ahead(Generic[Made]):
    """What is made for each step from one on, in threads if there are any; whatever these do, the order is the same.

    >>> squares = Ahead(lambda step: step * step, 3, 6, workers=2)
    >>> [squares.next() for _ in range(3)]
    [9, 16, 25]
    >>> squares.close()
    """

    def __init__(self, make: Callable[[int], Made], step: int, steps: int, workers: int) -> None:
        """Make what steps from ``step`` up to ``steps`` need, in so many threads; with none, when it is asked for."""
        self.make, self.step, self.steps, self.ahead = make, step, steps, workers + 1
        # Each computes with one core: there are as many workers as cores.
        self._pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) if workers else None
        self._coming: deque[Future[Made]] = deque()

    def next(self) -> Made:
        """Return what the next step needs; raises what making it raised."""
        step = self.step
        self.step += 1
        if self._pool is None:
            return self.make(step)
        while len(self._coming) < self.ahead and step + len(self._coming) < self.steps:
            self._coming.append(self._pool.submit(self.make, step + len(self._coming)))
        return self._coming.popleft().result()

    def close(self) -> None:
        """Stop the threads."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
