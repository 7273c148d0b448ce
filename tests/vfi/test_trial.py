import time

import pytest

from vfi.media import MediaError, VideoReader
from vfi.trial import Job, run


def job(source, method, **more):
    return Job(source, source.with_name(f"{method}.mp4"), method, "cpu", "float32", time.monotonic(), **more)


@pytest.mark.parametrize("method", ["blend", "minterpolate"])
@pytest.mark.parametrize("staged", [False, True])
def test_a_trial_writes_the_film_and_tells_what_it_took(film, method, staged):
    asked = job(film(frames=6), method, staged=staged)
    [trial] = run(iter([asked]))
    with VideoReader(asked.output) as reader:
        assert len(list(reader)) == trial.frames == 12
    assert (trial.added, trial.made) == (6, 5)
    assert trial.seconds > 0
    assert 0 < trial.startup < time.monotonic() - asked.began
    assert trial.cpu_seconds > 0
    assert (sum(trial.stages.values()) if staged else 0) < trial.seconds
    assert bool(trial.stages) == staged


def test_repeated_frames_are_not_told_as_made(film, square):
    [trial] = run(iter([job(film(frames=6, picture=lambda index, size: square(index // 2, size)), "blend")]))
    assert (trial.added, trial.made) == (6, 2)


def test_a_bad_film_is_a_sentence(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        list(run(iter([job(tmp_path / "film.mp4", "minterpolate")])))


def test_a_trial_of_minterpolate_needs_no_torch(python):
    done = python("import sys, vfi.trial; sys.exit('torch' in sys.modules)")
    assert done.returncode == 0
