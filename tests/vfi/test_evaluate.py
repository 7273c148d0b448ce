import json
from fractions import Fraction

import cv2
import numpy as np
import pytest

from vfi.evaluate import WARM_UP, Report, Score, evaluate
from vfi.metrics import interpolation_error, luma_step, psnr, ssim
from vfi.triplets import Triplet, Triplets


@pytest.fixture
def triplets():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (3, 3, 24, 32, 3), np.uint8)
    times = (Fraction(1, 2), Fraction(1, 4), Fraction(3, 4))
    return [Triplet(f"scene/{i}", *images, time) for i, (images, time) in enumerate(zip(frames, times, strict=True))]


def test_every_item_is_scored_and_the_report_holds_the_means(triplets, blend):
    report = evaluate(blend, triplets)
    made = [blend(t.before, t.after, [t.time])[0] for t in triplets]
    assert [item.name for item in report.items] == ["scene/0", "scene/1", "scene/2"]
    for name, score in (("psnr", psnr), ("ssim", ssim), ("ie", interpolation_error)):
        known = [score(image, t.middle) for image, t in zip(made, triplets, strict=True)]
        assert [getattr(item, name) for item in report.items] == known
        assert getattr(report, name) == pytest.approx(np.mean(known))


def test_the_luma_step_of_every_item_and_its_mean_size_are_reported(triplets, blend):
    report = evaluate(lambda before, after, times: [image + 1 for image in blend(before, after, times)], triplets)
    steps = [item.luma_step for item in report.items]
    assert steps == [luma_step(blend(t.before, t.after, [t.time])[0] + 1, t.before, t.after, t.time) for t in triplets]
    assert report.luma_step == pytest.approx(np.mean(steps))
    assert report.flicker == pytest.approx(np.mean(np.abs(steps)))


def test_a_perceptual_distance_is_measured_if_there_is_one(triplets, blend):
    assert evaluate(blend, triplets).lpips is None
    report = evaluate(blend, triplets, lpips=lambda made, true: float(made[0, 0, 0]))
    made = [float(blend(t.before, t.after, [t.time])[0][0, 0, 0]) for t in triplets]
    assert [item.lpips for item in report.items] == made
    assert report.lpips == pytest.approx(np.mean(made))
    assert "LPIPS" in str(report)


def test_the_time_of_a_frame_is_the_median_after_the_first_ones():
    scores = [Score(str(i), 30.0, 0.9, 1.0, ms) for i, ms in enumerate([900.0] * WARM_UP + [10.0, 30.0, 20.0])]
    assert Report(tuple(scores)).ms_per_frame == 20
    assert Report(tuple(scores[:1])).ms_per_frame == 900


def test_the_table_has_a_line_for_every_item(triplets, blend):
    lines = evaluate(blend, triplets).table().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["scene/0", "scene/1", "scene/2"]
    assert len({len(line) for line in lines}) == 1


def test_the_interpolator_is_asked_for_the_time_of_the_middle(triplets):
    asked = []

    def between(before, after, times):
        asked.extend(times)
        return [before]

    evaluate(between, triplets)
    assert asked == [Fraction(1, 2), Fraction(1, 4), Fraction(3, 4)]


def test_an_interpolator_that_knows_the_middle_scores_perfectly(triplets):
    middles = iter(triplets)
    report = evaluate(lambda before, after, times: [next(middles).middle], triplets)
    assert (report.psnr, report.ssim, report.ie) == pytest.approx((100, 1, 0))


def test_frames_made_are_saved_under_the_names_of_the_items(triplets, blend, tmp_path):
    evaluate(blend, triplets, save=tmp_path / "made")
    for triplet in triplets:
        saved = cv2.imread(str(tmp_path / "made" / f"{triplet.name}.png"))
        assert np.array_equal(saved[..., ::-1], blend(triplet.before, triplet.after, [triplet.time])[0])


def test_progress_counts_the_triplets_done(triplets, blend):
    seen = []
    evaluate(blend, triplets, progress=seen.append)
    assert seen == [1, 2, 3]


def test_triplets_are_read_one_at_a_time(triplets, blend):
    seen = []

    def lazily():
        for triplet in triplets:
            seen.append(triplet.name)
            yield triplet

    evaluate(blend, lazily(), progress=lambda done: seen.append(done))
    assert seen == ["scene/0", 1, "scene/1", 2, "scene/2", 3]


def test_json_holds_the_means_and_the_items(triplets, blend):
    report = evaluate(blend, triplets)
    values = json.loads(report.to_json())
    assert values["count"] == 3
    assert values["psnr"] == report.psnr
    assert values["items"][1]["name"] == "scene/1"
    assert values["items"][1]["ie"] == report.items[1].ie
    assert {"psnr", "ssim", "ie", "lpips", "luma_step", "ms"} <= values["items"][2].keys()
    assert values["flicker"] == report.flicker


def test_the_report_names_what_it_was_measured_on(triplets, blend):
    known = Triplets("three scenes", 3, lambda: iter(triplets))
    assert json.loads(evaluate(blend, known).to_json())["data"] == "three scenes"


def test_nothing_to_evaluate_is_an_error(blend):
    with pytest.raises(ValueError, match="no triplet"):
        evaluate(blend, [])
