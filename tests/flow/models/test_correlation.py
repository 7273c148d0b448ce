import torch

from flow.models.correlation import correlation


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
