"""Cuts and held frames as a user of the command line meets them."""

import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from vfi.commands.app import app
from vfi.commands.options import CUT_THRESHOLD
from vfi.cuts import THRESHOLD


@pytest.fixture
def two_scenes(film):
    """Six frames of one soft texture, six of another, the last one shown twice more; 25 per second."""

    def picture(index, size):
        number = min(index, 11)
        noise = np.random.default_rng(number // 6).integers(0, 256, (12, 24, 3)).astype(np.float32)
        wide = cv2.resize(noise, (192, 72), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
        return np.ascontiguousarray(wide[:, 2 * number : 2 * number + 128])

    return film(frames=14, picture=picture, options={"crf": "8"})


def vfi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def frames(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


def test_list_cuts_prints_when_the_scene_begins_and_writes_nothing(two_scenes):
    done = vfi("upsample", two_scenes, "--list-cuts")
    assert done.exit_code == 0, done.output
    time, score = map(float, done.stdout.split())
    assert time == 6 / 25
    assert THRESHOLD < score <= 100
    (listed,) = json.loads(vfi("upsample", two_scenes, "--list-cuts", "--json").stdout)
    assert (Fraction(listed["time"]), listed["score"]) == (Fraction(6, 25), score)
    assert vfi("upsample", two_scenes, "--list-cuts", "--cut-threshold", score + 1).stdout == ""
    assert list(two_scenes.parent.iterdir()) == [two_scenes]


def test_the_report_tells_the_cuts_and_the_held_frames(two_scenes):
    done = vfi("upsample", two_scenes, "-m", "blend")
    assert "frames: 14 kept, 10 made, 4 repeated; found 1 scene cut and 2 held frames" in done.stdout
    summary = json.loads(vfi("upsample", two_scenes, "-m", "blend", "--json", "--overwrite").stdout)
    assert (summary["cuts"], summary["frames_held"]) == (1, 2)


def test_the_new_frame_at_a_cut_is_held_blended_or_made(two_scenes):
    source, cut = frames(two_scenes), {}
    for way in ("hold", "blend", "off"):
        done = vfi("upsample", two_scenes, "-m", "blend", "--crf", 1, "--cuts", way, "--overwrite")
        assert done.exit_code == 0, done.output
        cut[way] = frames(two_scenes.with_name("film_2x.mp4"))[11]
    middle = (source[5] + source[6]) / 2
    assert np.abs(cut["hold"] - source[5]).mean() < 2
    assert np.abs(cut["blend"] - middle).mean() < 2
    assert np.abs(cut["off"] - middle).mean() < 2


def test_the_course_is_looked_at_but_for_a_wish(film):
    """A texture that comes to rest: half way from frame to frame it is further on than in their middle."""

    def picture(index, size):
        noise = np.random.default_rng(0).integers(0, 256, (12, 30, 3)).astype(np.float32)
        wide = cv2.resize(noise, (360, 72), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
        moved = np.float64([[1, 0, -(200 - (12 - index) ** 2)], [0, 1, 0]])
        return cv2.warpAffine(wide, moved, size, flags=cv2.INTER_CUBIC)

    path = film("in.mkv", frames=11, picture=picture, size=(128, 72), codec="ffv1", pix_fmt="bgr0")
    scores = {}
    for course in ("curved", "straight"):
        done = vfi("eval", "classical", "--data", path, "--course", course, "--json")
        scores[course] = json.loads(done.stdout)["psnr"]
        output = path.with_name(f"{course}.mkv")
        done = vfi("upsample", path, "-m", "classical", "--course", course, "--codec", "ffv1", "-o", output)
        assert done.exit_code == 0, done.output
    assert scores["curved"] > scores["straight"] + 1
    made = [np.stack(frames(path.with_name(f"{course}.mkv"))) for course in scores]
    difference = np.abs(made[0] - made[1]).mean(axis=(1, 2, 3))
    assert difference[1::2].max() > 2
    assert difference[::2].max() == 0  # those of the source


@pytest.mark.parametrize("wrong", [["--cuts", "skip"], ["--held", "drop"], ["--cut-threshold", "0"]])
def test_a_wrong_wish_is_one_sentence(two_scenes, wrong):
    done = vfi("upsample", two_scenes, *wrong)
    assert done.exit_code == 2, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(two_scenes.parent.iterdir()) == [two_scenes]


def test_the_threshold_that_help_shows_is_the_one_in_use():
    assert CUT_THRESHOLD == THRESHOLD


def test_the_report_tells_how_far_new_frames_are_to_be_trusted(two_scenes):
    done = vfi("upsample", two_scenes, "--crf", 0)
    assert "confidence in new frames" in done.stdout
    summary = json.loads(vfi("upsample", two_scenes, "--json", "--overwrite").stdout)
    assert len(summary["confidence"]) == summary["frames_made"] == 10
    assert all(0 < trust <= 1 for _, trust in summary["confidence"])
    assert [time for time, _ in summary["confidence"]] == pytest.approx([(i + 0.5) / 25 for i in range(11) if i != 5])
    assert vfi("upsample", two_scenes, "-m", "blend", "--fallback", "hold", "--overwrite").exit_code == 2


def test_confidence_is_drawn_over_time(two_scenes, tmp_path):
    picture = tmp_path / "trust.png"
    assert vfi("upsample", two_scenes, "--confidence", picture).exit_code == 0
    assert cv2.imread(str(picture)).shape[1] > 900
    refused = vfi("upsample", two_scenes, "--confidence", tmp_path / "trust.txt", "--overwrite")
    assert refused.exit_code == 2
    assert "does not end in .png" in unboxed(refused.output)
    refused = vfi("upsample", two_scenes, "-m", "blend", "--confidence", tmp_path / "blend.png", "--overwrite")
    assert (refused.exit_code, "does not know its confidence" in unboxed(refused.output)) == (2, True)


def unboxed(message):
    """The words of a message, which the box around it breaks where the names of files are long."""
    return " ".join(message.replace("│", " ").split())
