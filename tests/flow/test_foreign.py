import os
import pickle

import numpy as np
import pytest
import torch

from flow.checkpoint import CheckpointError, load_checkpoint
from flow.estimator import FlowEstimator
from flow.foreign import convert_checkpoint, import_checkpoint
from flow.models import FLOW_MODELS, build_flow_model


@pytest.fixture(scope="module")
def hollow(layouts):
    """A checkpoint of the right names and shapes that takes no space."""
    return lambda name: {
        key: torch.zeros((), dtype=torch.long if key.endswith("tracked") else torch.float32).expand(shape)
        for key, shape in layouts[name].items()
    }


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("name", FLOW_MODELS)
def test_a_network_is_recognised_by_the_names_of_its_weights(name, hollow, tmp_path):
    torch.save({"state_dict": hollow(name)}, tmp_path / "m.pth")
    found, config, weights = import_checkpoint(tmp_path / "m.pth")
    assert (found, config) == (name, FLOW_MODELS[name][0]())
    assert set(weights) == set(hollow(name))


def test_flownetpytorch_survives_the_round_trip(made_weights, reference, frames, tmp_path):
    weights = made_weights("flownets-bn")
    # As trained on several GPUs by an early torch, with the numbers its command line took.
    content = {
        "epoch": 300,
        "arch": "flownets_bn",
        "state_dict": {f"module.{key}": v for key, v in weights.items() if not key.endswith("tracked")},
        "best_EPE": np.float64(2.459),
        "div_flow": "20",
    }
    torch.save(content, tmp_path / "flownets_bn.pth")
    assert convert_checkpoint(tmp_path / "flownets_bn.pth", tmp_path / "m.safetensors") == "flownets-bn"
    checkpoint = load_checkpoint(tmp_path / "m.safetensors")
    assert checkpoint.trained == {"imported_from": "flownets_bn.pth"}
    assert all(torch.equal(checkpoint.weights[key], weight) for key, weight in weights.items())
    model = FlowEstimator.load(tmp_path / "m.safetensors", "cpu", "float32").model
    with torch.no_grad():
        finest = model.levels(*frames)[0][0].permute(1, 2, 0)
    expected = 20 * torch.from_numpy(reference["flownets-bn"]).float()
    assert (finest - expected).norm() < 1e-3 * expected.norm()


def test_flownet2_pytorch_survives_the_round_trip(made_weights, tmp_path):
    weights = made_weights("flownet2-s")
    torch.save({"arch": "FlowNet2S", "epoch": 1, "state_dict": weights}, tmp_path / "FlowNet2-S_checkpoint.pth.tar")
    name, config, found = import_checkpoint(tmp_path / "FlowNet2-S_checkpoint.pth.tar")
    assert (name, config.div_flow) == ("flownet2-s", 20)
    assert all(torch.equal(found[key], weight) for key, weight in weights.items())


def test_the_unit_of_the_flow_is_kept(hollow, tmp_path):
    torch.save({"state_dict": hollow("flownets"), "div_flow": 1}, tmp_path / "m.pth")
    assert import_checkpoint(tmp_path / "m.pth")[1].div_flow == 1


def test_a_network_of_caffe_sees_blue_first(tmp_path, frames):
    torch.save({"state_dict": build_flow_model("flownets").state_dict()}, tmp_path / "m.pth")
    for bgr, file in ((False, "rgb.safetensors"), (True, "bgr.safetensors")):
        convert_checkpoint(tmp_path / "m.pth", tmp_path / file, bgr=bgr)
    rgb, bgr = (FlowEstimator.load(tmp_path / f"{name}.safetensors", "cpu", "float32") for name in ("rgb", "bgr"))
    crops = [frame[..., :64, :64] for frame in frames]
    torch.testing.assert_close(bgr.estimate(*crops), rgb.estimate(*(crop.flip(1) for crop in crops)))


@pytest.mark.parametrize("unit", ["many", float("nan"), 0, [20]])
def test_a_damaged_unit_is_refused(unit, hollow, tmp_path):
    torch.save({"state_dict": hollow("flownets"), "div_flow": unit}, tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match="div_flow"):
        import_checkpoint(tmp_path / "m.pth")


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))])
def test_a_file_that_asks_to_run_code_is_refused_and_runs_none(save, hollow, tmp_path):
    content = {"state_dict": hollow("flownets"), "extra": Hostile(tmp_path / "made")}
    if save is not torch.save:
        content = content["extra"]
    save(content, tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match="mkdir"):
        import_checkpoint(tmp_path / "m.pth")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("kept", [0, 10, 1000, 10_000])
def test_a_truncated_file_says_so(kept, hollow, tmp_path):
    torch.save({"state_dict": hollow("flownets")}, tmp_path / "whole.pth")
    content = (tmp_path / "whole.pth").read_bytes()
    assert kept < len(content)
    (tmp_path / "m.pth").write_bytes(content[:kept])
    with pytest.raises(CheckpointError, match="not a checkpoint of weights"):
        import_checkpoint(tmp_path / "m.pth")


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {},
        {"state_dict": {}},
        {"state_dict": 3},
        {"state_dict": {"a": 1}},
        {"state_dict": {1: torch.zeros(1)}},
        {"state_dict": {"a": torch.zeros(2).to_sparse()}},
        {"state_dict": {"conv1.0.weight": torch.zeros(2)}},
    ],
    ids=str,
)
def test_what_is_no_flownet_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=r"holds (no|more than) weights|is none of flownets"):
        import_checkpoint(tmp_path / "m.pth")


def test_weights_of_other_sizes_are_refused(hollow, tmp_path):
    torch.save({"state_dict": hollow("flownets") | {"conv2.0.bias": torch.zeros(7)}}, tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=r"conv2.0.bias is \(7,\), expected \(128,\)"):
        import_checkpoint(tmp_path / "m.pth")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        import_checkpoint(tmp_path / "m.pth")
