"""Low-rank updates: what a convolution learns is held to a product of two thin matrices.

Source: Hu 2021, arXiv:2106.09685.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """Adds to a weight (outputs, ...) a product of (outputs, rank) and (rank, ...), zero until it is trained."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        self.up = nn.Parameter(weight.new_zeros(len(weight), rank))
        # So large that a step of Adam changes a weight by about the learning rate, as without the product.
        self.down = nn.Parameter(torch.randn(rank, weight[0].numel()).to(weight) * rank**-0.5)

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view(weight.shape)


def add_low_rank(model: nn.Module, rank: int) -> list[nn.Parameter]:
    """Give every convolution of a model a low-rank update, and return what of it is to be trained."""
    learnt: list[nn.Parameter] = []
    for layer in [module for module in model.modules() if isinstance(module, nn.Conv2d)]:
        update = LowRank(layer.weight, rank)
        parametrize.register_parametrization(layer, "weight", update)
        learnt += update.parameters()
    return learnt


def merge_low_rank(model: nn.Module) -> None:
    """Add the updates to the weights, so that the model is what it was before `add_low_rank` but for their values."""
    for layer in [module for module in model.modules() if parametrize.is_parametrized(module)]:
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
