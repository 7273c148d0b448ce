import re
import shutil
import subprocess

import pytest

from vfi.study.page import render


def test_the_page_refers_to_nothing_outside_itself_and_names_cannot_break_it(learnt):
    html = render(learnt[0])
    assert not re.search(r"https?:|<script|<b>clip", html)
    assert "&lt;b&gt;clip&amp;.mkv" in html
    assert {source[:11] for source in re.findall(r'src="([^"]+)"', html)} == {"data:image/"}


def test_every_finding_run_and_picture_is_on_it(learnt):
    study, html = learnt[0], render(learnt[0])
    for finding in study.findings:
        assert f"{finding.claim}: <span" in html
    for name in (*(str(run.variant) for run in study.runs), *study.references):
        assert html.count(f'alt="Crop of what {name} made"') == len(study.pictures) > 0
    assert html.count("<polyline") == 3 * len(study.runs)


def test_the_best_run_is_marked_and_no_reference(learnt):
    study, html = learnt[0], render(learnt[0])
    best = f"{study.ranking[0].measured.report.psnr:.2f}"
    assert f'<td class="best">{best}</td>' in html
    fusion = html[html.index("<tr><th>flow-fusion</th>") :]
    assert 'class="best"' not in fusion[: fusion.index("</tr>")]


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium")
def test_a_browser_shows_it_without_a_word_of_complaint(learnt, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(render(learnt[0]))
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count("<polyline") == 6
