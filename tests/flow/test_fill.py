"""Flow where one frame hides what the other shows."""

import cv2
import numpy as np
import pytest

from flow.datasets import SyntheticDataset
from flow.dis import dis_flow
from flow.fill import agreed, dis_filled_flow, fill


def moved(side, motion):
    """Flows there and back of a ground that moves to the right as a whole."""
    flow = np.zeros((side, side, 2), np.float32)
    flow[..., 0] = motion
    return flow, -flow


def test_what_stays_in_sight_agrees_and_what_leaves_the_frame_does_not():
    known = agreed(*moved(32, 8.0))
    assert known[:, :24].all()
    assert not known[:, 24:].any()


def test_a_flow_that_is_not_returned_does_not_agree():
    flow, back = moved(32, 4.0)
    back[10:20, 14:24] = 0  # hidden there by something that stands still
    known = agreed(flow, back)
    assert not known[11:19, 11:19].any()
    assert known[:10, :28].all()
    assert known[20:, :28].all()


@pytest.mark.parametrize("size", [(32, 32), (370, 530), (2, 3), (1, 1), (3, 900)])
def test_what_is_well_known_stays_as_it_is_and_all_else_is_within_its_bounds(size):
    random = np.random.default_rng(0)
    flow = random.normal(size=(*size, 2)).astype(np.float32)
    image = random.integers(0, 256, (*size, 3), np.uint8)
    known = cv2.blur(random.random(size), (9, 9)) > 0.5
    inner = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    filled = fill(flow, known, image)
    assert (filled.shape, filled.dtype) == (flow.shape, np.float32)
    np.testing.assert_array_equal(filled[inner], flow[inner])
    if inner.any():
        assert filled.min() >= flow[inner].min() - 1e-5
        assert filled.max() <= flow[inner].max() + 1e-5
    else:
        np.testing.assert_array_equal(filled, flow)


def test_a_gap_takes_the_motion_of_what_looks_like_it():
    """Of a red thing that moves on a blue ground, which moves otherwise, a part of either is not known."""
    image = np.zeros((96, 128, 3), np.uint8)
    image[..., 2] = 200
    image[20:70, 30:90] = (200, 0, 0)
    flow = np.zeros((96, 128, 2), np.float32)
    flow[20:70, 30:90] = (9, -4)
    known = np.ones((96, 128), bool)
    known[:, 70:100] = False  # the thing ends at 90
    filled = fill(np.where(known[..., None], flow, np.float32(77)), known, image)
    np.testing.assert_allclose(filled, flow, atol=0.3)


def test_a_gap_wider_than_its_reach_is_filled_from_its_edge():
    flow = np.full((96, 400, 2), 77, np.float32)
    flow[:, :20] = (3, 1)
    known = np.zeros((96, 400), bool)
    known[:, :20] = True
    filled = fill(flow, known, np.full((96, 400, 3), 90, np.uint8))
    np.testing.assert_allclose(filled, np.broadcast_to(np.float32([3, 1]), filled.shape), atol=1e-4)


def test_the_caller_keeps_his_arrays():
    flow, image = np.random.default_rng(0).normal(size=(40, 40, 2)).astype(np.float32), np.zeros((40, 40, 3), np.uint8)
    known = np.ones((40, 40), bool)
    known[10:20, 10:20] = False
    before = flow.copy(), known.copy()
    fill(flow, known, image)
    np.testing.assert_array_equal(flow, before[0])
    np.testing.assert_array_equal(known, before[1])


def test_made_up_scenes_are_found_better_than_by_dis(tmp_path):
    """Whose motion hides and uncovers much."""
    random = np.random.default_rng(0)
    for i in range(4):
        texture = cv2.GaussianBlur(random.integers(0, 256, (400, 500, 3), np.uint8), (0, 0), 3)
        cv2.imwrite(str(tmp_path / f"{i}.png"), cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX))
    errors = []
    for i in range(3):
        sample = SyntheticDataset(sorted(tmp_path.iterdir()), (384, 512), length=3, seed=3)[i]
        flows = (find(sample.frame0, sample.frame1) for find in (dis_filled_flow, dis_flow))
        errors.append([np.linalg.norm(flow - sample.flow, axis=2).mean() for flow in flows])
    own, dis = np.mean(errors, axis=0)
    assert own < 0.8 * dis


def test_images_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        dis_filled_flow(np.zeros((20, 20, 3), np.uint8), np.zeros((20, 21, 3), np.uint8))
