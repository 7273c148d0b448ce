import dataclasses
import math

import numpy as np
import pytest

from flow.metrics import Band, FlowReport, endpoint_error, error_picture, mean_report, measure_flow, occluded


def pair(seed=0, height=12, width=15, largest=60.0, error=6.0):
    """An estimate, the truth, and where that is known."""
    random = np.random.default_rng(seed)
    truth = random.uniform(-largest, largest, (height, width, 2)) * random.random((height, width, 1)) ** 2
    estimate = truth + random.normal(0, error, truth.shape) * random.random((height, width, 1))
    return estimate.astype(np.float32), truth.astype(np.float32), random.random((height, width)) < 0.7


def vectors(*motions):
    return np.array([motions], np.float64)


def same(one, other):
    """Whether two reports hold the same numbers, NaN being equal to itself."""
    return all(
        math.isclose(a, b, rel_tol=1e-9) or (math.isnan(a) and math.isnan(b))
        for a, b in zip(flat(one), flat(other), strict=True)
    )


def flat(report):
    for value in dataclasses.astuple(report):
        yield from value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("seed", range(5))
def test_the_report_is_what_counting_pixel_by_pixel_gives(seed):
    estimate, truth, valid = pair(seed)
    errors, outliers, bands = [], 0, {0: [], 10: [], 40: []}
    for y, x in np.argwhere(valid):
        (u, v), (tu, tv) = estimate[y, x].tolist(), truth[y, x].tolist()
        error, speed = math.hypot(u - tu, v - tv), math.hypot(tu, tv)
        errors.append(error)
        outliers += error > 3 and error / speed > 0.05
        bands[0 if speed < 10 else 10 if speed < 40 else 40].append(error)
    count = len(errors)
    expected = FlowReport(
        count,
        sum(errors) / count,
        100 * outliers / count,
        *(100 * sum(error > limit for error in errors) / count for limit in (1, 3, 5)),
        *(Band(len(inside), sum(inside) / len(inside) if inside else math.nan) for inside in bands.values()),
    )
    assert same(measure_flow(estimate, truth, valid), expected)


def test_an_exact_estimate_has_no_error():
    _, truth, valid = pair()
    report = measure_flow(truth, truth, valid)
    assert (report.pixels, report.epe, report.fl_all, report.over_1px) == (valid.sum(), 0, 0, 0)


@pytest.mark.parametrize(
    ("speed", "error", "outlier"),
    [(10, 3.0, False), (10, 3.1, True), (100, 4.9, False), (100, 5.1, True), (0, 2.9, False), (0, 3.1, True)],
)
def test_an_outlier_of_kitti_is_off_by_3_pixels_and_by_5_percent(speed, error, outlier):
    report = measure_flow(vectors([speed + error, 0]), vectors([speed, 0]))
    assert report.fl_all == (100 if outlier else 0)


def test_a_band_begins_with_its_lowest_speed():
    speeds = (0, 9.99, 10, 39.99, 40, 1000)
    truth = vectors(*([speed, 0] for speed in speeds))
    estimate = truth + vectors(*([0, off] for off in (1, 2, 4, 8, 16, 32)))
    report = measure_flow(estimate, truth)
    assert (report.s0_10, report.s10_40, report.s40_plus) == (Band(2, 1.5), Band(2, 6.0), Band(2, 24.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e10])
def test_pixels_of_unknown_truth_do_not_count_whatever_the_estimate_says(value):
    estimate, truth, valid = pair()
    expected = measure_flow(estimate, truth, valid)
    truth[~valid] = value
    estimate[~valid] = np.nan
    assert same(measure_flow(estimate, truth), expected)
    assert same(measure_flow(estimate, truth, valid), expected)
    np.testing.assert_array_equal(np.isnan(endpoint_error(estimate, truth)), ~valid)


def test_without_known_truth_a_report_counts_nothing():
    report = measure_flow(np.zeros((3, 4, 2)), np.zeros((3, 4, 2)), np.zeros((3, 4), bool))
    assert report.pixels == 0
    assert all(math.isnan(value) or value == 0 for value in flat(report))
    assert math.isnan(report.epe)


def test_an_estimate_with_holes_is_refused():
    estimate, truth, valid = pair()
    estimate[valid.nonzero()[0][:3], valid.nonzero()[1][:3]] = np.nan
    with pytest.raises(ValueError, match="no finite motion at 3 pixels"):
        measure_flow(estimate, truth, valid)


@pytest.mark.parametrize("measure", [endpoint_error, measure_flow, error_picture])
def test_fields_of_unequal_size_are_refused(measure):
    with pytest.raises(ValueError, match="one size"):
        measure(np.zeros((4, 5, 2)), np.zeros((4, 6, 2)))


def test_the_mean_of_pairs_is_the_report_of_all_their_pixels():
    pairs = [pair(seed, height, largest=largest) for seed, height, largest in ((1, 5, 90), (2, 20, 8), (3, 9, 30))]
    together = [np.concatenate(arrays) for arrays in zip(*pairs, strict=True)]
    assert same(mean_report(measure_flow(*each) for each in pairs), measure_flow(*together))


