import numpy as np
import pytest

from vfi.media import MediaError
from vfi.page import check_page, draw_chart, framed, heat, write_page


def test_a_page_and_its_numbers_lie_beside_each_other_and_nothing_else(tmp_path):
    assert write_page("<p>", "{}", tmp_path / "clip.html") == tmp_path / "clip.json"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.html", "clip.json"]
    assert ((tmp_path / "clip.html").read_text(), (tmp_path / "clip.json").read_text()) == ("<p>", "{}\n")


def test_what_cannot_be_written_is_refused_before_any_work(film, tmp_path):
    source = film()
    with pytest.raises(MediaError, match=r"does not end in \.html"):
        check_page(tmp_path / "report.pdf", source, False)
    with pytest.raises(MediaError, match="no folder"):
        check_page(tmp_path / "none" / "report.html", source, False)
    (tmp_path / "report.json").touch()
    with pytest.raises(MediaError, match=r"report\.json"):
        check_page(tmp_path / "report.html", source, False)
    check_page(tmp_path / "report.html", source, True)


def test_curves_share_one_scale_with_ticks_on_it():
    chart = draw_chart({"low": [(0, 0.0), (1, 1.0)], "high": [(0.5, 10.0)]})
    (_, first), (_, second) = (tuple(map(float, point.split(","))) for point in chart.points["low"].split())
    assert chart.points["high"] == "500.0,0.0"
    assert (first, second) == (1000, 900)
    assert chart.ticks[0] == ("0", 1.0)
    assert chart.ticks[-1] == ("10", 0.0)
    assert draw_chart({"low": [(0, 0.0), (1, 1.0)]}, among=[10.0]).points["low"] == chart.points["low"]


def test_a_frame_is_drawn_where_the_box_is_and_heat_grows_with_the_level():
    shown = framed(np.zeros((60, 100, 3), np.uint8), (10, 20, 30, 40))
    assert np.all(shown[20, 10:40] == 255)
    assert not shown[30:50, 15:35].any()
    black, low, full, beyond = heat(np.array([[0, 8, 32, 90]], np.uint8), 32)[0].astype(int).sum(axis=1)
    assert black < low < full == beyond
