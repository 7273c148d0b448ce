import pytest
import torch
from torch.nn import functional as F

from vfi.models.blend import Blend, BlendConfig
from vfi.models.classical import Classical, ClassicalConfig

SIDE, LEFT, WIDTH, MOTION = 128, 40, 40, 8


def texture(seed, detail=6):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, 3, SIDE // detail + 2, SIDE // detail + 2, generator=generator)
    return F.interpolate(noise, size=(SIDE, SIDE), mode="bicubic").clamp(0, 1)


GROUND, SQUARE = 0.5 * texture(0), 0.5 + 0.5 * texture(1)


def frame(t):
    """A textured square that moves MOTION pixels to the right over a still, darker ground; whole pixels only."""
    image, left = GROUND.clone(), LEFT + round(MOTION * t)
    image[..., LEFT : LEFT + WIDTH, left : left + WIDTH] = SQUARE[..., :WIDTH, :WIDTH]
    return image


def time(t):
    return torch.full((1, 1, 1, 1), t)


def psnr(made, true):
    return -10 * torch.log10((made - true).square().mean()).item()


@pytest.fixture(scope="module")
def classical():
    return Classical(ClassicalConfig())


@pytest.fixture(scope="module")
def pair(classical):
    return classical.prepare(frame(0), frame(1))


def test_a_moving_square_comes_out_much_better_than_blended(classical, pair):
    blended = Blend(BlendConfig())(frame(0), frame(1), time(0.5))
    assert psnr(classical.synthesize(pair, time(0.5)), frame(0.5)) > psnr(blended, frame(0.5)) + 6


@pytest.mark.parametrize("t", [0.25, 0.5, 0.75])
def test_the_square_is_where_its_time_puts_it(classical, pair, t):
    made = classical.synthesize(pair, time(t))
    scores = {other: psnr(made, frame(other)) for other in (0, 0.25, 0.5, 0.75, 1)}
    assert max(scores, key=lambda other: scores[other]) == t


def test_time_reversed_makes_the_same_frame(classical, pair):
    back = classical(frame(1), frame(0), time(0.75))
    torch.testing.assert_close(classical.synthesize(pair, time(0.25)), back, atol=1e-5, rtol=0)


def test_ground_that_only_one_frame_sees_is_taken_from_that_frame(classical, pair):
    made, rows = classical.synthesize(pair, time(0.5)), slice(LEFT + 8, LEFT + WIDTH - 8)
    uncovered = (..., rows, slice(LEFT, LEFT + 3))  # behind the square: only frame 1 sees it
    to_be_covered = (..., rows, slice(LEFT + WIDTH + 5, LEFT + WIDTH + 8))  # ahead of it: only frame 0 does
    for place in (uncovered, to_be_covered):
        blended = 0.5 * (frame(0) + frame(1))
        assert (made - GROUND)[place].abs().mean() < 0.5 * (blended - GROUND)[place].abs().mean()


def test_a_panned_picture_is_the_shifted_picture_up_to_its_edge(classical):
    scene = texture(2, detail=10)
    first, middle, last = (scene[..., i : i + 116] for i in (0, 6, 12))
    made = classical(first, last, time(0.5))
    assert psnr(made[..., 16:-16], middle[..., 16:-16]) > 35
    assert psnr(made, middle) > psnr(0.5 * (first + last), middle) + 6


def test_a_batch_is_as_good_as_its_items_one_by_one(classical):
    frames0, frames1 = torch.cat([frame(0), frame(1)]), torch.cat([frame(1), frame(0.5)])
    t = torch.tensor([0.5, 0.25]).view(2, 1, 1, 1)
    together = classical(frames0, frames1, t)
    for i in range(2):
        alone = classical(frames0[i : i + 1], frames1[i : i + 1], t[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone)


def test_at_half_the_flow_scale_frames_are_mixed_on_a_quarter_and_as_sharp():
    scene = F.interpolate(texture(2, detail=4), size=(4 * SIDE, 4 * SIDE), mode="bicubic")
    first, middle, last = (scene[..., i : i + 400] for i in (0, 10, 20))
    model = Classical(ClassicalConfig())
    model.flow_scale = 2
    pair = model.prepare(first, last)
    assert pair.flows[0].shape[-2:] == (128, 100)
    assert pair.flows[0][..., 10:-10, 10:-10].mean(dim=(0, 2, 3))[0].item() == pytest.approx(-5, abs=0.05)
    assert psnr(model.synthesize(pair, time(0.5))[..., 32:-32], middle[..., 32:-32]) > 45


def test_text_stays_still_over_a_ground_that_moves(classical):
    text = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    text[..., 60:64, 20:100] = text[..., 50:75, 40:44] = text[..., 50:75, 80:84] = True
    white = torch.ones(())
    first, middle, last = (
        torch.where(text, white, torch.roll(0.6 * texture(3), shift, dims=-1))
        for shift in (-MOTION // 2, 0, MOTION // 2)
    )
    made = classical(first, last, time(0.5))
    assert (made - middle)[text.expand_as(made)].abs().mean() < 0.03
    assert psnr(made[..., 16:-16], middle[..., 16:-16]) > 28
