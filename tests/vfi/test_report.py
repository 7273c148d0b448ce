import json
from fractions import Fraction

import numpy as np
import pytest

from vfi.media import Encoding, MediaError, Part, SlowMotion
from vfi.pipeline import upsample
from vfi.report import report_result
from vfi.report_page import render
from vfi.timing import Factor, TargetRate

TWICE = Factor(Fraction(2))
FAST = Encoding(preset="ultrafast", crf=8)


def test_what_was_kept_is_told_apart_from_what_was_lost(film, blend):
    source = film(
        "in.mkv", sound=["aac"], subtitles=["subrip"], chapters=True, tags=(1, 1, 1, 1), aspect=Fraction(4, 3)
    )
    upsample(source, source.with_name("out.mkv"), blend, TWICE, encoding=FAST)
    found = report_result(source.with_name("out.mkv"), source)
    assert found.lost == []
    names = [check.name for check in found.checks]
    assert {"duration", "times", "colour matrix", "HDR", "pixel aspect", "rotation", "chapters"} < set(names)
    assert any(name.startswith("audio 1: aac") for name in names)
    assert any(name.startswith("subtitle 2: srt") for name in names)
    upsample(source, source.with_name("out.mp4"), blend, TWICE, encoding=Encoding(pix_fmt="yuv444p"))
    lost = report_result(source.with_name("out.mp4"), source).lost
    assert [check.name.partition(":")[0] for check in lost] == ["pixel format", "subtitle 2"]


def test_sound_that_ends_early_is_not_kept(film, blend):
    long, short = film("long.mp4", frames=30, sound=["aac"]), film("short.mp4", frames=20, sound=["aac"])
    (check,) = [c for c in report_result(short, long).checks if c.name.startswith("audio")]
    assert check.kept is False
    assert "ends -0.4" in check.output


def test_of_a_film_without_new_frames_nothing_is_said_of_any(film):
    path = film(frames=6)
    found = report_result(path, path)
    assert "0 of them new" in str(found)
    assert "brighter" not in str(found)
    assert "new frames: brighter" not in render(found)


def test_frames_are_told_new_by_their_times(film, blend):
    source = film(frames=6)
    upsample(source, source.with_name("x2.mp4"), blend, TWICE, encoding=FAST)
    assert [frame.new for frame in report_result(source.with_name("x2.mp4"), source).frames] == [
        *[False, True] * 5, False, False,  # the last one is shown again
    ]  # fmt: skip
    upsample(source, source.with_name("60.mp4"), blend, TargetRate(Fraction(60)), encoding=FAST)
    new = [frame.new for frame in report_result(source.with_name("60.mp4"), source).frames]
    assert [i for i in range(13) if not new[i]] == [0, 12]  # 25 and 60 frames a second meet every fifth of one


def test_new_frames_that_are_brighter_flicker(film, blend):
    def brighter(before, after, times):
        return [np.clip(image.astype(int) + 6, 0, 255).astype(np.uint8) for image in blend(before, after, times)]

    source = film()
    for name, between in (("even", blend), ("bright", brighter)):
        upsample(source, source.with_name(f"{name}.mp4"), between, TWICE, encoding=FAST)
    even, bright = (report_result(source.with_name(f"{name}.mp4"), source) for name in ("even", "bright"))
    assert even.flicker < 0.5
    assert bright.flicker == pytest.approx(6, abs=0.5)
    assert all(abs(frame.step) < 0.5 for frame in bright.frames if not frame.new)


def test_the_frame_with_a_hole_is_the_most_doubtful_and_its_crop_shows_it(film):
    def picture(index, size):
        noise = np.random.default_rng(0).integers(0, 256, (size[1] // 8, size[0] // 8 + 9, 3), np.uint8)
        return np.ascontiguousarray(noise.repeat(8, 0).repeat(8, 1)[:, index : index + size[0]])

    count = 0

    def holed(before, after, times):
        nonlocal count
        count += 1
        image = before.copy()
        if count == 4:
            image[100:140, 200:240] = 255 - image[100:140, 200:240]
        return [image]

    source = film(size=(320, 240), picture=picture)
    upsample(source, source.with_name("out.mp4"), holed, TWICE, encoding=FAST)
    found = report_result(source.with_name("out.mp4"), source)
    worst = found.doubtful[0]
    assert worst.index == 7
    assert found.frames[7].doubt == worst.badness == max(frame.doubt for frame in found.frames)
    left, top, width, height = worst.box
    assert left <= 200 < 240 <= left + width
    assert top <= 100 < 140 <= top + height
    assert np.abs(worst.new[100:140, 200:240].astype(int) - worst.before[100:140, 200:240]).mean() > 50


def test_a_rotated_film_is_shown_upright(film, blend):
    source = film(rotation=90)
    upsample(source, source.with_name("out.mp4"), blend, TWICE, encoding=FAST)
    worst = report_result(source.with_name("out.mp4"), source).doubtful[0]
    assert worst.new.shape == (128, 72, 3)
    assert worst.box[0] + worst.box[2] <= 72
    assert worst.box[1] + worst.box[3] <= 128


def test_a_part_in_slow_motion_is_compared_with_that_part_at_that_speed(film, blend):
    source = film(frames=30, sound=["aac"], options={"g": "10"})
    output, part, slow = source.with_name("out.mp4"), Part(Fraction(2, 5), Fraction(4, 5)), SlowMotion(Fraction(1, 2))
    upsample(source, output, blend, Factor(1 / slow.speed), part=part, slow=slow, encoding=FAST)
    found = report_result(output, source, part=part, speed=slow.speed)
    assert [frame.new for frame in found.frames] == [False, True] * 10
    assert found.lost == []
    assert all(abs(frame.step) < 0.5 for frame in found.frames)
    with pytest.raises(MediaError, match="the part and the speed it is of"):
        report_result(film("long.mp4", frames=80), source)


def test_json_has_every_frame_and_check(film, blend):
    source = film(frames=4)
    upsample(source, source.with_name("out.mp4"), blend, TWICE, encoding=FAST)
    numbers = json.loads(report_result(source.with_name("out.mp4"), source).to_json())
    assert [Fraction(frame["time"]) for frame in numbers["frames"]] == [Fraction(i, 50) for i in range(8)]
    assert {check["kept"] for check in numbers["checks"]} == {None, True}
    assert numbers["score"] is None


def test_files_that_are_not_of_one_film_are_refused(film):
    source = film(frames=60)
    with pytest.raises(MediaError, match="differ in size"):
        report_result(film("small.mp4", size=(64, 48)), source)
    with pytest.raises(MediaError, match=r"lasts 0\.480 s and .* 2\.400 s"):
        report_result(film("short.mp4"), source)
    with pytest.raises(MediaError, match="does not exist"):
        report_result(source, source.with_name("none.mp4"))
