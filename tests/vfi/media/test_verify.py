from array import array
from dataclasses import replace
from fractions import Fraction

import pytest

from vfi.media import MediaError, VideoReader
from vfi.media.verify import CopiedStream, Plan

TICK = Fraction(1, 25)


@pytest.fixture
def plan_and_path(film, packets):
    path = film(sound=["aac"], tags=(1, 1, 1, 1), metadata={"title": "T"})
    with VideoReader(path) as reader:
        info = reader.info
    sound = packets(path)[1]
    tone = CopiedStream("audio 1", "audio", {}, len(sound), sound[0][0])
    ticks = array("q", range(12))
    return Plan(0, info, ticks, TICK, Fraction(0), 12 * TICK, {1: tone}, {"title": "T"}, 0), path


def test_a_file_as_planned_passes(plan_and_path):
    plan, path = plan_and_path
    assert plan.verify(path).lost == ()


def test_what_was_read_back_is_told(plan_and_path):
    plan, path = plan_and_path
    written = replace(plan, metadata={"title": "T"}).verify(path)
    assert written.kept == ("colour tags", "metadata")
    assert (written.duration_error, written.sound_error) == (0, None)  # nobody said when the sound is to end
    ends = plan.verify(path).duration_error + 12 * TICK
    later = replace(plan.copies[1], end=ends)
    error = replace(plan, copies={1: later}).verify(path).sound_error
    assert abs(error) <= Fraction(1024, 48000)  # the last block of AAC goes on beyond the pictures
    hundredth = Fraction(1, 100)
    assert replace(plan, copies={1: replace(later, end=ends + hundredth)}).verify(path).sound_error == error - hundredth
    with pytest.raises(MediaError, match="audio 1 ends at"):
        replace(plan, copies={1: replace(later, end=ends + 1)}).verify(path)


def test_metadata_that_is_lost_is_named(plan_and_path):
    plan, path = plan_and_path
    assert replace(plan, metadata={"title": "T", "mood": "good"}).verify(path).lost == ("mood",)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ticks": array("q", range(13))}, "12 frames, not 13"),
        ({"ticks": array("q", [*range(11), 12])}, "away from its time"),
        ({"end": Fraction(1)}, "lasts"),
        ({"chapters": 2}, "0 chapters, not 2"),
        ({"copies": {2: CopiedStream("subtitle 2", "subtitle", {}, 1, None)}}, "subtitle 2 is missing"),
        ({"copies": {1: CopiedStream("audio 1", "audio", {}, 3, None)}}, "packets, not 3"),
    ],
)
def test_a_breach_of_the_plan_is_an_error(change, sentence, plan_and_path):
    plan, path = plan_and_path
    with pytest.raises(MediaError, match=sentence):
        replace(plan, **change).verify(path)


def test_sound_out_of_step_is_an_error(plan_and_path):
    plan, path = plan_and_path
    late = replace(plan.copies[1], start=plan.copies[1].start + Fraction(1, 10))
    with pytest.raises(MediaError, match="out of step"):
        replace(plan, copies={1: late}).verify(path)


@pytest.mark.parametrize(
    "change",
    [
        {"width": 64},
        {"pix_fmt": "yuv444p"},
        {"pix_fmt": "yuv420p10le"},
        {"pixel_aspect": Fraction(2)},
        {"rotation": 90},
    ],
    ids=str,
)
def test_pictures_unlike_the_plan_are_an_error(change, plan_and_path):
    plan, path = plan_and_path
    if "rotation" in change:
        change = {**change, "display_matrix": (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)}
    with pytest.raises(MediaError, match="planned"):
        replace(plan, info=replace(plan.info, **change)).verify(path)


def test_other_colour_tags_are_an_error(plan_and_path):
    plan, path = plan_and_path
    with pytest.raises(MediaError, match="colour matrix is 1, not 9"):
        replace(plan, info=replace(plan.info, color=replace(plan.info.color, matrix=9))).verify(path)
