import dataclasses
import json
from itertools import count

import pytest

from vfi.media import MediaError
from vfi.study.study import Stopped


def scores(study):
    return [(run.rates, run.steps, run.curve, run.measured.luma_errors, run.measured.report.psnr) for run in study.runs]


def test_every_run_has_the_budget_and_begins_as_the_blend(learnt, variants):
    study, folder = learnt
    assert [run.variant for run in study.runs] == variants
    assert [run.steps for run in study.runs] == [12, 12]
    first, *_, last = study.runs[0].curve
    assert (first.along, last.along) == (0, 1)
    assert study.runs[1].curve[0] == first
    assert study.runs[1].curve[-1] != last
    assert list(study.references) == ["blend", "flow-free", "flow-fusion"]
    assert study.reported_on == len(study.runs[0].measured.luma_errors) == len(study.references["blend"].luma_errors)
    assert not list(folder.glob("trial-*"))
    assert (folder / "mse-adam-encoder" / "model.safetensors").exists()


def test_what_is_learnt_is_better_than_the_blend_on_frames_that_were_not_seen(learnt):
    study, _ = learnt
    best = study.ranking[0]
    assert best.measured.report.psnr > study.references["blend"].report.psnr + 1
    assert next(one for one in study.findings if "blend" in one.claim).verdict == "shown"


def test_interrupted_anywhere_the_same_command_comes_to_the_same(learnt, learn, variants, tmp_path):
    asked = count()
    with pytest.raises(Stopped, match="0 of 2 runs"):
        learn(tmp_path, variants, stop=lambda: next(asked) == 7)
    with pytest.raises(Stopped, match="1 of 2 runs"):
        learn(tmp_path, variants, stop=lambda: next(asked) == 20)
    done = []
    resumed = learn(tmp_path, variants, tell=done.append)
    assert scores(resumed) == scores(learnt[0])
    assert list(resumed.runs) == done
    again = learn(tmp_path, variants[:1], stop=lambda: True)  # there is no step left to stop after
    assert scores(again) == scores(learnt[0])[:1]


def test_a_folder_of_another_study_or_of_other_files_is_left_alone(learnt, learn, variants, tmp_path):
    with pytest.raises(ValueError, match="holds a study with steps 12: name another folder with --run"):
        learn(learnt[1], variants, steps=13)
    (tmp_path / "letter.txt").touch()
    with pytest.raises(MediaError, match="holds other files"):
        learn(tmp_path, variants)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_seconds_may_be_the_budget(learn, variants, tmp_path):
    (run,) = learn(tmp_path, variants[:1], budget=0.5).runs
    assert run.seconds >= 0.5
    assert run.curve[-1].along == 1


def test_the_numbers_are_json_with_all_that_was_measured(learnt):
    study, _ = learnt
    found = json.loads(study.to_json())
    assert [(run["loss"], run["optimizer"], run["fusion"]) for run in found["runs"]] == [
        ("mse", "adam", "encoder"),
        ("mse", "sgd", "encoder"),
    ]
    assert found["runs"][0]["psnr"] == pytest.approx(study.runs[0].measured.report.psnr)
    assert len(found["runs"][0]["frames"]) == found["reported_on"]
    assert [one["sentence"] for one in found["findings"]] == [one.sentence for one in study.findings]
    assert dataclasses.asdict(study.runs[0].curve[-1]) == found["runs"][0]["curve"][-1]
