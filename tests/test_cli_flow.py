"""The flow commands as a user meets them."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cli import app
from flow.color import flow_to_color
from flow.files import FLOW_SUFFIXES, read_flow, write_flow


def vfi(*arguments):
    return CliRunner().invoke(app, ["flow", *(str(argument) for argument in arguments)])


def in_one_sentence(done, code=1):
    """The error, if it is one line without a traceback, as every error is."""
    assert done.exit_code == code, done.output
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def rgb(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def field(height=40, width=60, seed=0):
    """A flow with whole 64ths of a pixel, which every format holds, and an unknown pixel."""
    flow = np.random.default_rng(seed).integers(-640, 640, (height, width, 2)).astype(np.float32) / 64
    flow[3, 4] = np.nan
    return flow


@pytest.mark.parametrize("to", [suffix[1:] for suffix in FLOW_SUFFIXES])
def test_convert_keeps_the_flow_and_what_is_unknown(tmp_path, to):
    write_flow(tmp_path / "walk.flo", field())
    done = vfi("convert", tmp_path / "walk.flo", "--to", to, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    flow, valid = read_flow(tmp_path / "out" / f"walk.{to}")
    assert np.argwhere(~valid).tolist() == [[3, 4]]
    np.testing.assert_array_equal(flow[valid], field()[valid])


def test_convert_draws_on_the_scale_asked_for_with_a_legend_beside(tmp_path):
    write_flow(tmp_path / "walk.flo", field(150, 60))
    vfi("convert", tmp_path / "walk.flo", "--to", "color", "--max-flow", 20, "-o", tmp_path)
    expected = flow_to_color(field(150, 60), max_flow=20)
    np.testing.assert_array_equal(rgb(tmp_path / "walk_color.png"), expected)
    vfi("convert", tmp_path / "walk.flo", "--to", "color", "--max-flow", 20, "--legend", "-o", tmp_path / "l.png")
    picture = rgb(tmp_path / "l.png")
    np.testing.assert_array_equal(picture[:, :60], expected)
    assert picture.shape == (150, 170, 3)
    red, green, blue = picture[55, 156].astype(int)  # near the rim of the disc: to the right, nearly at full speed
    assert red == 255
    assert max(green, blue) < 40


def test_convert_to_half_halves_the_file(tmp_path):
    flow = np.random.default_rng(0).normal(0, 5, (100, 100, 2)).astype(np.float32)
    write_flow(tmp_path / "a.flo", flow)
    vfi("convert", tmp_path / "a.flo", "--to", "npz", "--half", "-o", tmp_path)
    assert (tmp_path / "a.npz").stat().st_size < 0.51 * (tmp_path / "a.flo").stat().st_size
    np.testing.assert_allclose(read_flow(tmp_path / "a.npz")[0], flow, rtol=1e-3, atol=1e-6)


def test_convert_writes_into_the_current_folder_unless_told(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write_flow(tmp_path / "a.flo", field())
    assert "wrote a.npy" in vfi("convert", tmp_path / "a.flo", "--to", "npy").stdout
    assert (tmp_path / "elsewhere" / "a.npy").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.flo", "--to", "exr"], "use flo, npy"),
        (["a.flo", "--to", "png", "--half"], "npz"),
        (["a.flo", "--to", "npy", "--legend"], "color"),
        (["a.flo", "--to", "color", "--max-flow", "-1"], "above 0"),
        (["missing.flo", "--to", "npy"], "does not exist"),
        (["cut.flo", "--to", "npy"], "cut short"),
        (["a.flo", "sub/a.flo", "--to", "npy"], "one by one"),
        (["a.flo", "--to", "flo"], "--overwrite"),
        (["fast.flo", "--to", "png"], "write a .flo"),
    ],
)
def test_what_cannot_be_converted_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("a.flo", "sub/a.flo"):
        write_flow(tmp_path / name, field())
    write_flow(tmp_path / "fast.flo", np.full((4, 4, 2), 5000.0))
    (tmp_path / "cut.flo").write_bytes((tmp_path / "a.flo").read_bytes()[:-5])
    before = sorted(tmp_path.rglob("*"))
    assert words in in_one_sentence(vfi("convert", *arguments))
    assert sorted(tmp_path.rglob("*")) == before


def test_compare_measures_one_file_by_another_of_any_format(tmp_path):
    truth = np.zeros((10, 20, 2), np.float32)
    truth[:, 10:] = 30, 0
    write_flow(tmp_path / "truth.png", truth)
    write_flow(tmp_path / "mine.flo", truth + np.array([0, 4], np.float32))
    done = vfi("compare", tmp_path / "mine.flo", tmp_path / "truth.png", "--json", "--picture", tmp_path / "e.png")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["epe"], report["fl_all"], report["over_3px"], report["over_5px"]) == (4, 100, 100, 0)
    assert report["s10_40"] == {"pixels": 100, "epe": 4}
    assert report["s40_plus"] == {"pixels": 0, "epe": None}
    assert (rgb(tmp_path / "e.png") == [254, 224, 144]).all()  # the first colour beyond KITTI's threshold
    said = vfi("compare", tmp_path / "mine.flo", tmp_path / "truth.png").stdout
    assert "EPE 4.000 px, Fl-all 100.00 %" in said
    assert "10 to 40 px: EPE 4.000 px over 100 pixels" in said


def test_compare_pairs_folders_by_name_and_weighs_pixels(tmp_path):
    for name, size, error in (("scene/a", (10, 10), 1), ("b", (10, 30), 5)):
        for folder in ("mine", "truth"):
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_flow(tmp_path / "truth" / f"{name}.flo", np.zeros((*size, 2)))
        write_flow(tmp_path / "mine" / f"{name}.npz", np.zeros((*size, 2)) + np.array([error, 0]))
    write_flow(tmp_path / "mine" / "unasked.npz", np.ones((3, 3, 2)))
    done = vfi("compare", tmp_path / "mine", tmp_path / "truth", "--json", "--picture", tmp_path / "errors")
    report = json.loads(done.stdout)
    assert report["epe"] == pytest.approx(4)
    assert {name: found["epe"] for name, found in report["files"].items()} == {"b": 5, "scene/a": 1}
    assert (tmp_path / "errors" / "scene" / "a.png").exists()
    assert "mean of 2 files: EPE 4.000" in vfi("compare", tmp_path / "mine", tmp_path / "truth").stdout


def test_what_cannot_be_compared_is_one_sentence(tmp_path):
    for folder in ("mine", "truth", "empty"):
        (tmp_path / folder).mkdir()
    write_flow(tmp_path / "truth" / "a.flo", np.zeros((4, 5, 2)))
    write_flow(tmp_path / "truth" / "b.flo", np.zeros((4, 5, 2)))
    write_flow(tmp_path / "mine" / "a.flo", np.zeros((4, 6, 2)))
    unknown = np.zeros((4, 5, 2))
    unknown[0, 0] = np.nan
    write_flow(tmp_path / "unknown.flo", unknown)
    mine, truth = tmp_path / "mine", tmp_path / "truth"
    assert "no flow called b" in in_one_sentence(vfi("compare", mine, truth))
    assert "holds no flow" in in_one_sentence(vfi("compare", mine, tmp_path / "empty"))
    assert "two of a kind" in in_one_sentence(vfi("compare", mine, truth / "a.flo"))
    assert "one size" in in_one_sentence(vfi("compare", mine / "a.flo", truth / "a.flo"))
    assert "does not exist" in in_one_sentence(vfi("compare", mine / "c.flo", truth / "a.flo"))
    assert "no finite motion at 1 pixels" in in_one_sentence(vfi("compare", tmp_path / "unknown.flo", truth / "a.flo"))
    assert "--overwrite" in in_one_sentence(
        vfi("compare", truth / "a.flo", truth / "a.flo", "--picture", truth / "b.flo")
    )
