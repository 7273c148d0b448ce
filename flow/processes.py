"""The processes that train one model together: torchrun starts them, and here they meet.

Each learns from batches of its own, and `DistributedDataParallel` takes the mean of their gradients, so that they all
make the same step. Without torchrun there is one process, and nothing here does anything.
"""

import atexit
import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

Value = TypeVar("Value")


def meet() -> None:
    """Join the other processes, if torchrun started any and they have not been joined yet.

    They speak by gloo, and of what is on GPUs by NCCL. Raises ValueError if they cannot be found.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        return
    gpu = int(os.environ.get("LOCAL_RANK", "0"))
    if gpu < torch.cuda.device_count():
        torch.cuda.set_device(gpu)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    # The others wait while the first validates, which may take hours.
    dist.init_process_group(backend, timeout=timedelta(days=1))
    atexit.register(_part)


def _part() -> None:
    # What holds on to the group in cycles would outlive it, and abort the process when that ends.
    gc.collect()
    dist.destroy_process_group()


def rank() -> int:
    """Return the number of this process; the first, 0, is the one that validates, saves and prints."""
    return dist.get_rank() if count() > 1 else 0


def count() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def on_this_machine() -> int:
    """Return how many of them share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if count() > 1 else 1


def share(value: Value) -> Value:
    """Return the first process's value in all of them; what the others give is not looked at."""
    values = [value]
    if count() > 1:
        dist.broadcast_object_list(values, src=0, device=torch.device("cpu"))
    return values[0]


def mean(values: Sequence[float]) -> list[float]:
    """Return the means over the processes, the same in each."""
    if count() == 1:
        return list(values)
    total = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(total)
    return (total / count()).tolist()


@contextmanager
def first_alone() -> Iterator[None]:
    """Let the first process go through alone, and then the others: what it leaves on the disk, they find."""
    if rank() > 0:
        share(None)
    yield
    if rank() == 0:
        share(None)


class Together:
    """A loss whose gradient is the mean over the processes.

    >>> model = nn.Linear(1, 1, bias=False)
    >>> Together(model, lambda x: model(x).sum())(torch.ones(1, 1)).backward()
    >>> model.weight.grad
    tensor([[1.]])
    """

    def __init__(self, model: nn.Module, loss: Callable[[Any], Tensor]) -> None:
        """Take a loss that is a function of the model's weights."""
        self._model, self._loss = model, loss
        self._parallel: DistributedDataParallel | None = None

    def __call__(self, made: Any) -> Tensor:
        """Return the loss on a batch of this process; all processes are to call it equally often."""
        return self._loss(made) if count() == 1 else self._wrapped(made)(made)

    def apart(self, made: Any) -> AbstractContextManager[None]:
        """Within a ``with``, gradients of such batches only add up here; the processes do not hear of each other."""
        return nullcontext() if count() == 1 else self._wrapped(made).no_sync()

    def part(self) -> None:
        """Let go of the other processes until the next batch."""
        self._parallel = None

    def _wrapped(self, made: Any) -> DistributedDataParallel:
        if self._parallel is None:
            # Looking for unused weights at every step takes time, but a recipe may leave some out of the loss.
            self._parallel = DistributedDataParallel(
                _AsModule(self._model, self._loss), find_unused_parameters=self._leaves_out_weights(made)
            )
        return self._parallel

    def _leaves_out_weights(self, made: Any) -> bool:
        kept = [buffer.clone() for buffer in self._model.buffers()]  # those of batch norm change
        weights = [weight for weight in self._model.parameters() if weight.requires_grad]
        gradients = torch.autograd.grad(self._loss(made), weights, allow_unused=True)
        for buffer, value in zip(self._model.buffers(), kept, strict=True):
            buffer.copy_(value)
        return any(gradient is None for gradient in gradients)


class _AsModule(nn.Module):
    """A loss in the form in which `DistributedDataParallel` takes it."""

    def __init__(self, model: nn.Module, loss: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, made: Any) -> Tensor:
        return self.loss(made)
