import pytest
import torch

from flow.projection import coverage, intermediate_flows, motions_at


def times(*values):
    return torch.tensor(values).view(-1, 1, 1, 1)


def project_flows(flow01, flow10, t):
    return intermediate_flows(torch.lerp(*motions_at(flow01, flow10, t), t), t)


def moving_square(side=64, left=16, width=20, motion=8.0):
    """Flows 0->1 and 1->0 of a square that moves right over a still ground."""
    forward, backward = torch.zeros(2, 1, 2, side, side)
    forward[:, 0, left : left + width, left : left + width] = motion
    moved = left + int(motion)
    backward[:, 0, left : left + width, moved : moved + width] = -motion
    return forward, backward


@pytest.mark.parametrize("t", [0.25, 0.5, 0.8])
def test_a_uniform_motion_is_shared_out_by_time(t):
    flow = torch.tensor([6.0, -3.0]).view(1, 2, 1, 1).expand(1, 2, 20, 30)
    to0, to1 = project_flows(flow, -flow, times(t))
    torch.testing.assert_close(to0, -t * flow)
    torch.testing.assert_close(to1, (1 - t) * flow)


@pytest.mark.parametrize("t", [0.25, 0.5, 0.75])
def test_the_motion_of_a_square_is_where_the_square_is_at_that_time(t):
    forward, backward = moving_square()
    to0, to1 = project_flows(forward, backward, times(t))
    left = 16 + round(8 * t)
    inside = (slice(None), slice(0, 1), slice(18, 34), slice(left + 2, left + 18))
    torch.testing.assert_close(to0[inside], torch.full_like(to0[inside], -8 * t))
    torch.testing.assert_close(to1[inside], torch.full_like(to1[inside], 8 * (1 - t)))
    assert to0[..., :6].abs().max() == 0


def test_the_projected_flow_leads_back_to_where_the_flow_started():
    """A zoom by a tenth has an inverse in closed form."""
    grid = torch.stack(torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="xy"))[None] - 20
    forward, backward = 0.1 * grid, -0.1 / 1.1 * grid
    to0, to1 = project_flows(forward, backward, times(0.5))
    inner = (..., slice(4, 36), slice(4, 36))
    torch.testing.assert_close(to0[inner], (-0.05 / 1.05 * grid)[inner], atol=2e-2, rtol=0)
    torch.testing.assert_close(to1[inner], (0.05 / 1.05 * grid)[inner], atol=2e-2, rtol=0)


def test_both_flows_tell_the_same_motion_where_both_frames_see_it():
    motion0, motion1 = motions_at(*moving_square(), times(0.5))
    torch.testing.assert_close(motion0[..., 18:34, 22:38], motion1[..., 18:34, 22:38])


def test_a_batch_is_as_good_as_its_items_one_by_one():
    flows = 4 * torch.randn(2, 3, 2, 16, 20)
    together = project_flows(*flows, times(0.25, 0.5, 0.75))
    for i, t in enumerate((0.25, 0.5, 0.75)):
        alone = project_flows(flows[0, i : i + 1], flows[1, i : i + 1], times(t))
        for whole, part in zip(together, alone, strict=True):
            torch.testing.assert_close(whole[i : i + 1], part)
    torch.testing.assert_close(coverage(flows[0])[1:2], coverage(flows[0, 1:2]))


def test_nothing_covers_what_an_object_leaves_behind():
    forward, _ = moving_square(left=16, width=20, motion=8)
    covered = coverage(forward)[0, 0]
    assert covered[16:36, 16:24].max() == 0
    assert covered[:16].min() == covered[16:36, 24:].min() == 1


def test_a_whole_frame_that_stands_still_covers_itself():
    assert torch.equal(coverage(torch.zeros(2, 2, 7, 9)), torch.ones(2, 1, 7, 9))


def test_a_flow_between_pixels_covers_its_neighbours_in_part():
    flow = torch.zeros(1, 2, 1, 4)
    flow[:, 0] = 0.25
    torch.testing.assert_close(coverage(flow), torch.tensor([[[[0.75, 1.0, 1.0, 1.0]]]]))


def test_flows_far_out_of_the_frame_cover_nothing():
    assert coverage(torch.full((1, 2, 8, 8), 1e6)).max() == 0
