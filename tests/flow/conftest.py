"""The original implementations' outputs on weights that a rule makes: `fixtures/README.md`."""

import json
import math
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from flow.models import build_flow_model

FIXTURES = Path(__file__).parent / "fixtures"


def made_weight(key, shape):
    """A weight that depends on its name and shape alone."""
    if key.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.long)
    std = math.sqrt(2 / math.prod(shape[1:])) if len(shape) >= 2 else 0.02
    value = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape, dtype=np.float32) * np.float32(std)
    if key.endswith("running_var"):
        value = 1 + abs(value)
    if len(shape) == 1 and key.endswith(".1.weight"):
        value = 1 + value
    return torch.from_numpy(value)


@pytest.fixture(scope="session")
def layouts():
    """Name of a network -> name of a weight in public checkpoints -> its shape."""
    return json.loads((FIXTURES / "flownets.json").read_text())


@pytest.fixture(scope="session")
def made_weights(layouts):
    return lambda name: {key: made_weight(key, shape) for key, shape in layouts[name].items()}


@pytest.fixture(scope="session")
def reference():
    """Arrays frame0, frame1 (H, W, 3), and by a network's name its output (h, w, 2)."""
    with np.load(FIXTURES / "flownets.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def frames(reference):
    return [torch.from_numpy(reference[key]).permute(2, 0, 1)[None].float() / 255 for key in ("frame0", "frame1")]


@pytest.fixture(scope="session")
def parity_error(made_weights, reference, frames):
    """Name of a network -> how far its flow is from the original's, relative to the latter's length."""

    def error(name):
        with torch.device("meta"):  # no time lost on first weights
            model = build_flow_model(name)
        model.load_state_dict(made_weights(name), assign=True)
        expected = torch.from_numpy(reference[name]).float().permute(2, 0, 1)[None]
        with torch.no_grad():
            found = model.eval()(*frames)
        if expected.shape != found.shape:  # before the factor and the enlargement
            expected = torch.nn.functional.interpolate(expected * 20, scale_factor=4, mode="bilinear")
        return float((found - expected).norm() / expected.norm())

    return error
