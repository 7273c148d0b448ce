from itertools import pairwise

import numpy as np
import pytest
import torch

from flow.course import Neighbour, bend, follow
from flow.warp import backward_warp

SIZE = (66, 90)  # no multiple of the coarse grid


def uniform(x, y=0.0):
    return torch.tensor([x, y], dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, *SIZE)


def gap(start, end, lasting=1.0):
    """The flows of what is at ``start`` (x, y) in one frame and at ``end`` in the next one."""
    motion = np.subtract(end, start)
    return Neighbour(torch.cat([uniform(*motion), uniform(*-motion)], dim=1), lasting)


def half_way(followed, motion=None):
    t = torch.full((1, 1, 1, 1), 0.5)
    return bend(followed[:, 4:], followed[:, :2] if motion is None else motion, t)


def test_motion_at_an_even_speed_stays_as_it_is():
    here = gap((4, 2), (8, 4)).flows
    for before, after in ((gap((0, 0), (4, 2)), gap((8, 4), (12, 6))), (gap((2, 1), (4, 2), 0.5), None)):
        followed = follow(here, before, after)
        torch.testing.assert_close(followed[:, :4], here, atol=1e-4, rtol=0)
        torch.testing.assert_close(followed[:, 4:], torch.zeros_like(here), atol=1e-4, rtol=0)


def test_what_speeds_up_is_where_it_was_at_that_time():
    places = [(3 * time**2, 4 * time) for time in (-1, 0, 1, 2)]  # half way at 0.75, where a straight way has 1.5
    before, here, after = (gap(*ends) for ends in pairwise(places))
    followed = follow(here.flows, before, after)
    for t in (0.25, 0.5, 0.75):
        off = bend(followed[:, 4:], followed[:, :2], torch.full((1, 1, 1, 1), t))
        x, y = off[0, :, 30, 40].tolist()
        # Towards either frame both flows are longer by as much as the thing lies behind.
        assert x == pytest.approx(3 * t - 3 * t**2, rel=0.2)
        assert y == pytest.approx(0, abs=1e-4)
    alone = half_way(follow(here.flows, before, None))[0, 0, 30, 40].item()
    assert 0.3 < alone < 0.6  # less, for one side may be wrong


def test_gaps_may_last_longer_or_shorter():
    places = {time: (2 * time**2, 0) for time in (-2, 0, 1, 1.5)}
    before, here, after = gap(places[-2], places[0], 2.0), gap(places[0], places[1]), gap(places[1], places[1.5], 0.5)
    even = follow(here.flows, gap((2, 0), (0, 0)), gap((2, 0), (8, 0)))
    torch.testing.assert_close(follow(here.flows, before, after)[:, 4:], even[:, 4:], atol=1e-4, rtol=0)


def test_where_both_ends_tell_otherwise_less_is_followed():
    here = gap((0, 0), (4, 0)).flows
    agreed = half_way(follow(here, gap((-2, 0), (0, 0)), gap((4, 0), (10, 0))))[0, 0, 30, 40].item()
    doubtful = half_way(follow(here, gap((-8, 0), (0, 0)), gap((4, 0), (16, 0))))[0, 0, 30, 40].item()
    assert agreed == pytest.approx(1.15 * 2 / 8, rel=0.05)
    assert abs(doubtful) < agreed / 2  # the mean of -4 and 8 is the same 2


def test_flows_that_do_not_lead_back_hardly_tell_anything():
    here, chance = gap((0, 0), (4, 0)).flows, torch.Generator().manual_seed(0)
    noise = 180 * torch.randn(8, 4, *SIZE, generator=chance)
    smooth = torch.nn.functional.avg_pool2d(noise, 9, 1, 4)  # each way its own
    sides = zip(smooth[:4].split(1), smooth[4:].split(1), strict=True)
    followed = [follow(here, Neighbour(before, 1.0), Neighbour(after, 1.0)) for before, after in sides]
    assert all((flows[:, :4] - here).abs().max() < 0.2 for flows in followed)
    off = torch.cat([half_way(flows).abs() for flows in followed])
    assert smooth.abs().mean() > 15
    assert off.median() < 0.2
    assert off.quantile(0.95) < 1  # some lead back by chance


def test_what_is_hidden_goes_on_as_it_came():
    """A ground that moves by 3 pixels a frame, of which a part is lost after frame 0, and another before frame 1."""
    ground = gap((0, 0), (3, 0)).flows
    here = ground.clone()
    here[..., :2, 24:48, 28:60] = torch.tensor([-9.0, 7.0]).view(1, 2, 1, 1)  # what passes over it moves otherwise
    followed = follow(here, Neighbour(ground, 1.0), Neighbour(ground, 1.0))
    inside = followed[0, :2, 30:42, 36:52]
    torch.testing.assert_close(inside, ground[0, :2, 30:42, 36:52], atol=0.1, rtol=0)
    assert (follow(here, None, Neighbour(ground, 1.0))[0, 0, 30:42, 36:52] < -8).all()  # nobody knows
    back = ground.clone()
    back[..., 2:, 24:48, 28:60] = torch.tensor([9.0, 7.0]).view(1, 2, 1, 1)
    followed = follow(back, None, Neighbour(ground, 1.0))
    torch.testing.assert_close(followed[0, 2:4, 30:42, 36:52], ground[0, 2:, 30:42, 36:52], atol=0.1, rtol=0)


def test_a_thing_and_its_ground_keep_their_own_course():
    """A square speeds up over a ground that stands still; half way it is looked for where it is then."""
    inside = torch.zeros(1, 1, *SIZE)
    inside[..., 20:44, 30:60] = 1.0
    flows = []
    for velocity, x in ((4.0, -4.0), (12.0, 0.0), (20.0, 12.0)):
        here, there = (backward_warp(inside, uniform(-place)) for place in (x, x + velocity))
        flows.append(torch.cat([here * uniform(velocity), -there * uniform(velocity)], dim=1))
    followed = follow(flows[1], Neighbour(flows[0], 1.0), Neighbour(flows[2], 1.0))
    square = backward_warp(inside, uniform(-6.0))
    off = half_way(followed, motion=square * uniform(12.0))
    assert off[0, 0, 28:36, 44:58].mean() == pytest.approx(1.0, rel=0.2)
    assert off[0, :, :, :12].abs().max() < 0.05
