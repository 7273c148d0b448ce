import base64
import json
import os
import re
import shutil
import subprocess
from fractions import Fraction
from functools import partial
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from vfi.compare import compare
from vfi.compare_page import render
from vfi.media import VideoReader
from vfi.remake import by_gaps

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page(HTMLParser):
    """What a test asks of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self._open = [], {}, None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = dict(attrs).get("id") if tag == "script" else None

    def handle_data(self, data):
        if self._open:
            self.texts[self._open] = self.texts.get(self._open, "") + data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def hold(before, after, times):
    return [before for _ in times]


@pytest.fixture
def comparison(film, blend):
    found = compare(film(frames=11), {"hold": partial(by_gaps, hold), "blend": partial(by_gaps, blend)})
    for frame in found.worst:
        frame.flows["blend"] = np.full((*frame.true.shape[:2], 2), 2.0, np.float32)
    return found


def test_the_page_refers_to_nothing_outside_itself(comparison):
    html = render(comparison)
    assert not re.search(r"https?:", html)
    page = Page(html)
    references = [attrs[name] for _, attrs in page.tags for name in ("src", "href") if name in attrs]
    assert references
    assert all(reference.startswith("data:image/") for reference in references)
    assert not page.all("link")


def test_every_curve_has_a_point_for_each_frame_and_a_higher_score_lies_higher(comparison):
    page = Page(render(comparison))
    curves = page.all("polyline")
    assert [curve["data-method"] for curve in curves] == ["hold", "blend"] * 4
    points = [[tuple(map(float, p.split(","))) for p in curve["points"].split()] for curve in curves]
    assert all(len(curve) == len(comparison.frames) == 5 for curve in points)
    assert all(0 <= x <= 1000 and 0 <= y <= 1000 for curve in points for x, y in curve)
    values = [score.psnr for method in comparison.methods for score in method.scores]
    heights = [y for curve in points[:2] for _, y in curve]  # from above
    assert np.corrcoef(values, heights)[0, 1] == pytest.approx(-1, abs=1e-4)


def test_a_long_film_has_curves_of_means_and_all_frames_in_json(comparison, monkeypatch):
    monkeypatch.setattr("vfi.page.POINTS", 3)
    data = json.loads(Page(render(comparison)).texts["data"])
    psnr = [score.psnr for score in comparison.methods[0].scores]
    assert data["scores"]["psnr"]["hold"] == pytest.approx([np.mean(psnr[:2]), np.mean(psnr[2:4]), psnr[4]], abs=0.006)
    assert [index for index, _ in data["frames"]] == [1, 5, 9]
    assert len(json.loads(comparison.to_json())["frames"]) == 5


def test_the_videos_in_the_page_have_every_frame(comparison, tmp_path):
    films = json.loads(Page(render(comparison)).texts["films"])
    assert list(films) == ["", "hold", "blend"]
    for film in films.values():
        path = tmp_path / "film.mp4"
        path.write_bytes(base64.b64decode(film))
        with VideoReader(path) as reader:
            assert [frame.time for frame in reader] == [Fraction(i, 25) for i in range(11)]


def test_pictures_in_the_page_are_those_of_the_worst_frames(comparison):
    images = [attrs for attrs in Page(render(comparison)).all("img") if attrs["alt"].startswith("Crop of the real")]
    assert len(images) == len(comparison.worst)
    for image, frame in zip(images, comparison.worst, strict=True):
        data = np.frombuffer(base64.b64decode(image["src"].partition(",")[2]), np.uint8)
        shown = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        left, top, width, height = frame.box("hold")
        assert np.abs(shown.astype(int) - frame.true[top : top + height, left : left + width]).mean() < 4


def test_only_methods_that_follow_a_flow_show_one(comparison):
    alts = [attrs["alt"] for attrs in Page(render(comparison)).all("img")]
    assert alts.count("Flow that blend followed") == len(comparison.worst)
    assert "Flow that hold followed" not in alts


def test_names_cannot_break_the_page(film, blend):
    name = "</script><img src=x onerror=alert(1)>.safetensors"
    page = Page(render(compare(film("<b>&.mp4", frames=5), {name: partial(by_gaps, blend)})))
    assert list(json.loads(page.texts["films"])) == ["", name]
    assert all(attrs["src"].startswith("data:") for attrs in page.all("img"))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium")
def test_a_browser_shows_the_means_the_videos_and_the_curves(comparison, tmp_path):
    path = tmp_path / "clip.html"
    # What only a browser knows goes into the page's title once the video is there.
    probe = """<script>const { under } = film; under.onloadeddata = () =>
      document.title = [under.videoWidth, under.duration, document.documentElement.scrollWidth <= innerWidth].join();
    </script></body>"""
    path.write_text(render(comparison).replace("</body>", probe))
    command = [
        CHROMIUM, "--headless", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=500,900", "--timeout=5000", "--dump-dom",
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--no-sandbox")  # which Chromium does not have for root
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    outputs = re.findall(r'<output data-method="(\w+)">([\d.]*)</output>', done.stdout)
    assert outputs == [(method.name, f"{method.mean('psnr'):.2f}") for method in comparison.methods]
    assert re.search(r"<title>128,0\.44\d*,true</title>", done.stdout)
