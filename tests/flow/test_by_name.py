import cv2
import numpy as np
import pytest

from flow.by_name import CLASSICAL, find_estimator
from flow.checkpoint import CheckpointError, save_checkpoint
from flow.farneback import farneback_flow
from flow.models import build_flow_model


@pytest.fixture
def images():
    noise = np.random.default_rng(0).integers(0, 255, (2, 60, 80, 3), np.uint8)
    return np.stack([cv2.GaussianBlur(image, (0, 0), 2) for image in noise])


@pytest.fixture
def network(tmp_path):
    save_checkpoint(tmp_path / "net.safetensors", "flownets", build_flow_model("flownets", {"width": 0.05}), {})
    return str(tmp_path / "net.safetensors")


@pytest.mark.parametrize("name", [*CLASSICAL, "a network"])
def test_a_batch_is_its_pairs_one_by_one(images, network, name):
    estimate, _ = find_estimator(network if name == "a network" else name, "cpu", "float32")
    moved = np.roll(images, 2, axis=2)
    flows = estimate(images, moved)
    assert (flows.shape, flows.dtype) == ((2, 60, 80, 2), np.float32)
    for flow, first, second in zip(flows, images, moved, strict=True):
        np.testing.assert_allclose(flow, estimate(first, second), atol=1e-3)


def test_wrong_names_are_told(tmp_path):
    with pytest.raises(ValueError, match="dis, dis-filled, farneback, zero"):
        find_estimator("pwc")
    with pytest.raises(ValueError, match="on the CPU"):
        find_estimator("dis", "cuda")
    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"a\.safetensors"):
        find_estimator(str(tmp_path / "a.safetensors"))


def test_images_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        farneback_flow(np.zeros((20, 20, 3), np.uint8), np.zeros((20, 21, 3), np.uint8))
