import csv
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from flow.ahead import Ahead
from flow.augment import PLAIN, Augmentation
from flow.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from flow.datasets import SyntheticDataset, open_dataset
from flow.estimator import FlowEstimator
from flow.evaluate import evaluate_flow
from flow.models import build_flow_model
from flow.train import (
    SCHEDULES,
    Recipe,
    Training,
    learning_rate,
    make_batch,
    make_optimizer,
    open_training,
    sample_order,
)

SMALL = {"width": 0.05}
CROP = replace(PLAIN, crop=(64, 64))
RECIPE = Recipe(steps=8, schedule="constant", lr=1e-3, batch=2, augmentation=CROP)


class Kept(list):
    """Samples that are made but once."""

    def __init__(self, name, samples):
        super().__init__(samples)
        self.name = name


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Six scenes of one soft picture."""
    path = tmp_path_factory.mktemp("pictures") / "a.png"
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.float32)
    soft = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    cv2.imwrite(str(path), soft.astype(np.uint8))
    made = SyntheticDataset([path], (64, 64), length=6, largest=0.1)
    return Kept("scenes", [made[i] for i in range(6)])


def start(dataset, run, name="flownets", workers=0, **changes):
    torch.manual_seed(0)
    return Training(name, build_flow_model(name, SMALL), dataset, replace(RECIPE, **changes), run, workers=workers)


class InterruptedAt:
    """Ctrl+C at the time that a number of samples have been read."""

    name = "interrupted"

    def __init__(self, dataset, reads):
        self.dataset, self.reads = dataset, reads

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        self.reads -= 1
        if self.reads < 0:
            raise KeyboardInterrupt
        return self.dataset[index]


def column(run, name="loss"):
    with (run / "curve.csv").open() as file:
        return [row[name] for row in csv.DictReader(file)]


def weights_of(run):
    return load_checkpoint(run / "model.safetensors").weights


def test_the_error_falls_on_scenes_that_it_learns(dataset, tmp_path):
    training = open_training(
        "flownets", SMALL, dataset, replace(RECIPE, steps=100, lr=3e-3, batch=6), tmp_path, validation=dataset,
        device="cpu", precision="float32",
    )  # fmt: skip
    before = evaluate_flow(FlowEstimator(training.model, "cpu", "float32"), dataset).report.epe
    losses = [now.loss for now in training.run_steps(report_every=10)]
    assert losses[-1] < 0.5 * losses[0]
    found = evaluate_flow(FlowEstimator.load(tmp_path / "model.safetensors", "cpu", "float32"), dataset).report.epe
    assert found < 0.7 * before
    assert float(column(tmp_path, "epe")[-1]) == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ema": 0.9, "schedule": "s-long", "optimizer": "adamw", "clip": 1.0},
        {"optimizer": "muon"},
    ],
)
@pytest.mark.parametrize("name", ["flownets", "flownets-bn", "flownetc"])
def test_an_interrupted_run_ends_with_the_same_curve_and_weights(dataset, tmp_path, name, changes):
    whole = start(dataset, tmp_path / "whole", name, **changes)
    list(whole.run_steps(report_every=3))
    broken = start(InterruptedAt(dataset, 9), tmp_path / "broken", name, **changes)
    with pytest.raises(KeyboardInterrupt):
        list(broken.run_steps(report_every=3))
    resumed = start(dataset, tmp_path / "broken", name, workers=2, **changes)
    assert resumed.step == 4  # between two reports
    list(resumed.run_steps(report_every=3))
    assert column(tmp_path / "whole") == column(tmp_path / "broken")
    assert column(tmp_path / "whole", "lr") == column(tmp_path / "broken", "lr")
    assert column(tmp_path / "whole", "step") == column(tmp_path / "broken", "step") == ["3", "6", "8"]
    a, b = weights_of(tmp_path / "whole"), weights_of(tmp_path / "broken")
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_the_data_are_a_function_of_seed_and_step(dataset):
    recipe = replace(RECIPE, augmentation=Augmentation(crop=(64, 64)), batch=4)
    alone = [make_batch(dataset, recipe, step) for step in range(3, 8)]
    batches = Ahead(lambda step: make_batch(dataset, recipe, step), 3, 8, workers=3)
    ahead = [batches.next() for _ in range(5)]
    batches.close()
    for a, b in zip(alone, ahead, strict=True):
        assert torch.equal(a.frame0, b.frame0)
        assert torch.equal(a.frame1, b.frame1)
        assert torch.equal(a.flow, b.flow)
        assert torch.equal(a.valid, b.valid)
    other = make_batch(dataset, replace(recipe, seed=1), 3)
    assert not torch.equal(alone[0].frame0, other.frame0)
    assert alone[0].frame0.shape == (4, 3, 64, 64)
    assert alone[0].flow.shape == (4, 2, 64, 64)
    assert alone[0].valid.shape == (4, 1, 64, 64)
    assert 0 <= alone[0].frame0.min() < alone[0].frame0.max() <= 1


@pytest.mark.parametrize(("length", "batch"), [(7, 3), (3, 7), (5, 5), (1, 4)])
def test_every_sample_comes_once_in_each_round(length, batch):
    order = [i for step in range(length * 3) for i in sample_order(5, length, step * batch, batch)]
    rounds = [order[n : n + length] for n in range(0, len(order), length)]
    assert all(sorted(one) == list(range(length)) for one in rounds)
    if length == 7:
        assert len({tuple(one) for one in rounds}) > 2


def test_used_anew_every_sample_comes_as_often_and_is_made_once(dataset, tmp_path):
    order = sample_order(0, 10_000, 0, 3 * 1000, reuse=3)
    times = Counter(order)
    fresh = order[::3]
    assert fresh == sample_order(0, 10_000, 0, 1000)
    assert {times[sample] for sample in fresh[129:-128]} == {3}  # all but the first and the last ones
    assert sample_order(0, 10_000, 301, 17, reuse=3) == order[301:318]

    training = start(InterruptedAt(dataset, len(dataset)), tmp_path, reuse=3, steps=30)
    list(training.run_steps())  # at sixty places, and reads each of the six samples once


def test_a_sample_that_is_used_anew_is_augmented_anew(dataset):
    recipe = replace(RECIPE, augmentation=Augmentation(crop=(64, 64)), reuse=2, batch=6)
    batch = make_batch(Kept("one", [dataset[0]]), recipe, 0)
    assert all(not torch.equal(batch.frame0[0], other) for other in batch.frame0[1:])


def test_the_schedules_are_those_of_flownet_2():
    at = {name: [] for name in SCHEDULES}
    for name in ("s-short", "s-long", "s-fine"):
        recipe = Recipe(steps=SCHEDULES[name].steps, schedule=name)
        last = None
        for step in range(0, recipe.steps, 50_000):
            rate = learning_rate(recipe, step)
            if rate != last:
                at[name].append((step, rate))
            last = rate
    assert at["s-short"] == [(0, 1e-4), (300_000, 5e-5), (400_000, 2.5e-5), (500_000, 1.25e-5)]
    assert at["s-long"] == [(0, 1e-4), (400_000, 5e-5), (600_000, 2.5e-5), (800_000, 1.25e-5), (1_000_000, 6.25e-6)]
    assert at["s-fine"] == [(0, 1e-5), (200_000, 5e-6), (300_000, 2.5e-6), (400_000, 1.25e-6)]


def test_milestones_go_before_the_schedule():
    recipe = Recipe(steps=6, schedule="s-short", lr=8.0, milestones=(2, 3))
    assert [learning_rate(recipe, step) for step in range(6)] == [8, 8, 4, 2, 2, 2]


def test_a_schedule_is_stretched_to_the_steps_and_may_begin_slowly():
    recipe = Recipe(steps=6, schedule="s-short", lr=8.0, warmup=2)
    assert [learning_rate(recipe, step) for step in range(6)] == [4, 8, 8, 4, 2, 1]


def test_bfloat16_and_the_other_losses_train(dataset, tmp_path):
    runs = ({"precision": "bfloat16"}, {"loss": "epe"}, {"sparse": True}, {"reduction": "mean"})
    for number, changes in enumerate(runs):
        training = start(dataset, tmp_path / f"{number}", steps=2, **changes)
        before = [p.clone() for p in training.model.parameters()]
        list(training.run_steps())
        assert any(not torch.equal(a, b) for a, b in zip(before, training.model.parameters(), strict=True))
        assert all(torch.isfinite(p).all() for p in training.model.parameters())
        assert all(p.dtype == torch.float32 for p in training.model.parameters())


def test_correspondence_is_taught_beside_the_flow_from_smooth_filters(dataset, tmp_path):
    def begun(**changes):
        recipe = replace(RECIPE, steps=1, lr=0.0, **changes)
        return open_training("flownetc", SMALL, dataset, recipe, tmp_path / f"{len(changes)}", device="cpu")

    plain, taught = begun(), begun(correspondence=5.0)
    assert not torch.equal(plain.model.conv1[0].weight, taught.model.conv1[0].weight)
    made = taught.make(0)
    with_it = taught.loss(made)
    taught.recipe = replace(taught.recipe, correspondence=0.0)
    assert 0 < with_it - taught.loss(made) < 5 * 10


def test_frozen_parts_stay_as_they_are(dataset, tmp_path):
    training = start(dataset, tmp_path, "flownets-bn", steps=2, freeze=("conv1", "conv2"))
    before = {key: value.clone() for key, value in training.model.state_dict().items()}
    list(training.run_steps())
    after = training.model.state_dict()
    changed = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert "conv3" in changed
    assert not changed & {"conv1", "conv2"}
    with pytest.raises(ValueError, match="no part 'encoder'"):
        start(dataset, tmp_path / "b", freeze=("encoder",))


def test_biases_do_not_decay(dataset):
    groups = make_optimizer(RECIPE, build_flow_model("flownet2-s", SMALL)).param_groups
    assert [group["weight_decay"] for group in groups] == [4e-4, 0]
    assert all(p.ndim == 1 for p in groups[1]["params"])


def test_a_checkpoint_tells_what_it_was_trained_on_and_from(dataset, tmp_path):
    list(start(dataset, tmp_path / "first", steps=2).run_steps())
    second = open_training(
        "flownets", SMALL, dataset, replace(RECIPE, steps=1, lr=0.0, weight_decay=0.0), tmp_path / "second",
        init=str(tmp_path / "first" / "model.safetensors"), device="cpu", precision="float32",
    )  # fmt: skip
    list(second.run_steps())
    a, b = weights_of(tmp_path / "first"), weights_of(tmp_path / "second")
    assert all(torch.equal(a[key], b[key]) for key in a)
    checkpoint = load_checkpoint(tmp_path / "second" / "model.safetensors")
    assert checkpoint.samples == 2 * 2 + 1 * 2
    assert checkpoint.trained["data"] == "scenes"
    assert checkpoint.trained["recipe"]["augmentation"]["crop"] == [64, 64]
    with pytest.raises(CheckpointError, match=r"only .* fit"):
        open_training(
            "flownets", {"width": 0.1}, dataset, RECIPE, tmp_path / "c", device="cpu",
            init=str(tmp_path / "first" / "model.safetensors"),
        )  # fmt: skip


def test_a_stack_begins_with_networks_trained_alone_and_trains_the_last(dataset, tmp_path):
    list(start(dataset, tmp_path / "c", "flownet2-c", steps=1).run_steps())
    parts = {"flownetc": str(tmp_path / "c" / "model.safetensors")}
    training = open_training(
        "flownet2-cs", SMALL, dataset, replace(RECIPE, steps=2, freeze=("flownetc",)), tmp_path / "cs",
        init_parts=parts, device="cpu", precision="float32",
    )  # fmt: skip
    first = {key: value.clone() for key, value in training.model.flownets_1.state_dict().items()}
    list(training.run_steps())
    alone, stacked = weights_of(tmp_path / "c"), weights_of(tmp_path / "cs")
    assert all(torch.equal(value, stacked[f"flownetc.{key}"]) for key, value in alone.items())
    assert any(not torch.equal(value, stacked[f"flownets_1.{key}"]) for key, value in first.items())
    assert (
        load_checkpoint(tmp_path / "cs" / "model.safetensors").trained["began_from"]["parts"]["flownetc"]["steps"] == 1
    )
    with pytest.raises(ValueError, match="its parts are flownetc"):
        open_training(
            "flownet2-cs", SMALL, dataset, RECIPE, tmp_path / "d", init_parts={"c": str(tmp_path)}, device="cpu"
        )


def test_a_shipped_network_is_begun_with_by_its_name(dataset, tmp_path, monkeypatch):
    (tmp_path / "shipped").mkdir()
    model = build_flow_model("flownets", SMALL)
    save_checkpoint(tmp_path / "shipped" / "small.safetensors", "flownets", model, {})
    monkeypatch.setattr("flow.checkpoint.checkpoint_folder", lambda: tmp_path / "shipped")
    begun = open_training("flownets", SMALL, dataset, RECIPE, tmp_path / "run", init="small", device="cpu").model
    assert all(torch.equal(value, begun.state_dict()[key]) for key, value in model.state_dict().items())
    with pytest.raises(CheckpointError, match=r"no flow model 'smal': use small, or a \.safetensors file"):
        open_training("flownets", SMALL, dataset, RECIPE, tmp_path / "other", init="smal", device="cpu")


def test_another_model_does_not_go_on_in_a_run(dataset, tmp_path):
    list(start(dataset, tmp_path, steps=1).run_steps())
    with pytest.raises(ValueError, match="another"):
        start(dataset, tmp_path, "flownetc")
    with pytest.raises(ValueError, match="another"):
        Training("flownets", build_flow_model("flownets", {"width": 0.1}), dataset, RECIPE, tmp_path)


def test_a_loss_that_is_no_number_stops_the_run_and_spoils_no_weight(dataset, tmp_path):
    training = start(dataset, tmp_path, steps=50, lr=1e30)
    with pytest.raises(ValueError, match="lower rate"):
        list(training.run_steps())
    assert training.step < 50


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": "cosine"}, "s-short, s-long"),
        ({"loss": "l3"}, "multiscale"),
        ({"optimizer": "sgd"}, "adamw"),
        ({"precision": "float16"}, "bfloat16"),
        ({"augmentation": replace(PLAIN, crop=(100, 64))}, "multiples of 64"),
        ({"steps": 0}, "one or more"),
        ({"reuse": 0}, "one or more"),
        ({"correspondence": 1.0}, "flownetc"),
    ],
)
def test_what_cannot_be_done_is_told(dataset, tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        start(dataset, tmp_path, **changes)


def test_a_damaged_sample_stops_the_run_with_its_name(tmp_path):
    for part in ("img1.ppm", "img2.ppm"):
        cv2.imwrite(str(tmp_path / f"1_{part}"), np.zeros((64, 64, 3), np.uint8))
    (tmp_path / "1_flow.flo").write_bytes(b"PIEH")
    for workers in (0, 2):
        training = start(open_dataset(tmp_path), tmp_path / "run", workers=workers)
        with pytest.raises(ValueError, match=r"1_flow\.flo"):
            list(training.run_steps())
