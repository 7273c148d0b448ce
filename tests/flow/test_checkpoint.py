from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import nn

from flow.checkpoint import (
    CheckpointError,
    average_checkpoints,
    find_checkpoint,
    halve_checkpoint,
    load_checkpoint,
    load_weights,
    parse_config,
    save_checkpoint,
    shipped_checkpoints,
)
from flow.estimator import FlowEstimator
from flow.models import build_flow_model


@dataclass(frozen=True)
class Inner:
    widths: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    scale: float = 1.0


class Model(nn.Module):
    def __init__(self, config: Outer) -> None:
        super().__init__()
        self.config = config
        self.layer = nn.Linear(3, len(config.inner.widths))


def test_a_model_survives_the_round_trip(tmp_path):
    model = Model(Outer(Inner((4, 5, 6)), 0.5))
    save_checkpoint(tmp_path / "m.safetensors", "toy", model, {"steps": 7})
    checkpoint = load_checkpoint(tmp_path / "m.safetensors")
    again = Model(parse_config(Outer, checkpoint.config))
    load_weights(again, checkpoint.weights)
    assert (checkpoint.model, checkpoint.trained, again.config) == ("toy", {"steps": 7}, model.config)
    assert torch.equal(again.layer.weight, model.layer.weight)


def test_saving_leaves_only_the_checkpoint(tmp_path):
    save_checkpoint(tmp_path / "m.safetensors", "toy", Model(Outer()), {})
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_who_may_read_a_new_file_may_read_a_checkpoint(tmp_path):
    plain, saved, halved = tmp_path / "plain", tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    plain.touch()
    save_checkpoint(saved, "toy", Model(Outer()), {})
    halve_checkpoint(saved, halved)
    assert plain.stat().st_mode == saved.stat().st_mode == halved.stat().st_mode


def test_an_unknown_field_is_an_error_that_lists_the_known_ones():
    with pytest.raises(CheckpointError, match=r"no field depth; its fields are inner, scale"):
        parse_config(Outer, {"depth": 3})


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\xff" * 64])
def test_a_file_that_is_no_checkpoint_says_so(tmp_path, content):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"not a readable .safetensors"):
        load_checkpoint(path)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        load_checkpoint(tmp_path / "m.safetensors")


def test_a_checkpoint_of_another_project_is_told_where_to_go(tmp_path):
    (tmp_path / "net.pth").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"bring it in with vfi models import .*net\.pth"):
        load_checkpoint(tmp_path / "net.pth")


def test_weights_of_another_size_are_refused(tmp_path):
    save_checkpoint(tmp_path / "m.safetensors", "toy", Model(Outer()), {})
    with pytest.raises(CheckpointError, match="do not fit"):
        load_weights(Model(Outer(Inner((1, 2, 3)))), load_checkpoint(tmp_path / "m.safetensors").weights)


def test_samples_add_up_over_the_trainings_that_led_to_the_weights(tmp_path):
    trained = {"samples": 3, "began_from": {"samples": 20, "began_from": {"samples": 100, "began_from": None}}}
    save_checkpoint(tmp_path / "m.safetensors", "toy", Model(Outer()), trained)
    assert load_checkpoint(tmp_path / "m.safetensors").samples == 123


def test_a_halved_checkpoint_takes_half_the_bytes_and_finds_the_same_flow(tmp_path):
    torch.manual_seed(0)
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    save_checkpoint(whole, "flownets", build_flow_model("flownets", {"width": 0.1}), {"samples": 7})
    halve_checkpoint(whole, half)
    assert half.stat().st_size < 0.52 * whole.stat().st_size
    first, second = (replace(load_checkpoint(file), weights={}) for file in (whole, half))
    assert first == second
    frames = torch.rand(2, 1, 3, 64, 64)
    flows = [FlowEstimator.load(file, "cpu", "float32").estimate(*frames) for file in (whole, half)]
    assert (flows[1] - flows[0]).norm() < 0.003 * flows[0].norm()
    assert flows[1].dtype == torch.float32


def test_the_mean_of_checkpoints_has_the_mean_of_their_weights_and_the_last_header(tmp_path):
    files = [tmp_path / f"{number}.safetensors" for number in range(3)]
    models = [Model(Outer(scale=number)) for number in range(3)]
    for number, (file, model) in enumerate(zip(files, models, strict=True)):
        save_checkpoint(file, "flownets", model, {"steps": number})
    average_checkpoints(files, tmp_path / "mean.safetensors")
    mean, last = load_checkpoint(tmp_path / "mean.safetensors"), load_checkpoint(files[-1])
    assert replace(mean, weights={}) == replace(last, weights={})
    for key, weight in mean.weights.items():
        torch.testing.assert_close(weight, sum(model.state_dict()[key] for model in models) / 3)


def test_checkpoints_of_different_networks_have_no_mean(tmp_path):
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for file, name in zip(files, ("flownets", "flownetc"), strict=True):
        save_checkpoint(file, name, Model(Outer()), {})
    with pytest.raises(CheckpointError, match="of another network"):
        average_checkpoints(files, tmp_path / "mean.safetensors")
    assert not (tmp_path / "mean.safetensors").exists()


def test_a_folder_s_checkpoints_go_by_the_table_that_their_models_are_of(tmp_path):
    for file, model in (("best", "flownets"), ("small", "flownets"), ("smooth", "flow-fusion")):
        save_checkpoint(tmp_path / f"{file}.safetensors", model, Model(Outer()), {})
    assert list(shipped_checkpoints(("flownets", "flownetc"), tmp_path)) == ["best", "small"]
    assert shipped_checkpoints(("flow-fusion",), tmp_path) == {"smooth": tmp_path / "smooth.safetensors"}


def test_a_checkpoint_goes_by_its_file_or_its_shipped_name(tmp_path):
    assert find_checkpoint(str(tmp_path / "a.safetensors"), "model", ()) == tmp_path / "a.safetensors"
    assert find_checkpoint("fast", "model", ("flow-fusion",)).is_file()
    with pytest.raises(CheckpointError, match=r"no flow model 'fast': use dis, or a \.safetensors file"):
        find_checkpoint("fast", "flow model", (), ["dis"])


def test_a_damaged_shipped_checkpoint_is_named(tmp_path):
    (tmp_path / "fast.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(CheckpointError, match=r"fast\.safetensors is damaged .*: install vfi anew"):
        shipped_checkpoints(("flow-fusion",), tmp_path)
