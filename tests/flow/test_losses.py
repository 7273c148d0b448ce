import pytest
import torch
from torch.nn import functional as F

from flow.losses import WEIGHTS, endpoint_loss, multiscale_loss, pool_flow
from flow.metrics import endpoint_error
from flow.models import build_flow_model


@pytest.fixture
def truth():
    return 30 * torch.randn(2, 2, 64, 128, generator=torch.Generator().manual_seed(0))


def levels_for(truth, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(len(truth), 2, 64 >> k, 128 >> k, generator=generator) for k in range(2, 7)]


def original(levels, truth, weights, div_flow):
    """FlowNetPytorch's dense loss, written out."""
    loss = 0
    for level, weight in zip(levels, weights, strict=True):
        scaled = F.adaptive_avg_pool2d(truth / div_flow, level.shape[-2:])
        for b in range(len(truth)):
            loss = loss + weight * (level[b] / div_flow - scaled[b]).square().sum(dim=0).sqrt().sum() / len(truth)
    return loss


def test_the_sum_is_that_of_the_original(truth):
    levels = levels_for(truth)
    expected = original(levels, truth, [0.005, 0.01, 0.02, 0.08, 0.32], 20)
    torch.testing.assert_close(multiscale_loss(levels, truth), expected)


def test_what_a_network_returns_fits_the_loss(truth):
    torch.manual_seed(0)
    for name in ("flownets", "flownet2-c", "flownet2-sd"):
        model = build_flow_model(name, {"width": 0.05})
        levels = model.levels(torch.rand(2, 3, 64, 128), torch.rand(2, 3, 64, 128))
        assert len(levels) == len(WEIGHTS)
        loss = multiscale_loss(levels, truth, div_flow=model.config.div_flow)
        loss.backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_the_true_flow_costs_nothing_and_pulls_nowhere():
    truth = torch.full((1, 2, 64, 64), 5.0)
    levels = [torch.full((1, 2, 64 >> k, 64 >> k), 5.0, requires_grad=True) for k in range(2, 7)]
    loss = multiscale_loss(levels, truth)
    loss.backward()
    assert loss == 0
    assert all((level.grad == 0).all() for level in levels)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_what_is_unknown_has_no_say(truth, sparse, reduction):
    valid = (torch.rand(2, 1, 64, 128, generator=torch.Generator().manual_seed(2)) < 0.3).float()
    levels = [level.requires_grad_() for level in levels_for(truth)]
    losses = [
        multiscale_loss(levels, truth.where(valid > 0, unknown), valid, sparse=sparse, reduction=reduction)
        for unknown in (torch.tensor(0.0), torch.tensor(1e6))
    ]
    assert losses[0] == losses[1] > 0


def test_a_pixel_that_covers_nothing_known_costs_nothing(truth):
    valid = torch.zeros(2, 1, 64, 128)
    valid[:, :, :32] = 1
    levels = levels_for(truth)
    changed = [level.clone() for level in levels]
    for level in changed[:-1]:
        level[:, :, level.shape[2] // 2 :] += 100
    assert multiscale_loss(levels, truth, valid) == multiscale_loss(changed, truth, valid)
    assert multiscale_loss(levels, truth, torch.zeros_like(valid)) == 0


def test_with_everything_known_a_mask_changes_nothing(truth):
    levels = levels_for(truth)
    torch.testing.assert_close(
        multiscale_loss(levels, truth), multiscale_loss(levels, truth, torch.ones(2, 1, 64, 128, dtype=torch.bool))
    )


def test_sparse_pooling_is_that_of_the_original(truth):
    valid = (torch.rand(2, 1, 64, 128, generator=torch.Generator().manual_seed(2)) < 0.2).float()
    flow = truth * valid
    positive, negative = (flow > 0).float(), (flow < 0).float()
    expected = F.adaptive_max_pool2d(flow * positive, (16, 32)) - F.adaptive_max_pool2d(-flow * negative, (16, 32))
    torch.testing.assert_close(pool_flow(truth, valid, (16, 32), sparse=True)[0], expected)


def test_the_mean_does_not_depend_on_the_size_and_the_sum_does():
    def losses(side):
        levels = [torch.zeros(1, 2, side >> k, side >> k) for k in range(2, 7)]
        truth = torch.full((1, 2, side, side), 20.0)
        return [multiscale_loss(levels, truth, reduction=reduction) for reduction in ("sum", "mean")]

    (small_sum, small_mean), (large_sum, large_mean) = losses(64), losses(128)
    torch.testing.assert_close(large_mean, small_mean)
    torch.testing.assert_close(large_sum, 4 * small_sum)
    torch.testing.assert_close(small_mean, torch.tensor(2**0.5 * sum(WEIGHTS)))


def test_the_end_point_error_is_that_of_the_metrics(truth):
    estimate = truth + torch.randn(truth.shape, generator=torch.Generator().manual_seed(3))
    by_metrics = [
        endpoint_error(*(flow[b].permute(1, 2, 0).numpy() for flow in (estimate, truth))).mean() for b in range(2)
    ]
    assert endpoint_loss(estimate, truth).item() == pytest.approx(sum(by_metrics) / 2, rel=1e-5)


def test_wrong_arguments_are_told(truth):
    with pytest.raises(ValueError, match="differ in size"):
        endpoint_loss(truth, truth[..., :-1])
    with pytest.raises(ValueError, match="reduction"):
        endpoint_loss(truth, truth, reduction="max")
    with pytest.raises(ValueError, match="6 levels and 5 weights"):
        multiscale_loss([truth] * 6, truth)
