import json
from fractions import Fraction
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from vfi.compare import compare
from vfi.media import MediaError, Part, VideoReader
from vfi.metrics import psnr
from vfi.preview import SECONDS
from vfi.remake import Made, by_gaps


def hold(before, after, times):
    """The simplest wrong answer: the frame before."""
    return [before for _ in times]


def knowing(path):
    """A method that has seen the film: exact."""
    with VideoReader(path) as reader:
        images = [frame.rgb for frame in reader]

    def remake(gaps):
        place = 0
        for gap in gaps:
            count = len(gap.times)
            yield Made(images[place + 1 : place + 1 + count], 0.001)
            place += count + 1

    return remake


def test_an_exact_method_scores_best_and_perfectly(film, blend):
    path = film(frames=9)
    found = compare(path, {"blend": partial(by_gaps, blend), "exact": knowing(path), "hold": partial(by_gaps, hold)})
    assert [method.name for method in found.methods] == ["blend", "exact", "hold"]
    assert [method.name for method in found.ranking] == ["exact", "blend", "hold"]
    best = found.ranking[0]
    assert (best.mean("psnr"), best.mean("ssim"), best.mean("ie")) == pytest.approx((100, 1, 0))


@pytest.mark.parametrize(("factor", "dropped"), [(2, [1, 3, 5, 7]), (3, [1, 2, 4, 5, 7, 8]), (9, list(range(1, 9)))])
def test_the_frames_between_those_kept_are_compared_and_a_rest_is_left_out(film, blend, factor, dropped):
    path = film(frames=10, rate=Fraction(30000, 1001))
    found = compare(path, {"blend": partial(by_gaps, blend)}, factor=factor)
    assert [frame.index for frame in found.frames] == dropped
    assert [frame.time for frame in found.frames] == [i * Fraction(1001, 30000) for i in dropped]
    assert len(found.methods[0].scores) == len(dropped)


def test_a_dropped_frame_is_asked_for_at_its_own_time_in_the_gap(film):
    asked = []

    def between(before, after, times):
        asked.append(tuple(times))
        return [before for _ in times]

    times = [Fraction(ms, 1000) for ms in (0, 10, 40, 60, 100)]
    compare(film("film.mkv", times=times, frames=5), {"spy": partial(by_gaps, between)})
    assert asked == [(Fraction(1, 4),), (Fraction(1, 3),)]


def test_a_part_begins_with_a_frame_that_is_kept(film, blend):
    path = film(frames=20)
    found = compare(path, {"blend": partial(by_gaps, blend)}, part=Part(Fraction(3, 25), Fraction(10, 25)))
    assert [frame.index for frame in found.frames] == [4, 6, 8]


def test_a_method_may_look_ahead(film, blend):
    def hesitant(gaps):
        answers = list(by_gaps(blend, gaps))
        yield from answers

    path = film(frames=9)
    found = compare(path, {"blend": partial(by_gaps, blend), "hesitant": hesitant})
    assert found.methods[0].scores == found.methods[1].scores


def test_the_worst_frames_are_those_of_the_first_method_and_lie_apart(film, blend):
    def wrong(before, after, times):
        return [image // 2 if before.mean() > 100 else image for image in blend(before, after, times)]

    def picture(index, size):
        return np.full((size[1], size[0], 3), 180 if index in (10, 11, 12, 40, 41, 42) else 40, np.uint8)

    found = compare(film(frames=61, picture=picture), {"wrong": partial(by_gaps, wrong)})
    worst = {frame.index for frame in found.worst[:2]}
    assert worst <= {9, 11, 13, 39, 41, 43}
    times = sorted(frame.time for frame in found.worst)
    assert all(later - earlier >= Fraction(1, 4) for earlier, later in pairwise(times))
    scores = dict(zip((frame.index for frame in found.frames), found.methods[0].scores, strict=True))
    assert all(psnr(frame.made["wrong"], frame.true) == scores[frame.index].psnr for frame in found.worst)
    assert found.worst[0].index == min(scores, key=lambda index: scores[index].psnr)


def test_a_crop_shows_where_the_method_errs(film, blend):
    def holed(before, after, times):
        images = blend(before, after, times)
        for image in images:
            image[100:110, 300:310] = 255
        return images

    found = compare(film(frames=3, size=(480, 270)), {"holed": partial(by_gaps, holed)})
    left, top, width, height = found.worst[0].box("holed")
    assert left <= 300 < 310 <= left + width
    assert top <= 100 < 110 <= top + height
    assert 0 <= left <= 480 - width
    assert 0 <= top <= 270 - height


def test_previews_hold_the_beginning_of_a_long_film_frame_by_frame(film, blend, tmp_path):
    found = compare(film(frames=2 * SECONDS + 9, rate=Fraction(2), size=(64, 48)), {"blend": partial(by_gaps, blend)})
    for name in ("", "blend"):
        path = tmp_path / f"preview{name}.mp4"
        path.write_bytes(found.previews[name])
        with VideoReader(path) as reader:
            assert [frame.time for frame in reader] == [Fraction(i, 2) for i in range(2 * SECONDS)]


def test_a_picture_that_is_shown_turned_is_compared_turned(film, blend):
    found = compare(film(frames=3, rotation=90), {"blend": partial(by_gaps, blend)})
    assert found.size == (72, 128)
    assert found.worst[0].true.shape == (128, 72, 3)


def test_deep_colour_is_compared_in_8_bits(film):
    path = film("film.mkv", frames=3, codec="ffv1", pix_fmt="yuv420p10le")
    assert compare(path, {"hold": partial(by_gaps, hold)}).worst[0].true.dtype == np.uint8


def test_the_json_has_every_frame_of_every_method(film, blend):
    path = film(frames=9)
    found = compare(path, {"blend": partial(by_gaps, blend), "hold": partial(by_gaps, hold)})
    numbers = json.loads(found.to_json())
    assert numbers["frames"] == [{"index": i, "time": str(Fraction(i, 25))} for i in (1, 3, 5, 7)]
    for method in found.methods:
        entry = numbers["methods"][method.name]
        assert [frame["psnr"] for frame in entry["frames"]] == [score.psnr for score in method.scores]
        assert entry["psnr"] == pytest.approx(np.mean([score.psnr for score in method.scores]))


@pytest.mark.parametrize(("frames", "part"), [(2, None), (12, Part(Fraction(6, 25), Fraction(3, 10)))])
def test_too_few_frames_are_a_sentence(film, blend, frames, part):
    with pytest.raises(MediaError, match="fewer than 3 frames"):
        compare(film(frames=frames), {"blend": partial(by_gaps, blend)}, part=part)


def test_a_factor_of_one_and_no_methods_are_refused(film, blend):
    with pytest.raises(ValueError, match="factor is 1"):
        compare(film(), {"blend": partial(by_gaps, blend)}, factor=1)
    with pytest.raises(ValueError, match="no method"):
        compare(film(), {})
