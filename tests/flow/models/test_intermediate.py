import pytest
import torch
from torch.nn import functional as F

from flow.models.intermediate import IntermediateConfig, IntermediateFlow, pyramid_levels

SMALL = IntermediateConfig(encoder=(8, 8), stage=(16, 16), hidden=4, radius=2)


@pytest.mark.parametrize("size", [(64, 64), (37, 91), (16, 200), (1, 1)])
def test_flows_come_at_full_size_for_any_size(size):
    model = IntermediateFlow(SMALL)
    flows = model(torch.rand(1, 3, *size), torch.rand(1, 3, *size), torch.full((1, 1, 1, 1), 0.5))
    assert flows.shape == (1, 4, *size)


def test_an_untrained_network_keeps_the_flows_it_is_given():
    model = IntermediateFlow(SMALL)
    frames = torch.rand(2, 1, 3, 64, 64)
    features = [model.encode(frame, 2) for frame in frames]
    start = torch.tensor([3.0, -1.0, -3.0, 1.0]).view(1, 4, 1, 1).expand(1, 4, 64, 64)
    levels = model.estimate(*features, torch.full((1, 1, 1, 1), 0.5), start)
    torch.testing.assert_close(levels[-1].flows, start)


def test_levels_come_coarsest_first_at_their_own_size():
    model = IntermediateFlow(SMALL)
    features = [model.encode(frame, 3) for frame in torch.rand(2, 1, 3, 64, 96)]
    levels = model.estimate(*features, torch.full((1, 1, 1, 1), 0.5))
    assert [tuple(level.flows.shape[-2:]) for level in levels] == [(16, 24), (32, 48), (64, 96)]


def test_a_larger_image_gets_more_levels():
    assert [pyramid_levels(side, 2 * side) for side in (32, 64, 720, 2160)] == [1, 2, 5, 7]


def test_it_learns_a_constant_motion():
    torch.manual_seed(0)
    model = IntermediateFlow(SMALL)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    half = torch.full((4, 1, 1, 1), 0.5)
    truth = torch.tensor([-2.0, 0.0, 2.0, 0.0]).view(1, 4, 1, 1)  # the scene moves 4 px to the right
    errors = []
    for _ in range(60):
        scene = F.interpolate(torch.rand(4, 3, 12, 16), size=(48, 64), mode="bicubic")
        frames = scene[..., 4:-4], torch.roll(scene, 4, dims=3)[..., 4:-4]
        error = (model(*frames, half) - truth).abs()[..., 8:-8, 8:-8].mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.3 * errors[0]
