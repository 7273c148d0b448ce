import dataclasses
import re
import shutil
import subprocess
from fractions import Fraction

import pytest

from vfi.evaluate import Report, Score
from vfi.media import Encoding
from vfi.pipeline import upsample
from vfi.report import report_result
from vfi.report_page import render
from vfi.timing import Factor


@pytest.fixture
def report(film, blend):
    source = film("<b>in&.mkv", subtitles=["subrip"])
    output = source.with_name("out.mp4")
    upsample(source, output, blend, Factor(Fraction(2)), encoding=Encoding(preset="ultrafast"))
    return report_result(output, source)


def test_the_page_refers_to_nothing_outside_itself_and_names_cannot_break_it(report):
    html = render(report)
    assert not re.search(r"https?:|<script|<b>in", html)
    assert "&lt;b&gt;in&amp;.mkv" in html
    sources = re.findall(r'src="([^"]{11})', html)
    assert sources
    assert set(sources) == {"data:image/"}


def test_what_was_lost_stands_out_and_every_doubtful_frame_is_shown(report):
    html = render(report)
    assert html.count("not kept") == 1
    assert "Not kept: subtitle 1" in html
    assert len(re.findall("<h3>Frame ", html)) == len(report.doubtful) > 0
    assert html.count('alt="Crop of the frame: new"') == len(report.doubtful)


def test_curves_are_of_brightness_and_with_a_model_of_its_score(report):
    assert re.findall(r'data-method="([\w ]+)"', render(report)) == ["all", "source", "new"]
    score = Report((Score("a", 30.0, 0.9, 4.0, 20.0, 0.1), Score("b", 35.0, 0.95, 2.0, 22.0, -0.3)))
    html = render(dataclasses.replace(report, model="fast", score=score))
    assert re.findall(r'data-method="([\w ]+)"', html) == ["all", "source", "new", "made again"]
    assert "32.50" in html
    assert "fast on this film" in html


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium")
def test_a_browser_shows_it_without_a_word_of_complaint(report, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(render(report))
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count("<polyline") == 3
