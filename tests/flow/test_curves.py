import csv

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from flow.curves import Curves, CurvesError

SCORES = {"epe": "EPE (px)", "fl_all": "Fl-all (%)"}


def written(run):
    with (run / "curve.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_scores_stand_in_columns_of_their_own_where_there_are_any(tmp_path):
    curves = Curves(tmp_path, SCORES)
    curves.add(10, 2.5, 1e-4, 30.0)
    assert not (tmp_path / "curve.png").exists()
    curves.add(20, 1.25, 1e-4, 31.0, {"epe": 0.5, "fl_all": 12.0})
    curves.close()
    first, second = written(tmp_path)
    assert list(first) == ["step", "loss", "lr", "images_per_second", "epe", "fl_all"]
    assert (first["loss"], first["epe"]) == ("2.5", "")
    assert (second["lr"], second["epe"], second["fl_all"]) == ("0.0001", "0.5", "12")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(10, 2.5), (20, 1.25)]
    assert [event.step for event in events.Scalars("epe")] == [20]


def test_what_an_interrupted_run_wrote_beyond_its_state_is_dropped(tmp_path):
    curves = Curves(tmp_path, SCORES)
    for step in (10, 20, 30):
        curves.add(step, 1.0, 1e-4, 1.0)
    curves.close()
    curves = Curves(tmp_path, SCORES, step=20)
    curves.add(25, 0.5, 1e-4, 1.0)
    curves.close()
    assert [row["step"] for row in written(tmp_path)] == ["10", "20", "25"]


def test_the_picture_is_drawn_at_once_then_spared_until_the_end(tmp_path):
    curves = Curves(tmp_path, SCORES)
    curves.add(10, 2.0, 1e-4, 1.0, {"epe": 0.5, "fl_all": 12.0})
    first = (tmp_path / "curve.png").read_bytes()
    curves.add(20, 1.0, 1e-4, 1.0, {"epe": 0.1, "fl_all": 2.0})
    assert (tmp_path / "curve.png").read_bytes() == first
    curves.close()
    assert (tmp_path / "curve.png").read_bytes() != first


@pytest.mark.parametrize("end", ["20,1.0", "20,1.0,1e-4,high,,\n", "later,1,1,1,,\n", "20,1,1,1,,,,\n", "\0", "step\n"])
def test_a_damaged_file_is_told_and_left_as_it_is(tmp_path, end):
    curves = Curves(tmp_path, SCORES)
    curves.add(10, 1.0, 1e-4, 1.0)
    curves.close()
    damaged = (tmp_path / "curve.csv").read_text() + end  # as where a disk was full
    (tmp_path / "curve.csv").write_text(damaged)
    with pytest.raises(CurvesError, match=r"curve\.csv is damaged: remove it, and the curves begin anew"):
        Curves(tmp_path, SCORES, step=30)
    assert (tmp_path / "curve.csv").read_text() == damaged
