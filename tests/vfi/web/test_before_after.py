"""The view of a film before and after: what a browser does with it."""

import json
import os
import queue
import re
import shutil
import subprocess
import threading
from fractions import Fraction
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vfi.media import SlowMotion
from vfi.pipeline import upsample
from vfi.timing import Factor
from vfi.web.before_after import before_and_after, script, style

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROBE = """
const view = document.querySelector(".films"), films = divide(view, JSON.parse(view.dataset.films));
const both = [films.over, films.under];
const ready = (name) => Promise.all(both.map((video) => new Promise((done) => video["on" + name] = done)));
const loaded = (video) => new Promise((done) => video.readyState > 3 ? done() : video.oncanplaythrough = done);
Promise.all(both.map(loaded)).then(async () => {
  const seeked = ready("seeked");
  films.seek(1);
  await seeked;
  const box = view.querySelector(".stage").getBoundingClientRect();
  const drag = { clientX: box.left + box.width / 4, clientY: box.top + 5, pointerId: 1, buttons: 1 };
  view.querySelector(".stage").onpointermove(new PointerEvent("pointermove", drag));
  const found = [...both.map((video) => video.currentTime.toFixed(3)), getComputedStyle(films.over).clipPath,
    document.documentElement.scrollWidth <= innerWidth].join(" ");
  fetch("ANSWERS", { method: "POST", mode: "no-cors", body: found });
});
"""


@pytest.fixture
def slower(film, blend, tmp_path):
    """A film of 25 fps and 1 s, and it played at a quarter."""
    before, after = film(frames=25), tmp_path / "slow.mp4"
    upsample(before, after, blend, Factor(Fraction(4)), slow=SlowMotion(Fraction(1, 4)))
    return before, after


def test_rates_and_the_ratio_of_the_times_are_told(slower):
    view = before_and_after(*slower, Fraction(1, 4))
    told = json.loads(unescape(re.search(r'data-films="([^"]*)"', view)[1]))
    assert told == {"rate": 25, "overRate": 25, "ratio": 0.25}


def test_only_speeds_at_which_browsers_play_both_are_offered(slower):
    speeds = re.findall('<option value="([^"]*)"', before_and_after(*slower, Fraction(1, 4)))
    assert speeds == ["1.0", "0.5", "0.25"]  # 1/8 of 1/4 is below a sixteenth


@pytest.fixture
def answers():
    """An address, and what a page posts to it when it is done, for which --dump-dom does not wait."""
    posted = queue.SimpleQueue()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", posted
        server.shutdown()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium")
def test_a_browser_shows_the_same_place_of_both_on_either_side_of_the_divider(slower, answers, tmp_path):
    (before, after), (address, posted) = slower, answers
    view = before_and_after(before, after, Fraction(1, 4)).replace("gradio_api/file=", "file://")
    page = tmp_path / "page.html"
    page.write_text(f"<style>{style()}</style>{view}<script>{script()}{PROBE.replace('ANSWERS', address)}</script>")
    command = [
        CHROMIUM, "--headless", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=500,900", "--remote-debugging-port=0",  # so that it stays
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--no-sandbox")  # which Chromium does not have for root
    browser = subprocess.Popen([*command, page.as_uri()], stderr=subprocess.DEVNULL)
    try:
        assert posted.get(timeout=120) == "0.255 1.020 inset(0px 75% 0px 0px) true"
    finally:
        browser.terminate()
        browser.wait()
