"""Muon: steps of equal length in every direction of a weight matrix, where those of Adam follow a few.

It learns from fewer samples than Adam does, and takes longer for a step, most of it for the largest layers.
Sources: Jordan 2024, https://kellerjordan.github.io/posts/muon; Liu 2025, arXiv:2502.16982, eq. 4, for the length.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from flow.device import multiplies_bfloat16

_MOMENTUM = 0.95
_BETAS = (0.9, 0.99)  # of the Adam that moves what is no matrix
_SHARE = 0.1  # of the rate, for that Adam
_LENGTH = 0.2  # of a step, per number of a matrix at a rate of 1: about that of Adam
_LEAST = 3  # rows and columns of what has directions to choose from: a flow has but two


class Muon(Optimizer):
    """Muon for weights of convolutions, as matrices of a row an output, and Adam for all else at a tenth of the rate.

    Rates suit it that are a few times those of Adam.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | list[dict[str, Any]],
        lr: float,
        weight_decay: float = 0.0,
        transposed: Iterable[Tensor] = (),
    ) -> None:
        """Take parameters or groups of them, and which are transposed: their second dimension is that of outputs."""
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.transposed = {id(parameter) for parameter in transposed}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move the parameters by their gradients."""
        if closure is not None:
            raise ValueError("Muon takes the gradients that there are: call it without a closure")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                matrix = parameter.ndim > 1 and min(parameter.shape[:2]) >= _LEAST
                gradient, state = parameter.grad, self.state[parameter]
                if matrix:
                    move = self._orthogonal_move(gradient, state, int(id(parameter) in self.transposed))
                else:
                    move = self._adam_move(gradient, state)
                parameter.sub_(move, alpha=group["lr"])

    def _orthogonal_move(self, gradient: Tensor, state: dict[str, Any], outputs: int) -> Tensor:
        momentum = state.setdefault("momentum", torch.zeros_like(gradient))
        momentum.lerp_(gradient, 1 - _MOMENTUM)
        ahead = gradient.lerp(momentum, _MOMENTUM).movedim(outputs, 0)  # Nesterov's
        matrix = ahead.flatten(1)
        length = _LENGTH * max(matrix.shape) ** 0.5
        return orthogonalize(matrix).mul_(length).view(ahead.shape).movedim(0, outputs)

    def _adam_move(self, gradient: Tensor, state: dict[str, Any]) -> Tensor:
        mean = state.setdefault("mean", torch.zeros_like(gradient))
        square = state.setdefault("square", torch.zeros_like(gradient))
        state["step"] = step = state.get("step", 0) + 1
        mean.lerp_(gradient, 1 - _BETAS[0])
        square.lerp_(gradient.square(), 1 - _BETAS[1])
        deviation = (square / (1 - _BETAS[1] ** step)).sqrt_().add_(1e-8)
        return _SHARE * (mean / (1 - _BETAS[0] ** step)) / deviation


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return the matrix (M, N) with all its singular values brought to between about 0.7 and 1.2.

    Five steps of an iteration of Newton and Schulz, whose coefficients are Jordan's: in bfloat16, which they need no
    more than, where it is fast, or else in float32.

    >>> orthogonalize(torch.tensor([[100.0, 0.0, 0.0], [0.0, 0.0, 50.0]])).abs().round(decimals=0)
    tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    emulated = matrix.device.type == "cpu" and not multiplies_bfloat16()
    x = (matrix if wide else matrix.T).to(torch.float32 if emulated else torch.bfloat16)
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return (x if wide else x.T).to(matrix.dtype)
