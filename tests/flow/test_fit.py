import csv
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from flow.checkpoint import load_checkpoint
from flow.fit import Fit, FitRecipe, RunError

RECIPE = FitRecipe(steps=12, ema=0.9, clip=1.0)


@dataclass(frozen=True)
class Config:
    width: int = 4


class Line(Fit):
    """Learns the sum of four numbers."""

    scores: ClassVar = {"error": "error"}

    def __init__(self, run, recipe, batch, workers=0, interrupted_at=None, optimizer=AdamW):
        torch.manual_seed(0)
        model = nn.Linear(4, 1)
        model.config = Config()
        self.interrupted_at = interrupted_at
        super().__init__(
            "line", model, lambda m: optimizer(m.parameters(), 0.1), recipe, run, batch=batch, workers=workers,
            validate=lambda m: {"error": (m(torch.ones(1, 4)) - 4).abs().item()},
        )  # fmt: skip

    def make(self, number):
        if number == self.interrupted_at:
            raise KeyboardInterrupt
        samples = range(number * self.batch, (number + 1) * self.batch)
        return torch.from_numpy(np.stack([np.random.default_rng(i).normal(size=4) for i in samples])).float()

    def loss(self, made):
        return (self.model(made)[:, 0] - made.sum(1)).square().mean()

    def rate(self):
        return 0.1

    def data(self):
        return {"numbers": 4}


def train(*args, **options):
    training = Line(*args, **options)
    list(training.run_steps(report_every=5))
    return training


def rows(run):
    with (run / "curve.csv").open() as file:
        return [{name: row[name] for name in ("step", "loss", "lr", "error")} for row in csv.DictReader(file)]


def assert_same_weights(one, other, tolerance=0.0):
    for a, b in zip(one.result.parameters(), other.result.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def test_accumulated_batches_teach_what_one_large_batch_does(tmp_path):
    large = train(tmp_path / "large", RECIPE, batch=6)
    small = train(tmp_path / "small", replace(RECIPE, accumulate=3), batch=2)
    assert_same_weights(large, small, 1e-6)
    assert large.samples == small.samples == 72
    for one, other in zip(rows(tmp_path / "large"), rows(tmp_path / "small"), strict=True):
        assert float(one["loss"]) == pytest.approx(float(other["loss"]), rel=1e-5)
    fewer = train(tmp_path / "fewer", RECIPE, batch=2)
    assert any(not torch.equal(a, b) for a, b in zip(large.model.parameters(), fewer.model.parameters(), strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_interrupted_or_told_to_stop_it_ends_with_the_same_curve_and_weights(tmp_path, workers):
    recipe = replace(RECIPE, accumulate=3)
    whole = train(tmp_path / "whole", recipe, batch=2)
    broken = Line(tmp_path / "broken", recipe, 2, workers, interrupted_at=22)  # within step 7
    with pytest.raises(KeyboardInterrupt):
        list(broken.run_steps(report_every=5))
    assert (broken.step, broken.samples) == (7, 42)
    stopped = Line(tmp_path / "broken", recipe, 2, workers)
    for now in stopped.run_steps(report_every=5):
        if now.step == 10:
            stopped.stop()
    assert stopped.step == 11  # told between two steps, it makes one more
    resumed = train(tmp_path / "broken", recipe, 2, workers)
    assert_same_weights(whole, resumed)
    assert rows(tmp_path / "whole") == rows(tmp_path / "broken")


def test_another_number_of_batches_goes_on_with_samples_that_were_not_seen(tmp_path):
    train(tmp_path, replace(RECIPE, steps=2, accumulate=4), 2)
    training = Line(tmp_path, replace(RECIPE, steps=3), 2)
    made = []
    training.make = lambda number: made.append(number) or Line.make(training, number)
    list(training.run_steps())
    assert made == [8]


def test_a_model_lies_in_the_run_folder_from_the_start(tmp_path):
    steps = Line(tmp_path, RECIPE, 2).run_steps(report_every=1)
    next(steps)
    assert load_checkpoint(tmp_path / "model.safetensors").trained["steps"] == 0
    steps.close()
    assert load_checkpoint(tmp_path / "model.safetensors").trained["samples"] == 2


def test_every_start_is_on_record(tmp_path):
    train(tmp_path, replace(RECIPE, steps=3), 2)
    train(tmp_path, RECIPE, 2)
    starts = [json.loads(line) for line in (tmp_path / "record.jsonl").read_text().splitlines()]
    assert [start["step"] for start in starts] == [0, 3]
    assert starts[0]["data"] == {"numbers": 4}


def test_a_damaged_state_is_told(tmp_path):
    train(tmp_path, replace(RECIPE, steps=1), 2)
    state = tmp_path / "state.pt"
    whole = state.read_bytes()
    start = whole.index(b"data.pkl") + 8  # what PyTorch reads first; each byte leads its reader to an error of its own
    for i in range(start, start + 200):
        state.write_bytes(whole[:i] + b"\xff" + whole[i + 1 :])
        with suppress(RunError):  # or none, where the byte does not count
            Line(tmp_path, RECIPE, 2)
    for content in (whole[:1000], b"", b"words"):
        state.write_bytes(content)
        with pytest.raises(RunError, match=r"state\.pt is damaged: remove it to begin anew"):
            Line(tmp_path, RECIPE, 2)
    for content in ([], {"model": {}, "step": 1}):
        torch.save(content, state)
        with pytest.raises(RunError, match=r"state\.pt is damaged"):
            Line(tmp_path, RECIPE, 2)


def test_a_run_goes_on_with_the_optimizer_that_it_began_with(tmp_path):
    train(tmp_path, replace(RECIPE, steps=1), 2)
    with pytest.raises(RunError, match="holds a training by AdamW, not by SGD: choose another run folder"):
        Line(tmp_path, RECIPE, 2, optimizer=SGD)


def test_there_must_be_a_batch_to_learn_from(tmp_path):
    with pytest.raises(ValueError, match="use 1 or more"):
        Line(tmp_path, replace(RECIPE, accumulate=0), 2)
