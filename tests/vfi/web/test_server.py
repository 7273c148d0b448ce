"""The page as it is served: a real server in a process of its own, asked by HTTP."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import av
import pytest

from vfi.web.server import serving

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'vfi[web]'")


CHOICES = ("More frames", "2", "", "1/4", "hold", "keep")  # of the tab for videos, below the model


def start(folder, *options):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    code = "from cli import app; app()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "web", "--no-browser", "--port", port, *options],
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = server.stdout.readline()
    assert f"http://127.0.0.1:{port}/" in said, said + server.stderr.read()
    return server, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("temporary")
    server, address = start(folder, "--max-seconds", "2", "--max-size", "1MB")
    yield address, folder
    server.kill()
    server.communicate()


@pytest.fixture(scope="module")
def client(served):
    from gradio_client import Client

    return Client(served[0], verbose=False, analytics_enabled=False)


def sent(path):
    from gradio_client import handle_file

    return handle_file(str(path))


def asked(address, name, *data):
    """Ask as a program would that forges what it sends; returns the events of the answer."""
    request = urllib.request.Request(
        f"{address}/gradio_api/call/{name}",
        json.dumps({"data": data}).encode(),
        {"Content-Type": "application/json"},
    )
    event = json.load(urllib.request.urlopen(request))["event_id"]
    return urllib.request.urlopen(f"{address}/gradio_api/call/{name}/{event}").read().decode()


def test_a_film_gets_its_frames_and_keeps_its_sound(client, served, film):
    source = film(frames=12, sound=["aac"])
    assert client.predict(sent(source), api_name="/look")[0] == "film.mp4: 128x72, 25 fps, 12 frames, 0.480 s"
    job = client.submit(sent(source), "blend", *CHOICES, api_name="/upsample")
    said, _, _, after, download = job.result()
    assert said.startswith("wrote film_2x.mp4: 12 -> 24 frames, 25 fps -> 50 fps")
    assert "Download film_2x.mp4" in download["label"]
    with av.open(after if isinstance(after, str) else after["video"]) as result:
        assert [stream.type for stream in result.streams] == ["video", "audio"]
        assert result.streams.video[0].frames == 24


def test_slow_motion_lasts_longer_at_the_rate_of_the_film_and_so_does_its_sound(client, film):
    source = film(frames=12, sound=["aac"])
    choices = ("Slow motion", "2", "", "1/4", "hold", "keep")
    said, _, _, after, download = client.predict(sent(source), "blend", *choices, api_name="/upsample")
    assert said.startswith("wrote film_slow4x.mp4: 12 -> 48 frames, 25 fps")
    assert "Download film_slow4x.mp4" in download["label"]
    with av.open(after if isinstance(after, str) else after["video"]) as result:
        video, sound = result.streams
        assert (video.frames, video.average_rate) == (48, 25)
        assert float(sound.duration * sound.time_base) == pytest.approx(4 * 0.48, abs=0.1)


def test_both_films_of_the_divided_view_are_served(client, served, film):
    _, view, *_ = client.predict(sent(film(frames=12)), "blend", *CHOICES, api_name="/upsample")
    addresses = re.findall(r'<video [^>]*src="([^"]*)"', view)
    assert [address.rpartition("/")[2] for address in addresses] == ["film_2x.mp4", "film.mp4"]
    for address in addresses:
        with urllib.request.urlopen(f"{served[0]}/{address}") as answer:
            assert answer.headers["Content-Type"] == "video/mp4"


def test_what_is_wrong_is_a_sentence_without_a_path(client, film, tmp_path):
    from gradio_client.exceptions import AppError

    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 50)
    for file, sentence in (
        (film("long.mp4", frames=75), "long.mp4 lasts 3.0 s and the limit here is 2 s: cut it"),
        (broken, "broken.mp4 is damaged or not a video"),
    ):
        with pytest.raises(AppError) as error:
            client.predict(sent(file), "blend", *CHOICES, api_name="/upsample")
        assert sentence in str(error.value)
        assert "/" not in str(error.value)


def test_a_file_beyond_the_limit_is_not_taken(served):
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="big.mp4"\r\n\r\n' + bytes(1_100_000)
    request = urllib.request.Request(
        f"{served[0]}/gradio_api/upload",
        body + b"\r\n--x--\r\n",
        {"Content-Type": "multipart/form-data; boundary=x"},
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert error.value.code == 413


@pytest.mark.parametrize("place", ["/etc/passwd", str(Path(__file__)), "/proc/self/environ"])
def test_nothing_but_uploads_can_be_read(served, place):
    address, folder = served
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{address}/gradio_api/file={place}")
    assert error.value.code in (403, 404)
    forged = {"path": place, "orig_name": "film.mp4", "meta": {"_type": "gradio.FileData"}}
    before = set(folder.rglob("*"))
    for name, data in (
        ("look", (forged,)),
        ("upsample", (forged, "blend", *CHOICES)),
        ("pictures", (forged, forged, "blend", 1)),
        ("flow", (forged, forged, "dis")),
    ):
        assert "event: error" in asked(address, name, *data)
    assert set(folder.rglob("*")) == before


def test_a_model_that_does_not_ship_is_not_loaded(served):
    assert "event: error" in asked(served[0], "upsample", None, "/etc/passwd", *CHOICES)


@pytest.mark.parametrize(("name", "status"), [("localhost", 200), ("127.0.0.1", 200), ("evil.example", 400)])
def test_it_answers_to_the_name_of_this_computer_alone(served, name, status):
    server = http.client.HTTPConnection(served[0].removeprefix("http://"))
    server.request("GET", "/", headers={"Host": f"{name}:7860"})
    assert server.getresponse().status == status


def test_the_page_tells_nobody_and_loads_nothing_from_elsewhere(served):
    page = urllib.request.urlopen(served[0]).read().decode()
    config = json.load(urllib.request.urlopen(f"{served[0]}/config"))
    assert not config["analytics_enabled"]
    assert not [part for part in config["components"] if "share" in part["props"].get("buttons", [])]
    assert "fonts.googleapis" not in page
    assert '<script src="http' not in page


def test_an_interrupt_ends_it_and_leaves_nothing(tmp_path):
    server, _ = start(tmp_path)
    assert list(tmp_path.glob("vfi-web-*"))
    server.send_signal(signal.SIGINT)
    _, said = server.communicate(timeout=60)
    assert (server.returncode, said) == (130, "Interrupted.\n")
    assert not list(tmp_path.iterdir())


def test_a_host_that_is_not_known_is_told():
    with (
        pytest.raises(ValueError, match="there is no computer"),
        serving("no.such.host.invalid"),
    ):
        pass
