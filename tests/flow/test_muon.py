import torch
from torch import nn

from flow.models import build_flow_model
from flow.muon import Muon, orthogonalize


def test_every_direction_of_a_matrix_moves_alike():
    torch.manual_seed(0)
    for shape in ((8, 30), (30, 8), (12, 12)):
        strengths = torch.linalg.svdvals(
            orthogonalize(torch.randn(shape) @ torch.diag(torch.logspace(-1, 1, shape[1])))
        )
        assert strengths.max() < 1.3
        assert strengths.min() > 0.3


def test_a_step_is_as_long_as_its_rate_says_whatever_the_gradient_s_length():
    moved = []
    for strength in (1.0, 1024.0):
        torch.manual_seed(0)
        weight = nn.Parameter(torch.randn(16, 4, 2, 2))
        before = weight.detach().clone()
        weight.grad = strength * torch.randn(weight.shape)
        Muon([weight], lr=0.1).step()
        moved.append(weight.detach() - before)
    torch.testing.assert_close(moved[0], moved[1])
    # That of a matrix whose singular values are all 0.2 times the root of its side.
    assert 0.7 * 0.02 < moved[0].square().mean().sqrt().item() < 1.2 * 0.02


def test_a_row_of_a_transposed_weight_is_an_output():
    torch.manual_seed(0)
    start, gradient = torch.randn(12, 4, 2, 2), torch.randn(12, 4, 2, 2)
    plain, transposed = nn.Parameter(start.transpose(0, 1).contiguous()), nn.Parameter(start.clone())
    plain.grad, transposed.grad = gradient.transpose(0, 1).contiguous(), gradient
    Muon([plain, transposed], lr=0.1, transposed=[transposed]).step()
    torch.testing.assert_close(transposed.transpose(0, 1), plain)


def test_what_is_no_matrix_moves_as_by_adam_at_a_tenth_of_the_rate():
    torch.manual_seed(0)
    start, gradients = torch.randn(5), torch.randn(4, 5)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    muon, adam = Muon([ours], lr=0.1), torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.99))
    for gradient in gradients:
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        muon.step()
        adam.step()
    torch.testing.assert_close(ours, theirs)


def test_weights_decay_by_the_rate():
    weight = nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.zeros(4, 4)
    Muon([weight], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(weight, torch.full((4, 4), 0.95), rtol=0, atol=1e-6)


def test_all_of_a_flow_network_moves():
    torch.manual_seed(0)
    model = build_flow_model("flownets", {"width": 0.05})
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer = Muon(model.parameters(), lr=1e-2)
    for _ in range(2):  # the first flows have no gradient beyond the second layer that reads them
        optimizer.zero_grad()
        sum(level.abs().mean() for level in model.levels(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64))).backward()
        optimizer.step()
    assert all(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
