import pytest
import torch

from flow.models.correlation import blocked_correlation, correlation, wide_correlation


def test_a_shifted_image_correlates_best_at_its_shift():
    features = torch.randn(1, 16, 12, 12)
    moved = torch.roll(features, shifts=(1, -2), dims=(2, 3))  # one down, two left
    scores = correlation(features, moved, radius=3)[..., 4:8, 4:8].mean(dim=(0, 2, 3))
    best = divmod(int(scores.argmax()), 7)
    assert (best[0] - 3, best[1] - 3) == (1, -2)


def test_stride_spreads_the_displacements():
    features0, features1 = torch.randn(1, 4, 9, 9), torch.randn(1, 4, 9, 9)
    fine, coarse = correlation(features0, features1, 4), correlation(features0, features1, 2, stride=2)
    torch.testing.assert_close(coarse.unflatten(1, (5, 5)), fine.unflatten(1, (9, 9))[:, ::2, ::2])


@pytest.mark.parametrize(("radius", "stride"), [(10, 2), (2, 3), (3, 1), (0, 1)])
def test_the_wide_correlation_is_the_correlation(radius, stride):
    pair = torch.randn(2, 2, 8, 9, 13, requires_grad=True)  # no whole strides wide
    found = [function(*pair, radius, stride) for function in (correlation, wide_correlation)]
    torch.testing.assert_close(found[1], found[0])
    slopes = [torch.autograd.grad(scores.square().sum(), pair)[0] for scores in found]
    torch.testing.assert_close(slopes[1], slopes[0])


@pytest.mark.parametrize(("size", "radius"), [((9, 13), 3), ((5, 32), 2), ((4, 33), 8), ((7, 3), 1), ((2, 16), 0)])
def test_the_blocked_correlation_is_the_correlation(size, radius):
    pair = torch.randn(2, 2, 5, *size)
    torch.testing.assert_close(blocked_correlation(*pair, radius), correlation(*pair, radius))
