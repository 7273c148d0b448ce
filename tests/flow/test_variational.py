"""Facts about the variational refinement of a flow."""

import torch
from torch import Tensor
from torch.nn import functional as F

from flow.variational import Refinement, refine_flow


def waves(shift: float) -> Tensor:
    """A smooth texture in levels of 255, moved to the right by some pixels."""
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    x = x - shift
    return (128 + 50 * torch.sin(0.4 * x + 0.1 * y) + 40 * torch.cos(0.15 * x - 0.35 * y))[None, None]


def test_a_rough_flow_comes_closer_to_the_truth() -> None:
    true = torch.tensor([2.0, 0.0])[:, None, None]
    start = true + 0.5 * torch.randn(1, 2, 48, 64, generator=torch.Generator().manual_seed(0))
    refined = refine_flow(waves(0), waves(2), start, Refinement())
    before, after = ((flow - true)[..., 8:-8, 8:-8].norm(dim=1).mean() for flow in (start, refined))
    assert after < 0.5 * before


def test_noise_of_the_flow_is_smoothed_where_the_images_say_nothing() -> None:
    plain = torch.full((1, 1, 48, 64), 128.0)
    noise = torch.randn(1, 2, 48, 64, generator=torch.Generator().manual_seed(0))
    refined = refine_flow(plain, plain, noise, Refinement())
    assert refined.std() < 0.7 * noise.std()


def test_a_change_of_brightness_is_not_taken_for_motion() -> None:
    still = torch.zeros(1, 2, 48, 64)
    assert refine_flow(waves(0), waves(0) + 3, still, Refinement(brightness=0)).abs().max() < 0.1


def test_an_edge_of_motion_stays_sharp_where_the_images_show_it() -> None:
    first, second = waves(0), waves(0)
    second[..., 32:] = waves(2)[..., 32:]
    flow = torch.zeros(1, 2, 48, 64)
    flow[:, 0, :, 32:] = 2
    refined = refine_flow(first, second, flow, Refinement())
    across = F.avg_pool2d(refined[:, :1], (48, 1))[0, 0, 0]
    assert across[28] < 0.6
    assert across[36] > 1.4
