"""What vfi upsample says while it works and afterwards."""

import json
import os
import re
import sys

import pytest
from typer.testing import CliRunner

from vfi.commands.app import app


def upsample(*arguments):
    return CliRunner().invoke(app, ["upsample", "-m", "blend", *map(str, arguments)])


def test_the_report_is_short_and_says_what_was_checked_and_kept(film):
    path = film(sound=["aac"], chapters=True, tags=(1, 1, 1, 1))
    done = upsample(path)
    wrote, frames, checked, memory = done.stdout.splitlines()
    assert wrote.startswith(f"wrote {path.with_name('film_2x.mp4')}: 12 -> 24 frames, 25 fps -> 50 fps, 0.480 s")
    assert frames == "frames: 12 kept, 11 made, 1 repeated"
    assert checked == ("checked: duration +0.000 s, end of sound +0.000 s; kept colour tags, 2 chapters, audio 1 (aac)")
    assert re.fullmatch(r"memory: \d+\.\d\d GB at most", memory)


def test_json_has_all_of_it(film):
    summary = json.loads(upsample(film(sound=["aac"], tags=(1, 1, 1, 1)), "--crf", 20, "--json").stdout)
    assert [summary[f"frames_{name}"] for name in ("in", "out", "made", "blended", "repeated")] == [12, 24, 11, 0, 1]
    assert summary["written"] == {"duration_error": "0", "sound_error": "0", "kept": ["colour tags"], "lost": []}
    assert (summary["codec"], summary["options"]["crf"]) == ("libx264", "20")
    assert 10**8 < summary["peak_memory"] < 10**11
    assert summary["peak_gpu_memory"] is None


def test_tiles_and_memory_are_told_by_side_and_size(film):
    path = film(frames=3)
    assert upsample(path, "--tile", 64, "--memory", "1.5GB").exit_code == 0
    for option, wrong, said in (("--tile", "huge", "use auto, off, or a side of 64"), ("--memory", "much", "4GB")):
        done = upsample(path, option, wrong, "--overwrite")
        assert done.exit_code in (1, 2)
        assert said in " ".join(done.stderr.replace("\n", " ").split()) or option in done.stderr


def test_verbose_says_where_and_how_fast_on_stderr(film):
    done = upsample(film(), "-v", "--device", "cpu", "--precision", "float32", "-q")
    assert done.stdout == ""
    where, speed = done.stderr.splitlines()
    assert where == "blend on cpu in float32"
    assert re.fullmatch(r"film\.mp4: [\d.]+ s, [\d.]+ frames/s; libx264 yuv420p crf=16 preset=medium", speed)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("flags", "shown"), [([], True), (["-q"], False)])
def test_a_terminal_shows_rate_time_left_and_scene_unless_quiet(film, flags, shown):
    import pty

    source = film("a[red].mp4")  # which is no markup
    command = [sys.executable, "-c", "import cli; cli.app()", "upsample", str(source), "-m", "blend", *flags]
    said = b""

    def keep(terminal):
        nonlocal said
        data = os.read(terminal, 4096)
        said += data
        return data

    read, write = os.pipe()  # what the terminal says goes nowhere
    saved = os.dup(1)
    os.dup2(write, 1)
    try:
        status = pty.spawn(command, keep, lambda _: b"")
    finally:
        os.dup2(saved, 1)
        for end in (saved, read, write):
            os.close(end)
    assert os.waitstatus_to_exitcode(status) == 0, said.decode()
    assert (b"a[red].mp4, scene 1" in said and b"frames/s" in said) is shown
    assert (b"wrote" in said) is shown