def test_a_pair_without_known_pixels_leaves_the_mean_alone():
    report = measure_flow(*pair())
    empty = measure_flow(np.zeros((3, 4, 2)), np.zeros((3, 4, 2)), np.zeros((3, 4), bool))
    assert same(mean_report([empty, report, empty]), report)
    assert same(mean_report([empty]), empty)


def test_no_pairs_have_no_mean():
    with pytest.raises(ValueError, match="no reports"):
        mean_report([])


def test_a_report_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        measure_flow(*pair()).epe = 0


def test_the_picture_is_red_where_kitti_counts_an_outlier_and_blue_elsewhere():
    estimate, truth, valid = pair(height=40, width=50, error=9)
    picture = error_picture(estimate, truth, valid).astype(int)
    error, speed = endpoint_error(estimate, truth, valid), np.hypot(truth[..., 0], truth[..., 1])
    outlier = valid & (error > 3) & (error > 0.05 * speed)
    assert 0.05 < outlier.mean() < 0.5
    np.testing.assert_array_equal(picture[..., 0] > picture[..., 2], outlier)
    np.testing.assert_array_equal(picture.any(axis=2), valid)


def test_each_doubling_of_the_error_has_its_own_color():
    off = 3 * 2.0 ** np.arange(-5, 6) * 0.99
    truth = np.zeros((1, 11, 2))
    picture = error_picture(truth + np.stack([off, np.zeros(11)], axis=1), truth)[0]
    assert picture.dtype == np.uint8
    assert (picture[0] == picture[1]).all()  # both below a sixteenth of the threshold
    assert len({tuple(color) for color in picture.tolist()}) == 10
    assert picture[-1].tolist() == [165, 0, 38]


def moving_square(dx, dy):
    """Forward and backward flow of a square over a still background, and the background that it hides."""
    forward, backward = np.zeros((2, 40, 50, 2), np.float32)
    forward[12:24, 15:30] = (dx, dy)
    backward[12 + dy : 24 + dy, 15 + dx : 30 + dx] = (-dx, -dy)
    square, moved = forward.any(axis=2), backward.any(axis=2)
    return forward, backward, moved & ~square


@pytest.mark.parametrize(("dx", "dy"), [(6, 0), (-5, 0), (0, 9), (-7, -4), (3, 2)])
def test_what_a_moving_square_covers_is_occluded(dx, dy):
    forward, backward, hidden = moving_square(dx, dy)
    np.testing.assert_array_equal(occluded(forward, backward), hidden)


def test_what_a_moving_square_uncovers_is_occluded_the_other_way():
    forward, backward, _ = moving_square(6, 0)
    expected = np.zeros((40, 50), bool)
    expected[12:24, 15:21] = True
    np.testing.assert_array_equal(occluded(backward, forward), expected)


@pytest.mark.parametrize(("dx", "dy", "leaving"), [(4, 0, np.s_[:, -4:]), (-3, 0, np.s_[:, :3]), (0, 0.5, np.s_[-1:])])
def test_what_leaves_the_frame_is_occluded(dx, dy, leaving):
    forward = np.broadcast_to(np.array([dx, dy]), (20, 30, 2))
    expected = np.zeros((20, 30), bool)
    expected[leaving] = True
    np.testing.assert_array_equal(occluded(forward, -forward), expected)


@pytest.mark.parametrize(("off", "hidden"), [(0.69, False), (0.75, True)])
def test_slow_motion_may_miss_home_by_the_root_of_half_a_pixel(off, hidden):
    back = np.zeros((9, 9, 2))
    back[..., 0] = off  # 0.99 * off^2 > 0.5 from 0.7107 on
    assert (occluded(np.zeros((9, 9, 2)), back) == hidden).all()


@pytest.mark.parametrize(("off", "hidden"), [(13, False), (17, True)])
def test_fast_motion_may_miss_home_by_a_tenth_of_both_ways(off, hidden):
    forward, back = np.zeros((5, 400, 2)), np.zeros((5, 400, 2))
    forward[..., 0], back[..., 0] = 100, off - 100
    assert (occluded(forward, back)[:, :300] == hidden).all()


def test_the_way_back_is_read_between_pixels():
    # A slope of motion: halfway between two pixels the way back is their mean.
    forward, back = np.full((1, 40, 2), 0.0), np.zeros((1, 40, 2))
    forward[..., 0] = 2.5
    back[0, :, 0] = np.where(np.arange(40) % 2, -2.5 - 3, -2.5 + 3)
    assert not occluded(forward, back)[0, :37].any()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e10])
def test_unknown_motion_is_occluded(value):
    forward, back = np.zeros((6, 8, 2)), np.zeros((6, 8, 2))
    forward[1, 2] = back[4, 5] = value
    found = occluded(forward, back)
    assert found[1, 2]
    assert found[4, 5]
    assert found.sum() <= 1 + 9  # the neighbours of a hole in the way back may be in doubt


def test_ways_of_unequal_size_are_refused():
    with pytest.raises(ValueError, match="one size"):
        occluded(np.zeros((4, 5, 2)), np.zeros((5, 4, 2)))
