"""The shipped flow networks on scenes that they were not trained on: cut of frames of the sample film."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from flow.by_name import CLASSICAL, find_estimator
from flow.checkpoint import load_checkpoint, shipped_checkpoints
from flow.metrics import endpoint_error
from flow.models import FLOW_MODELS
from flow.synthetic import random_scene

CLIP = Path(__file__).resolve().parents[2] / "samples" / "webb.mp4"
SIZE = (384, 512)
SHIPPED = shipped_checkpoints(FLOW_MODELS)


@pytest.fixture(scope="module")
def scenes():
    """Eight scenes whose layers move by up to an eighth of the width: two frames and the flow."""
    film = cv2.VideoCapture(str(CLIP))
    frames = []
    for number in (0, 20, 40):
        film.set(cv2.CAP_PROP_POS_FRAMES, number)
        read, frame = film.read()
        assert read
        frames.append(frame[..., ::-1])
    rng = np.random.default_rng(0)
    made = [random_scene(frames, SIZE, rng, own=0.0) for _ in range(8)]
    return [(scene.picture(0), scene.picture(1), scene.flow(0, 1)) for scene in made]


def error(estimate, scenes):
    return np.mean([endpoint_error(estimate(first, second), flow).mean() for first, second, flow in scenes])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_is_found_by_its_name_and_finds_the_motion(scenes, name):
    estimate, place = find_estimator(name, "cpu", "float32")
    assert place == "cpu"
    found = error(estimate, scenes)
    assert found < 0.7 * error(CLASSICAL["zero"], scenes)
    assert found < error(CLASSICAL["farneback"], scenes)


@pytest.mark.parametrize("name", ["flownets", "flownetc"])
def test_the_weights_are_small_and_tell_what_they_were_trained_on(name):
    assert SHIPPED[name].stat().st_size < 20e6
    checkpoint = load_checkpoint(SHIPPED[name])
    assert (checkpoint.model, checkpoint.config["width"]) == (name, 0.375)
    assert checkpoint.samples > 10_000
