import pytest
import torch

from vfi.models.confidence import Confidence, fall_back, find_remedy, find_signs

HALF = torch.full((1, 1, 1, 1), 0.5)
EARLY = torch.full((1, 1, 1, 1), 0.25)


def pictures(count, height=50, width=70):
    generator = torch.Generator().manual_seed(0)
    return list(torch.rand(count, 1, 3, height, width, generator=generator))


def weights(*values):
    return torch.tensor(values).view(1, 4, 1, 1).expand(1, 4, 13, 18)


def replaced(made, frames, t, found, fallback, share=0.7):
    """The frame with what is not to be trusted in it replaced."""
    remedy = find_remedy(made, frames, t, found, fallback, share)
    return made if remedy is None else fall_back(made, frames, t, remedy)


def test_an_untrained_network_trusts_the_frame():
    made, first, second, *images = pictures(5)
    signs = find_signs(made, (first, second), images, torch.zeros(1, 1, 50, 70), torch.zeros(1, 4, 50, 70))
    found = Confidence(8)(signs)
    assert found.shape == (1, 4, 13, 18)
    assert found[:, :1].min() > 0.9
    torch.testing.assert_close(found.sum(1), torch.ones(1, 13, 18))


def test_signs_are_silent_where_all_images_agree_and_rise_where_they_do_not():
    flat = torch.full((1, 3, 48, 64), 0.5)
    other = flat.clone()
    other[..., 32:] += 0.2
    zero, flows = torch.zeros(1, 1, 48, 64), torch.zeros(1, 4, 48, 64)
    assert find_signs(flat, (flat, flat), [flat, flat], zero, flows).abs().max() == 0
    signs = find_signs(flat, (flat, other), [flat, other], zero, flows)
    assert signs[:, :3, :, 9:].min() > 1
    assert signs[:, :3, :, :7].max() == 0


@pytest.mark.parametrize("size", [(50, 70), (48, 64), (7, 9)])
def test_a_trusted_frame_stays_what_it_is_whatever_the_fallback(size):
    made, first, second = pictures(3, *size)
    for fallback in ("soft", "blend", "hold", "off"):
        found = replaced(made, (first, second), HALF, weights(1.0, 0, 0, 0), fallback)
        torch.testing.assert_close(found, made)


def test_a_frame_that_is_not_trusted_is_replaced_as_asked():
    made, first, second = pictures(3)
    doubt = weights(0.1, 0.9, 0, 0)
    torch.testing.assert_close(replaced(made, (first, second), EARLY, doubt, "off"), made)
    torch.testing.assert_close(replaced(made, (first, second), EARLY, doubt, "hold"), first)
    torch.testing.assert_close(replaced(made, (first, second), 1 - EARLY, doubt, "hold"), second)
    torch.testing.assert_close(replaced(made, (first, second), EARLY, doubt, "blend"), 0.75 * first + 0.25 * second)
    torch.testing.assert_close(
        replaced(made, (first, second), EARLY, doubt, "soft", 1.0), 0.1 * made + 0.9 * (0.75 * first + 0.25 * second)
    )


def test_softer_versions_lose_detail_and_keep_their_brightness():
    (made,) = pictures(1, 48, 64)
    soft = replaced(made, (made, made), HALF, weights(0, 0, 0, 1.0), "soft", 1.0)
    assert soft.std() < 0.3 * made.std()
    assert abs(soft.mean() - made.mean()) < 0.002
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 48, 64)
    soft = replaced(ramp, (ramp, ramp), HALF, weights(0, 0, 1.0, 0), "soft", 1.0)
    torch.testing.assert_close(soft[..., 4:-4], ramp[..., 4:-4])
