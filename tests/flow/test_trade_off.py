import cv2
import numpy as np
import pytest

from flow.trade_off import Point, draw_trade_off

POINTS = [Point("fast", 0.02, 30.0, False), Point("good", 0.5, 34.0, True)]


def test_a_picture_appears_in_place_of_the_old_one(tmp_path):
    path = tmp_path / "picture.png"
    path.write_text("old")
    draw_trade_off(path, POINTS, time="seconds", quality="PSNR", title="two")
    picture = cv2.imread(str(path))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    assert [file.name for file in tmp_path.iterdir()] == ["picture.png"]


def test_nothing_stays_of_a_picture_that_cannot_be_written(tmp_path):
    (tmp_path / "picture.png").mkdir()
    with pytest.raises(OSError, match="picture"):
        draw_trade_off(tmp_path / "picture.png", POINTS, time="seconds", quality="PSNR", title="two", from_zero=True)
    assert [file.name for file in tmp_path.iterdir()] == ["picture.png"]
