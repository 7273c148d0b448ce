"""Every kind of input and output of ``vfi upsample``, as a user meets it."""

import json
import subprocess
import sys
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from vfi.commands.app import app
from vfi.media.animation import AnimationReader

Y4M = b"YUV4MPEG2 W64 H48 F30000:1001 Ip A1:1 C420p10 XCOLORRANGE=LIMITED\n"
FRAME = 6 + 64 * 48 * 3  # bytes


def vfi(*arguments, stdin=None):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def upsample(*arguments, stdin=None):
    done = vfi("upsample", *arguments, "-m", "blend", stdin=stdin)
    assert done.exit_code == 0, done.output
    return done


def picture(index):
    image = np.full((48, 64, 3), 40, np.uint8)
    image[16:32, 4 + 4 * index : 20 + 4 * index] = 200
    return image


@pytest.fixture
def folder(tmp_path):
    """Ten pictures of a moving square."""
    path = tmp_path / "frames"
    path.mkdir()
    for i in range(10):
        cv2.imwrite(str(path / f"{i:04d}.png"), picture(i))
    return path


def y4m(count=4):
    grey = np.full(64 * 48 // 2, 512, "<u2").tobytes()
    lumas = (np.full(64 * 48, 100 + 100 * (i % 8), "<u2").tobytes() for i in range(count))
    return Y4M + b"".join(b"FRAME\n" + luma + grey for luma in lumas)


def test_a_folder_becomes_a_folder_beside_it_without_a_rate(folder):
    done = upsample(folder)
    made = sorted(folder.with_name("frames_2x").iterdir())
    assert [file.name for file in made] == [f"{i:05d}.png" for i in range(1, 21)]
    for i in range(10):
        np.testing.assert_array_equal(cv2.imread(str(made[2 * i])), picture(i))
    between = (picture(0).astype(int) + picture(1)) // 2
    np.testing.assert_array_equal(cv2.imread(str(made[1])), between)
    assert "note" not in done.stdout


def test_a_folder_becomes_a_video_at_its_rate(folder, tmp_path):
    upsample(folder, "--fps-in", "24000/1001", "-o", tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert made.streams.video[0].average_rate == Fraction(48000, 1001)
        assert made.streams.video[0].pix_fmt == "yuv420p"
        assert sum(1 for _ in made.decode(video=0)) == 20
    assert "25 frames per second are assumed" in upsample(folder, "-o", tmp_path / "b.mp4").stdout


def test_a_pattern_is_input_and_output(folder, tmp_path):
    upsample(folder / "%04d.png", "--factor", 3, "-o", tmp_path / "out/f%02d.jpg")
    assert len(list((tmp_path / "out").glob("f??.jpg"))) == 30


def test_an_existing_folder_is_refused_and_kept_unless_overwritten(folder, tmp_path):
    upsample(folder, "-o", tmp_path / "out")
    (tmp_path / "out/00001.png").write_text("precious")
    done = vfi("upsample", folder, "-m", "blend", "-o", tmp_path / "out")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert (tmp_path / "out/00001.png").read_text() == "precious"
    upsample(folder, "-o", tmp_path / "out", "--overwrite")
    assert cv2.imread(str(tmp_path / "out/00001.png")) is not None


@pytest.mark.parametrize(
    ("wish", "code", "words"),
    [
        (["frames/0001.png"], 1, "single picture"),
        (["frames/%05d.png"], 1, "no picture is called"),
        (["frames", "-o", "out.xyz"], 2, "must end in one of"),
        (["frames", "-o", "frames"], 1, "source's own folder"),
        (["frames", "-o", "%05d.png"], 2, "no folder of its own"),
        (["frames", "--crf", "3"], 2, "no encoder to choose"),
        (["-"], 2, "name the file to write"),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_sentence_and_leaves_nothing(folder, wish, code, words, monkeypatch):
    monkeypatch.chdir(folder.parent)
    done = vfi("upsample", "-m", "blend", *wish)
    assert (done.exit_code, done.stderr.count("\n")) == (code, 1), done.output
    assert words in done.stderr
    assert [path.name for path in folder.parent.iterdir()] == ["frames"]


@pytest.mark.parametrize("suffix", ["gif", "webp", "apng"])
def test_a_film_in_rgb_becomes_an_animation(suffix, film, tmp_path):
    upsample(film("rgb.mkv", codec="ffv1", pix_fmt="bgr0", frames=5), "-o", tmp_path / f"out.{suffix}")
    with AnimationReader(tmp_path / f"out.{suffix}") as animation:
        times = [frame.time for frame in animation.frames()]
        assert times[:9] == [Fraction(i, 50) for i in range(9)]  # WebP makes one of the two that end it, the same
        assert animation.duration == Fraction(1, 5)


def test_a_rate_of_what_has_times_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    assert "has its own times" in vfi("upsample", tmp_path / "a.mp4", "-m", "blend", "--fps-in", 24).stderr


def test_a_pipe_carries_the_video_alone_and_all_else_goes_to_stderr(tmp_path):
    done = upsample("-", "-o", "-", "--json", stdin=y4m())
    assert done.stdout_bytes.startswith(Y4M.replace(b"F30000:1001", b"F60000:1001"))
    assert len(done.stdout_bytes) == len(Y4M) + 8 * FRAME
    assert json.loads(done.stderr)["frames_out"] == 8
    (tmp_path / "made.y4m").write_bytes(done.stdout_bytes)
    with av.open(str(tmp_path / "made.y4m")) as made:
        levels = [int(np.frombuffer(frame.planes[0], np.uint16)[0]) for frame in made.decode(video=0)]
    assert levels[::2] == [100, 200, 300, 400]
    assert np.abs(np.array(levels[1:6:2]) - [150, 250, 350]).max() <= 1


def test_a_pipe_goes_into_a_file_and_a_file_into_a_pipe(tmp_path):
    upsample("-", "-o", tmp_path / "out.mkv", "--codec", "ffv1", stdin=y4m())
    with av.open(str(tmp_path / "out.mkv")) as made:
        assert made.streams.video[0].pix_fmt == "yuv420p10le"
    done = upsample(tmp_path / "out.mkv", "-o", "-", "--fps", 30)
    assert done.stdout_bytes.startswith(b"YUV4MPEG2 W64 H48 F30:1 ")
    assert "wrote -" in done.stderr


def test_a_pipe_that_is_cut_off_is_an_error(tmp_path):
    done = vfi("upsample", "-", "-o", tmp_path / "out.mp4", "-m", "blend", stdin=y4m()[:-1])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "cut short or damaged after 3 frames" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_ends_it_without_a_word():
    command = [sys.executable, "-c", "import cli; cli.app()", "upsample", "-", "-o", "-", "-m", "blend"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(y4m())
    process.stdin.flush()
    assert process.stdout.read(9) == b"YUV4MPEG2"
    process.stdout.close()
    _, errors = process.communicate(y4m(40)[len(Y4M) :], timeout=60)
    assert (process.returncode, errors) == (1, b"")
