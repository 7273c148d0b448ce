"""Motion between two frames where the flows alone miss it."""

import cv2
import numpy as np
import pytest
import torch

from flow.motion import find_motions
from flow.projection import motions_at, splat
from flow.synthetic import random_scene
from flow.two_way import dis_two_way

HALF = torch.full((1, 1, 1, 1), 0.5)


def scene(left, width, motion, ground=-8, side=128, height=24):
    """Frames of a bar that passes over a ground, the flows between them, and where the bar is midway."""
    random = np.random.default_rng(0)
    pattern, bar = (np.kron(random.random((3, 40, 80)), np.ones((1, 8, 8))) for _ in range(2))
    frames, flows, places = [], [], []
    for time, sign in ((0, 1), (1, -1)):
        frame = pattern[:, :side, 100 - ground * time : 100 - ground * time + side].copy()
        at = left + motion * time
        frame[:, 40 : 40 + height, at : at + width] = bar[:, :height, :width]
        flow = np.zeros((2, side, side))
        flow[0] = sign * ground
        flow[0, 40 : 40 + height, at : at + width] = sign * motion
        frames.append(torch.from_numpy(frame[None]).float())
        flows.append(torch.from_numpy(flow[None]).float())
        places.append(at)
    midway = sum(places) // 2
    return (
        (frames[0], frames[1]),
        (flows[0], flows[1]),
        (slice(None), 0, slice(44, 60), slice(midway + 4, midway + width - 4)),
    )


@pytest.mark.parametrize(
    ("left", "ground"), [(30, -8), (4, -40)], ids=["within", "where the ground leaves the picture"]
)
def test_what_moves_further_than_it_is_large_is_where_it_must_be(left, ground):
    frames, flows, inside = scene(left=left, width=20, motion=48, ground=ground)
    for motion in motions_at(*flows, HALF):
        assert (motion[inside] - 48).abs().min() > 40  # nothing leads to it
    for motion in find_motions(*flows, HALF, frames):
        torch.testing.assert_close(motion[inside], torch.full_like(motion[inside], 48), atol=1, rtol=0)


def test_of_fast_made_up_scenes_more_motion_is_right():
    random = np.random.default_rng(7)
    textures = [
        cv2.normalize(
            cv2.GaussianBlur(random.integers(0, 256, (300, 500, 3), np.uint8), (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX
        )
        for _ in range(4)
    ]
    errors = []
    for _ in range(6):
        made = random_scene(textures, (180, 320), random, slowest=0.08, largest=0.12, plain=True)
        frames = [torch.from_numpy(made.picture(time)).permute(2, 0, 1)[None].float() / 255 for time in (0, 1)]
        exact = [torch.from_numpy(made.flow(*way)).permute(2, 0, 1)[None] for way in ((0.0, 1.0), (1.0, 0.0))]
        truth = 2 * torch.from_numpy(made.flow(0.5, 1.0)).permute(2, 0, 1)[None]
        for flows in (exact, dis_two_way(*frames)):
            ways = find_motions(*flows, HALF, (frames[0], frames[1])), motions_at(*flows, HALF)
            errors.append([sum((m - truth).square().sum(1).sqrt().mean().item() for m in way) / 2 for way in ways])
    (found, plain), (of_dis, plain_of_dis) = np.mean(errors[::2], axis=0), np.mean(errors[1::2], axis=0)
    assert found < 0.7 * plain
    assert of_dis < 0.95 * plain_of_dis  # whose own errors are the larger part
    assert of_dis < 4.5


@pytest.mark.parametrize("time", [0.25, 0.5, 0.7])
def test_a_ground_that_is_passed_over_does_not_come_through(time):
    """A wide bar covers ground that both frames show."""
    frames, flows, _ = scene(left=40, width=30, motion=16)
    t = torch.full((1, 1, 1, 1), time)
    for motion in find_motions(*flows, t, frames):
        at = 40 + round(16 * time)
        inside = motion[0, 0, 44:60, at + 4 : at + 26]
        torch.testing.assert_close(inside, torch.full_like(inside, 16), atol=1, rtol=0)


@pytest.mark.parametrize("size", [(64, 96), (37, 53), (1, 1)])
def test_where_the_flows_settle_it_alone_nothing_changes(size):
    flow = torch.tensor([6.0, -3.0]).view(1, 2, 1, 1).expand(1, 2, *size)
    frames = torch.rand(2, 1, 3, *size)
    found = find_motions(flow, -flow, HALF, (frames[0], frames[1]))
    for motion, plain in zip(found, motions_at(flow, -flow, HALF), strict=True):
        torch.testing.assert_close(motion, plain)


def test_a_batch_is_as_good_as_its_items_one_by_one():
    scenes = [scene(30, 20, 48), scene(40, 30, 16), scene(20, 16, 60)]
    frames = tuple(torch.cat([found[0][i] for found in scenes]) for i in range(2))
    flows = [torch.cat([found[1][i] for found in scenes]) for i in range(2)]
    t = torch.tensor([0.5, 0.25, 0.6]).view(3, 1, 1, 1)
    together = find_motions(*flows, t, (frames[0], frames[1]))
    for i, (one, ways, _) in enumerate(scenes):
        for whole, part in zip(together, find_motions(*ways, t[i : i + 1], one), strict=True):
            torch.testing.assert_close(whole[i : i + 1], part)


def test_what_is_splat_between_pixels_is_shared_and_keeps_its_sum():
    values = torch.rand(2, 3, 8, 9)
    flow = torch.full((2, 2, 8, 9), 0.25)
    arrived = splat(values, flow)
    torch.testing.assert_close(arrived[:, :, 0, 0], values[:, :, 0, 0] * 0.75**2)
    inner = torch.zeros(1, 1, 8, 9)
    inner[..., 2:5, 3:6] = 2
    torch.testing.assert_close(splat(inner, flow[:1]).sum(), inner.sum())
