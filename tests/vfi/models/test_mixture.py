import pytest
import torch
from torch.nn import functional as F

from flow.window import Place, Window
from vfi.models import build_model, load_model
from vfi.models.confidence import Remedy
from vfi.models.mixture import Composition, Mixture, compose, mix, warp_images

HALF = torch.full((1, 1, 1, 1), 0.5)


def detailed(height, width, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def mixed(frames, flows, weights, times=4, dragged=None, remedy=None):
    """A mixture of frames on their own grid, by itself or as that of a frame so many times larger."""
    images = mix(warp_images(frames, flows, times), weights)
    return Mixture(frames, flows, weights, images, HALF, times, dragged, remedy)


def test_weights_of_a_coarse_grid_mix_frames_in_their_full_detail():
    first, last = detailed(48, 64), detailed(48, 64, seed=1)
    share = torch.tensor([0.25, 0.75]).view(1, 2, 1, 1).expand(1, 2, 12, 16)
    made = compose(Composition(torch.zeros(1, 4, 12, 16), share, None, torch.zeros(1, 3, 12, 16), HALF), (first, last))
    torch.testing.assert_close(made, 0.25 * first + 0.75 * last)


def test_motion_of_a_coarse_grid_is_as_large_as_the_frames_on_them():
    scene = detailed(48, 90)
    first, last = scene[..., 8:72], scene[..., :64]  # 8 pixels to the right: half way 4, 1 of a grid of a quarter
    flow = torch.tensor([-1.0, 0, 1, 0]).view(1, 4, 1, 1).expand(1, 4, 12, 16)
    weights = torch.full((1, 2, 12, 16), 0.5)
    made = compose(Composition(flow, weights, None, torch.zeros(1, 3, 12, 16), HALF), (first, last))
    torch.testing.assert_close(made[..., 4:-4], scene[..., 8:64])


def test_what_a_window_shows_is_what_the_frame_is_there():
    frames = detailed(50, 70), detailed(50, 70, seed=1)
    composition = Composition(
        3 * torch.randn(1, 4, 25, 35),
        torch.rand(1, 2, 25, 35),
        torch.rand(1, 2, 25, 35),
        torch.rand(1, 3, 25, 35),
        HALF,
        torch.rand(1, 1, 13, 18),
    )
    tile = Window(7, 21, 24, 30)
    around = Window(0, 0, 50, 70)
    part = compose(composition, frames, Place((50, 70), tile, around))
    torch.testing.assert_close(part, tile.of(compose(composition, frames)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("fallback", [None, "soft", "blend", "hold"])
def test_on_its_own_grid_a_composition_comes_to_what_its_mixture_does(fallback):
    frames, flows = (detailed(40, 56), detailed(40, 56, seed=1)), [2 * torch.randn(1, 2, 40, 56) for _ in range(6)]
    keep, rest = torch.rand(1, 1, 40, 56), torch.rand(1, 3, 40, 56) if fallback == "soft" else None
    soft = (torch.rand(1, 3, 40, 56), torch.rand(1, 1, 40, 56)) if fallback == "soft" else (None, None)
    remedy = Remedy(keep, rest, fallback, *soft) if fallback else None
    weights = torch.softmax(torch.randn(1, 6, 40, 56), dim=1)
    mixture = mixed(frames, flows, weights, 1, torch.rand(1, 1, 40, 56), remedy)
    torch.testing.assert_close(compose(mixture.composition(), frames), mixture.made, atol=1e-5, rtol=0)


def test_softer_versions_of_a_coarse_grid_are_left_out_of_a_larger_frame():
    frames, flows = (detailed(40, 56), detailed(40, 56, seed=1)), [torch.zeros(1, 2, 40, 56) for _ in range(2)]
    keep, softness = torch.full((1, 1, 40, 56), 0.25), torch.full((1, 1, 40, 56), 0.75)
    remedy = Remedy(keep, torch.zeros(1, 3, 40, 56), "soft", torch.full((1, 3, 40, 56), 0.5), softness)
    mixture = mixed(frames, flows, torch.full((1, 2, 40, 56), 0.5), remedy=remedy)
    torch.testing.assert_close(mixture.made, 0.25 * mixture.mixed + 0.5)
    torch.testing.assert_close(compose(mixture.composition(), frames), mixture.mixed)
    twice = mixture._replace(times=2)  # as large: two pixels softer is what it may be
    torch.testing.assert_close(compose(twice.composition(), frames), mixture.made)


@pytest.mark.parametrize("times", [1, 2, 4])
def test_where_all_images_agree_nothing_is_added_to_the_two_of_a_composition(times):
    frames, flow = (detailed(40, 56), detailed(40, 56, seed=1)), 2 * torch.randn(1, 2, 40, 56)
    mixture = mixed(frames, [flow, -flow] * 3, torch.full((1, 6, 40, 56), 1 / 6), times)
    assert mixture.composition().rest.abs().max() < 1e-5


def test_what_stands_still_is_laid_over_as_sharply_as_the_frames_show_it():
    ground, letter = detailed(48, 64), torch.zeros(1, 1, 48, 64)
    letter[..., 20:23, 30] = 1
    first, last = ground.lerp(torch.ones_like(ground), letter), (1 - ground).lerp(torch.ones_like(ground), letter)
    around = F.max_pool2d(F.avg_pool2d(letter, 4).ceil(), 3, 1, 1)
    flow, weights = torch.full((1, 4, 12, 16), 3.0), torch.full((1, 2, 12, 16), 0.5)
    found = Composition(flow, weights, None, torch.zeros(1, 3, 12, 16), HALF)
    made, without = (compose(found._replace(dragged=dragged), (first, last)) for dragged in (around, None))
    torch.testing.assert_close(made[..., 20:23, 30], torch.ones(1, 3, 3))
    moved = (first - last).abs().amax(dim=1, keepdim=True) > 0.1
    torch.testing.assert_close(torch.where(moved, made, 0), torch.where(moved, without, 0))


def test_where_motions_differ_the_frame_follows_the_weightiest_and_nothing_between_them():
    frames = detailed(40, 56), detailed(40, 56, seed=1)
    far, near = torch.full((1, 2, 40, 56), 9.0), torch.full((1, 2, 40, 56), 1.0)
    weights = torch.tensor([0.2, 0.25, 0.1, 0.15, 0.2, 0.1]).view(1, 6, 1, 1).expand(1, 6, 40, 56)
    flows = mixed(frames, [far, far, near, near, near + 0.1, near + 0.1], weights).composition().flows
    assert 8.9 < flows[:, :2].mean() < 9.1  # 0.2, beside 0.1 and 0.2 of the others
    assert 8.9 < flows[:, 2:].mean() < 9.1
    two = torch.tensor([0.1, 0.1, 0.2, 0.2, 0.2, 0.2]).view(1, 6, 1, 1).expand(1, 6, 40, 56)
    flows = mixed(frames, [far, far, near, near, near + 0.1, near + 0.1], two).composition().flows
    assert 1.04 < flows.min() <= flows.max() < 1.06


def test_a_model_may_look_at_half_the_size_of_smaller_frames_too():
    frames = [F.interpolate(detailed(30, 40, seed), size=(120, 160), mode="bicubic").clamp(0, 1) for seed in (0, 1)]
    for fine, grid in ((120 * 160, (120, 160)), (120 * 160 - 1, (60, 80))):
        model = build_model("flow-fusion", {"start": "dis", "refine_levels": 0, "fine": fine}).eval()
        pair = model.prepare(*frames)
        assert model.mixture_at(pair, HALF).weights.shape[-2:] == grid
        assert model.synthesize(pair, HALF).shape == (1, 3, 120, 160)


@pytest.mark.parametrize("name", ["classical", "fast", "flow-fusion"])
def test_networks_that_look_at_a_quarter_of_the_size_make_a_frame_as_sharp(name):
    scene = F.interpolate(detailed(60, 80), size=(360, 480), mode="bicubic").clamp(0, 1)
    first, middle, last = (scene[..., i : i + 400] for i in (0, 10, 20))
    model = load_model(name)
    model.flow_scale = 2
    pair = model.prepare(first, last)
    assert model.mixture_at(pair, HALF).weights.shape[-2:] == (90, 100)
    made = model.synthesize(pair, HALF)
    assert -10 * (made - middle)[..., 32:-32].square().mean().log10() > 38
