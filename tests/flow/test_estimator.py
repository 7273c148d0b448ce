import numpy as np
import pytest
import torch

from flow.checkpoint import CheckpointError, save_checkpoint
from flow.estimator import FlowEstimator, two_way_by
from flow.models import build_flow_model


@pytest.fixture
def estimator():
    torch.manual_seed(0)
    return FlowEstimator(build_flow_model("flownet2-s", {"width": 0.1}), "cpu", "float32")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 50, 70, 3), np.uint8)


def test_two_images_give_a_flow_of_their_size(estimator, images):
    flow = estimator(*images)
    assert (flow.shape, flow.dtype) == ((50, 70, 2), np.float32)


def test_a_batch_is_its_images_one_by_one(estimator, images):
    batch = estimator(images, images[::-1])
    assert batch.shape == (2, 50, 70, 2)
    np.testing.assert_allclose(batch[1], estimator(images[1], images[0]), atol=1e-3)


def test_the_caller_s_images_stay_as_they_are(estimator, images):
    before = images.copy()
    estimator(*images)
    np.testing.assert_array_equal(images, before)


def test_bfloat16_is_near_float32(estimator, images):
    exact = estimator(*images)
    rounded = FlowEstimator(estimator.model, "cpu", "bfloat16")(*images)
    assert rounded.dtype == np.float32
    assert np.linalg.norm(rounded - exact) < 0.01 * np.linalg.norm(exact)


def test_a_checkpoint_answers_as_the_model_it_was_saved_from(estimator, images, tmp_path):
    save_checkpoint(tmp_path / "m.safetensors", "flownet2-s", estimator.model, {})
    again = FlowEstimator.load(tmp_path / "m.safetensors", "cpu", "float32")
    np.testing.assert_array_equal(again(*images), estimator(*images))


def test_a_checkpoint_of_another_kind_is_refused(estimator, tmp_path):
    save_checkpoint(tmp_path / "m.safetensors", "blend", estimator.model, {})
    with pytest.raises(CheckpointError, match="unknown flow model 'blend'"):
        FlowEstimator.load(tmp_path / "m.safetensors")


def test_two_way_flow_is_the_flow_of_either_order(estimator):
    frames = torch.rand(2, 1, 3, 40, 64)
    forward, backward = two_way_by(estimator)(*frames)
    torch.testing.assert_close(forward, estimator.estimate(frames[0], frames[1]))
    torch.testing.assert_close(backward, estimator.estimate(frames[1], frames[0]))


@pytest.mark.parametrize("shape", [(50, 70), (50, 70, 4), (0, 70, 3)])
def test_what_is_no_image_is_refused(estimator, shape):
    with pytest.raises(ValueError, match="uint8 image"):
        estimator(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))


def test_images_of_different_sizes_are_refused(estimator, images):
    with pytest.raises(ValueError, match="differ in shape"):
        estimator(images[0], images[1][:40])
