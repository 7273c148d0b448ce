import cv2
import numpy as np
import pytest
import torch

from flow.correspondence import begin_smoothly, can_match, correspondence_loss
from flow.models import build_flow_model

SHIFT = 32  # pixels to the right
SMALL = {"width": 0.125}


@pytest.fixture(scope="module")
def pair():
    """Two frames of a soft texture that moves, (1, 3, 192, 256), and its flow."""
    noise = np.random.default_rng(0).integers(0, 255, (192, 256 + SHIFT, 3)).astype(np.float32)
    soft = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 1, cv2.NORM_MINMAX)
    scene = torch.from_numpy(soft).permute(2, 0, 1)[None]
    flow = torch.tensor([SHIFT, 0.0]).view(1, 2, 1, 1).expand(1, 2, 192, 256)
    return scene[..., SHIFT:], scene[..., :256], flow


def loss_of(model, pair, flow=None):
    _, *features = model.encode(model.pair(*pair[:2]))
    valid = torch.ones(1, 1, 192, 256)
    valid[..., -SHIFT:] = 0
    return correspondence_loss(*features, pair[2] if flow is None else flow, valid)


@torch.no_grad()
def test_smooth_filters_tell_what_corresponds_before_they_have_learnt_anything(pair):
    torch.manual_seed(0)
    model = build_flow_model("flownetc", SMALL)
    noisy = loss_of(model, pair)
    begin_smoothly(model)
    assert loss_of(model, pair) < noisy
    assert loss_of(model, pair) < loss_of(model, pair, -pair[2])


def test_features_learn_what_corresponds(pair):
    torch.manual_seed(0)
    model = build_flow_model("flownetc", SMALL)
    begin_smoothly(model)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = loss_of(model, pair)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_what_is_not_known_does_not_count():
    features = torch.randn(2, 1, 16, 6, 6)
    flow, none = torch.randn(1, 2, 48, 48), torch.zeros(1, 1, 48, 48)
    losses = {correspondence_loss(*features, times * flow, none).item() for times in (0, 1, 9)}
    assert len(losses) == 1
    assert correspondence_loss(*features, flow + 500, none + 1).item() in losses  # further than it asks about


def test_between_displacements_the_truth_is_shared():
    features = torch.randn(1, 64, 8, 12)
    still, valid = torch.zeros(1, 2, 64, 96), torch.ones(1, 1, 64, 96)
    losses = [correspondence_loss(features, features, still + shift, valid).item() for shift in (0, 4, 8, 16)]
    assert losses == sorted(losses)
    assert losses[1] - losses[0] == pytest.approx((losses[2] - losses[0]) / 2, rel=0.35)


def test_networks_that_compare_features_can_be_taught():
    assert [can_match(build_flow_model(name, SMALL)) for name in ("flownetc", "flownet2-c", "flownets")] == [1, 1, 0]
