import pytest
import torch
from torch.nn import functional as F

from flow.window import Place, Window
from vfi.models import load_model
from vfi.models.mixture import Mixture, lay, mix

HALF = torch.full((1, 1, 1, 1), 0.5)


def detailed(height, width, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_weights_of_a_coarse_grid_mix_frames_in_their_full_detail():
    first, last = detailed(48, 64), detailed(48, 64, seed=1)
    still, share = torch.zeros(1, 2, 12, 16), torch.tensor([0.25, 0.75]).view(1, 2, 1, 1).expand(1, 2, 12, 16)
    made = lay(Mixture([still, still], share, HALF, None), (first, last))
    torch.testing.assert_close(made, 0.25 * first + 0.75 * last)
    torch.testing.assert_close(made, mix([first, last], share[..., :1, :1]))


def test_motion_of_a_coarse_grid_is_as_large_as_the_frames_on_them():
    scene = detailed(48, 90)
    first, last = scene[..., 8:72], scene[..., :64]  # 8 pixels to the right: half way 4, 1 of a grid of a quarter
    flow = torch.zeros(1, 2, 12, 16)
    flow[:, 0] = 1
    made = lay(Mixture([-flow, flow], torch.full((1, 2, 12, 16), 0.5), HALF, None), (first, last))
    torch.testing.assert_close(made[..., 4:-4], scene[..., 8:64])


def test_what_a_window_shows_is_what_the_frame_is_there():
    frames = detailed(50, 70), detailed(50, 70, seed=1)
    flows = [3 * torch.randn(1, 2, 25, 35) for _ in range(4)]
    mixture = Mixture(
        flows, torch.softmax(torch.randn(1, 4, 25, 35), 1), HALF, torch.rand(1, 1, 25, 35), torch.rand(1, 3, 25, 35)
    )
    tile = Window(7, 21, 24, 30)
    around = Window(0, 0, 50, 70)
    part = lay(mixture, frames, Place((50, 70), tile, around))
    torch.testing.assert_close(part, tile.of(lay(mixture, frames)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["classical", "fast", "flow-fusion"])
def test_networks_that_look_at_half_the_size_make_a_frame_as_sharp(name):
    scene = F.interpolate(detailed(60, 80), size=(360, 480), mode="bicubic").clamp(0, 1)
    first, middle, last = (scene[..., i : i + 400] for i in (0, 10, 20))
    model = load_model(name)
    model.flow_scale = 2
    pair = model.prepare(first, last)
    assert model.mixture(pair, model.motion(pair, HALF), HALF).weights.shape[-2:] == (180, 200)
    made = model.synthesize(pair, HALF)
    assert -10 * (made - middle)[..., 32:-32].square().mean().log10() > 38
