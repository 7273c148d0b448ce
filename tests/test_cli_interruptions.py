"""Ctrl+C, kill, and the same command again, as a user meets them."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from vfi.commands.app import app

CLIP = Path(__file__).resolve().parent.parent / "samples" / "webb.mp4"


@pytest.fixture
def clip(tmp_path):
    """72 frames with sound, in a folder of their own."""
    return Path(shutil.copy(CLIP, tmp_path))


def started(*arguments):
    code = f"import sys; sys.path.insert(0, {str(CLIP.parent.parent)!r}); import cli; cli.app()"
    command = [sys.executable, "-c", code, "upsample", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(process, happened):
    while process.poll() is None and not happened():
        time.sleep(0.02)


def chunks_done(folder):
    manifest = folder / "manifest.json"
    return manifest.exists() and sum(c["state"] == "done" for c in json.loads(manifest.read_text())["chunks"])


def count(path):
    with av.open(str(path)) as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_ctrl_c_leaves_the_film_so_far_and_says_how_to_go_on(clip):
    folder, partial = clip.with_name(".webb_8x.mp4.vfi"), clip.with_name("webb_8x.partial.mp4")
    options = ["--model", "blend", "--factor", "8", "--chunk", "1/2", "--preset", "ultrafast"]
    process = started(clip, "--restart", *options)
    wait_for(process, lambda: chunks_done(folder))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert names(clip.parent) == [".webb_8x.mp4.vfi", "webb.mp4", "webb_8x.partial.mp4"]
    assert f"wrote {partial}: the first " in errors
    with av.open(str(partial)) as film:
        assert film.streams.audio
        assert 120 <= count(partial) < 8 * 72
    line = next(line for line in errors.splitlines() if "To go on: " in line)
    command = shlex.split(line.split("To go on: ")[1])
    assert command == ["vfi", "upsample", str(clip), *options]
    done = CliRunner().invoke(app, [*command[1:], "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["frames_out"] == 8 * 72
    assert names(clip.parent) == ["webb.mp4", "webb_8x.mp4"]


def test_the_second_ctrl_c_stops_at_once_and_leaves_nothing_half_written(clip):
    process = started(clip, "--factor", "50")  # so many frames of a network that a gap takes many seconds
    wait_for(process, lambda: any(clip.parent.glob(".webb_50x.mp4.vfi/*.part.nut")))
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "\n"
    assert "Ctrl+C again stops at once" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert names(clip.parent) == ["webb.mp4"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
@pytest.mark.parametrize("output", ["out.y4m", "out.mkv", "out/%05d.png"])
def test_a_command_that_is_ended_leaves_nothing_half_written(output, number, clip, request):
    # Under nohup, where a command rightly minds no SIGHUP, what tests start would ignore it too.
    request.addfinalizer(partial(signal.signal, number, signal.signal(number, signal.SIG_DFL)))
    process = started(clip, "--factor", "50", "--side-by-side", "-o", clip.parent / output)
    wait_for(process, lambda: any(clip.parent.glob(".out*")))
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert "Traceback" not in errors
    assert names(clip.parent) == ["webb.mp4"]


def test_a_killed_command_goes_on_when_it_is_given_again(clip):
    options = ["--model", "blend", "--factor", "8", "--chunk", "1/2", "--preset", "ultrafast"]
    process = started(clip, *options)
    folder = clip.with_name(".webb_8x.mp4.vfi")
    wait_for(process, lambda: chunks_done(folder))
    process.kill()
    process.communicate()
    first = (folder / "00000000.nut").stat().st_mtime_ns
    with_other = CliRunner().invoke(app, ["upsample", str(clip), *options, "--crf", "30"])
    assert with_other.exit_code == 1
    assert len(with_other.stderr.strip().splitlines()) == 1
    assert "--restart" in with_other.stderr
    assert (folder / "00000000.nut").stat().st_mtime_ns == first
    assert CliRunner().invoke(app, ["upsample", str(clip), *options]).exit_code == 0
    assert count(clip.with_name("webb_8x.mp4")) == 8 * 72
    assert names(clip.parent) == ["webb.mp4", "webb_8x.mp4"]
