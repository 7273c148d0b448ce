"""Of one process; of several, which torchrun starts, see tests/test_cli_train.py."""

import pytest
import torch
from torch import nn

from flow import processes


def test_without_torchrun_there_is_one_process_and_nothing_waits():
    processes.meet()
    assert (processes.rank(), processes.count(), processes.on_this_machine()) == (0, 1, 1)
    assert processes.share("told") == "told"
    assert processes.mean([1.5, 2.0]) == [1.5, 2.0]
    with processes.first_alone():
        pass


def test_the_loss_of_one_process_is_the_loss_itself():
    model = nn.Linear(2, 1)
    together = processes.Together(model, lambda made: model(made).sum())
    batch = torch.ones(3, 2)
    with together.apart(batch):
        together(batch).backward()
    together(batch).backward()
    torch.testing.assert_close(model.weight.grad, torch.full((1, 2), 6.0))


def test_a_torchrun_that_cannot_be_joined_is_told(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")  # but no address to meet at
    with pytest.raises(ValueError, match="RANK"):
        processes.meet()
