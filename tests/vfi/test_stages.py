import time

import numpy as np
import pytest

from vfi.interpolator import Interpolator
from vfi.media import Frame, VideoReader, VideoWriter
from vfi.minterpolate import Motion, upsample
from vfi.pipeline import upsample as upsample_by_model
from vfi.stages import READERS, STAGES, Stages, watched
from vfi.timing import Factor

CLASSES = (Frame, *READERS, VideoWriter, Motion)


@pytest.fixture
def work(monkeypatch):
    """work(seconds) lets so much time go by; no other does."""
    now = [0.0]
    monkeypatch.setattr("vfi.stages.time.perf_counter", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_what_a_stage_calls_of_another_counts_for_that_one_alone(work):
    waits = []
    stages = Stages(lambda: waits.append("for the device"))
    with stages.during("flow"):
        work(1)
        stages.timed("net", work)(10)
        with stages.during("flow"):
            work(2)
    work(100)
    assert {stage: seconds for stage, seconds in stages.seconds.items() if seconds} == {"flow": 3, "net": 10}
    assert len(waits) == 4  # at both ends of each, not where a stage goes on


def test_what_fails_counts_until_then_and_the_stage_ends(work):
    stages = Stages()

    def fail():
        work(1)
        raise KeyError

    with stages.during("flow"):
        with pytest.raises(KeyError):
            stages.timed("net", fail)()
        work(2)
    assert (stages.seconds["net"], stages.seconds["flow"]) == (1, 2)


def test_items_count_while_they_are_made_and_not_while_they_are_used(work):
    def make():
        for item in range(3):
            work(1)
            yield item
        work(1)

    stages, found = Stages(), []
    for item in stages.timed_items("decode", make)():
        work(100)
        found.append(item)
    assert found == [0, 1, 2]
    assert stages.seconds["decode"] == 4


@pytest.mark.parametrize(
    ("model", "used"),
    [
        ("blend", {"decode", "colour", "warp and fuse", "encode"}),
        ("classical", {"decode", "colour", "flow", "warp and fuse", "encode"}),
        ("flow-free", {"decode", "colour", "net", "warp and fuse", "encode"}),
        ("fast", {"decode", "colour", "flow", "net", "warp and fuse", "encode"}),
    ],
)
def test_the_stages_of_a_model_add_up_to_less_than_the_whole_and_change_nothing(film, tmp_path, model, used):
    before = [dict(vars(owner)) for owner in CLASSES]
    stages, interpolator = Stages(), Interpolator.load(model, "cpu", "float32")
    source = film(frames=4)
    with watched(stages, interpolator):
        began = time.perf_counter()
        upsample_by_model(source, tmp_path / "timed.mp4", interpolator, Factor(2))
        whole = time.perf_counter() - began
    assert tuple(stages.seconds) == STAGES
    assert {stage for stage, seconds in stages.seconds.items() if seconds > 0} == used
    assert 0 < sum(stages.seconds.values()) < whole
    assert [dict(vars(owner)) for owner in CLASSES] == before
    counted = dict(stages.seconds)
    upsample_by_model(source, tmp_path / "plain.mp4", interpolator, Factor(2))
    assert stages.seconds == counted
    with VideoReader(tmp_path / "timed.mp4") as timed, VideoReader(tmp_path / "plain.mp4") as plain:
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(timed, plain, strict=True))


def test_the_stages_of_minterpolate(film, tmp_path):
    stages = Stages()
    with watched(stages):
        upsample(film(frames=4), tmp_path / "out.mp4", 2, "minterpolate")
    assert {stage for stage, seconds in stages.seconds.items() if seconds > 0} == {
        "decode",
        "filter",
        "colour",
        "encode",
    }
