"""The flow commands as a user meets them."""

import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from flow.checkpoint import save_checkpoint
from flow.color import flow_to_color, largest_motion
from flow.files import FLOW_SUFFIXES, read_flow, write_flow
from flow.models import build_flow_model
from vfi.commands.app import app


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
    ("arguments", "code", "words"),
    [
        (["a.flo", "--to", "exr"], 2, "use flo, npy"),
        (["a.flo", "--to", "png", "--half"], 2, "npz"),
        (["a.flo", "--to", "npy", "--legend"], 2, "color"),
        (["a.flo", "--to", "color", "--max-flow", "-1"], 2, "above 0"),
        (["missing.flo", "--to", "npy"], 1, "does not exist"),
        (["cut.flo", "--to", "npy"], 1, "cut short"),
        (["a.flo", "sub/a.flo", "--to", "npy"], 1, "one by one"),
        (["a.flo", "--to", "flo"], 1, "--overwrite"),
        (["fast.flo", "--to", "png"], 1, "write a .flo"),
    ],
)
def test_what_cannot_be_converted_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("a.flo", "sub/a.flo"):
        write_flow(tmp_path / name, field())
    write_flow(tmp_path / "fast.flo", np.full((4, 4, 2), 5000.0))
    (tmp_path / "cut.flo").write_bytes((tmp_path / "a.flo").read_bytes()[:-5])
    before = sorted(tmp_path.rglob("*"))
    assert words in in_one_sentence(vfi("convert", *arguments), code)
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


def shifted(folder, *names, step=3, size=(60, 80), channels=3):
    """Images of a texture that moves ``step`` pixels to the right from one to the next."""
    folder.mkdir(exist_ok=True, parents=True)
    texture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (size[0], 300, channels), np.uint8), (0, 0), 2)
    for index, name in enumerate(names):
        left = 150 - step * index
        cv2.imwrite(str(folder / name), texture[:, left : left + size[1]])
    return folder


def names_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def middle(path):
    """The median motion away from the edges."""
    return np.median(read_flow(path)[0][20:40, 20:60], axis=(0, 1))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_run_on_two_images_writes_flow_and_picture_into_the_current_folder(tmp_path, in_a_folder_of_its_own):
    source = shifted(tmp_path / "in", "a.png", "b.png")
    done = vfi("run", source / "a.png", source / "b.png")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("wrote the flow of 1 pair in 2 files to a_flow: motion 3.")
    assert names_in(in_a_folder_of_its_own) == ["a_flow/a.flo", "a_flow/a_color.png"]
    np.testing.assert_allclose(middle("a_flow/a.flo"), [3, 0], atol=0.1)
    np.testing.assert_array_equal(rgb("a_flow/a_color.png"), flow_to_color(read_flow("a_flow/a.flo")[0]))
    assert names_in(source) == ["a.png", "b.png"]


def test_run_takes_images_in_the_order_given(tmp_path):
    source = shifted(tmp_path / "in", "a.png", "b.png")
    vfi("run", source / "b.png", source / "a.png", "--output", "raw")
    np.testing.assert_allclose(middle("b_flow/b.flo"), [-3, 0], atol=0.1)


@pytest.mark.parametrize(
    ("wish", "files"),
    [
        (["--output", "raw"], ["a.flo"]),
        (["--output", "viz"], ["a_color.png"]),
        (["--format", "png"], ["a.png", "a_color.png"]),
        (["--format", "npz", "--half", "--output", "raw"], ["a.npz"]),
        (
            ["--bidirectional"],
            ["a.flo", "a_backward.flo", "a_backward_color.png", "a_color.png", "a_occluded.png"],
        ),
    ],
)
def test_run_writes_what_is_asked_for(tmp_path, wish, files):
    source = shifted(tmp_path / "in", "a.png", "b.png")
    done = vfi("run", source / "a.png", source / "b.png", "-o", "out", *wish, "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    assert names_in(tmp_path / "here" / "out") == files


def test_run_both_ways_marks_what_leaves_the_frame(tmp_path):
    source = shifted(tmp_path / "in", "a.png", "b.png", step=6)
    vfi("run", source / "a.png", source / "b.png", "-o", "out", "--bidirectional")
    np.testing.assert_allclose(middle("out/a_backward.flo"), [-6, 0], atol=0.2)
    mask = rgb("out/a_occluded.png")[..., 0]
    assert set(np.unique(mask)) == {0, 255}
    assert (mask[:, -5:] == 255).mean() > 0.9
    assert (mask[10:-10, 10:-15] == 0).mean() > 0.9


def test_run_on_a_folder_batches_pairs_of_several_sizes_and_keeps_their_names(tmp_path):
    source = shifted(tmp_path / "walks", "x_img1.ppm", "x_img2.ppm")
    shifted(source, "y_img1.ppm", "y_img2.ppm", step=5, size=(50, 90))
    shifted(source, "z_img1.ppm", "z_img2.ppm", step=2, size=(50, 90))
    report = json.loads(vfi("run", source, "--batch", 4, "--output", "raw", "--json").stdout)
    assert (report["pairs"], report["files"], report["folders"]) == (3, 3, ["walks_flow"])
    for name, step in (("x", 3), ("y", 5), ("z", 2)):
        np.testing.assert_allclose(middle(f"walks_flow/{name}_flow.flo"), [step, 0], atol=0.2)


def test_run_on_several_inputs_gives_each_its_folder(tmp_path, film):
    one, two = shifted(tmp_path / "one", "a.png", "b.png", "c.png"), film("clip.mp4", frames=6)
    done = vfi("run", one, two, "--start", "0")
    assert "leave out --start" in in_one_sentence(done)
    assert vfi("run", one, two, "-o", "out", "--output", "viz").exit_code == 0
    expected = [f"clip/clip_00000{i}_color.png" for i in range(5)] + ["one/a_color.png", "one/b_color.png"]
    assert names_in(tmp_path / "here" / "out") == expected


def test_run_on_a_part_of_a_video_resized_or_cropped(film):
    path = film("clip.mp4", frames=12)
    done = vfi("run", path, "--start", "0:0.2", "--end", 0.32, "--resize", "64x36", "--output", "raw", "--grey")
    assert done.exit_code == 0, done.output
    assert read_flow("clip_flow/clip_000005.flo")[0].shape == (36, 64, 2)
    assert not (read_flow("clip_flow/clip_000005.flo")[0] > 2).any()  # 2 pixels a frame at full size
    vfi("run", path, "--crop", "10,4,50,40", "-o", "crop", "--max-flow", 4)
    assert len(list((path.parent / "here" / "crop").iterdir())) == 22
    flow, _ = read_flow("crop/clip_000000.flo")
    assert flow.shape == (40, 50, 2)
    np.testing.assert_array_equal(rgb("crop/clip_000000_color.png"), flow_to_color(flow, max_flow=4))


def test_crop_comes_before_resize(film):
    path = film("clip.mp4", frames=3)
    for wish, name in ((["--crop", "8,16,48,40"], "part"), (["--crop", "8,16,48,40", "--resize", "96x80"], "larger")):
        done = vfi("run", path, *wish, "--output", "raw", "-o", name)
        assert done.exit_code == 0, done.output
    part, larger = (read_flow(f"{name}/clip_000000.flo")[0] for name in ("part", "larger"))
    assert larger.shape == (80, 96, 2)
    square = slice(12, 20), slice(4, 12)  # moves by 2 pixels of the film
    assert part[square][..., 0].mean() == pytest.approx(2, abs=0.2)
    assert larger[24:40, 8:24, 0].mean() == pytest.approx(4, abs=0.4)


def test_frames_are_taken_by_their_numbers(tmp_path, film):
    path = film("clip.mp4", frames=12)
    assert vfi("run", path, "--frames", "5:8", "--output", "raw").exit_code == 0
    assert names_in(tmp_path / "here" / "clip_flow") == ["clip_000005.flo", "clip_000006.flo"]
    for command in ("video", "arrows"):
        done = vfi(command, path, "--frames", "5:8", "-o", f"{command}.mkv")
        assert done.exit_code == 0, done.output
        assert len(decoded(f"{command}.mkv")[1]) == 3
    assert "frames 0 to 11" in in_one_sentence(vfi("video", path, "--frames", "11:", "-o", "no.mkv"))
    images = shifted(tmp_path / "in", "a.png", "b.png")
    assert vfi("arrows", images / "a.png", images / "b.png", "--frames", "0:2").exit_code == 2


def test_run_gives_all_pictures_of_an_input_one_scale_with_a_legend(tmp_path):
    source = shifted(tmp_path / "in", "a.png", "b.png", "c.png")
    cv2.imwrite(str(source / "c.png"), np.roll(cv2.imread(str(source / "b.png")), 6, axis=1))  # now twice as fast
    done = vfi("run", source, "--one-scale", "--legend", "-o", "out", "--bidirectional")
    assert done.exit_code == 0, done.output
    flows = {name: read_flow(f"out/{name}.flo")[0] for name in ("a", "b", "a_backward", "b_backward")}
    scale = max(largest_motion(flow) for flow in flows.values())
    for name, flow in flows.items():
        picture = rgb(f"out/{name}_color.png")
        assert picture.shape == (130, 80 + 110, 3)
        np.testing.assert_array_equal(picture[:60, :80], flow_to_color(flow, max_flow=scale))


def test_run_refuses_existing_outputs_before_any_work(tmp_path):
    source = shifted(tmp_path / "in", *(f"f{i}.png" for i in range(4)))
    assert vfi("run", source, "-o", "out", "--output", "raw").exit_code == 0
    for name in ("f0.flo", "f1.flo"):
        (tmp_path / "here" / "out" / name).unlink()
    assert "--overwrite" in in_one_sentence(vfi("run", source, "-o", "out", "--output", "raw"))
    assert names_in(tmp_path / "here" / "out") == ["f2.flo"]
    assert vfi("run", source, "-o", "out", "--output", "raw", "--overwrite").exit_code == 0
    assert names_in(tmp_path / "here" / "out") == ["f0.flo", "f1.flo", "f2.flo"]


def test_run_keeps_what_was_whole_when_a_later_image_is_damaged(tmp_path):
    source = shifted(tmp_path / "in", "a.png", "b.png", "c.png")
    (source / "c.png").write_bytes((source / "c.png").read_bytes()[:3000])
    assert "c.png is no image" in in_one_sentence(vfi("run", source))
    assert names_in(tmp_path / "here") == ["in_flow/a.flo", "in_flow/a_color.png"]
    np.testing.assert_allclose(middle("in_flow/a.flo"), [3, 0], atol=0.1)


def test_run_takes_a_checkpoint(tmp_path):
    save_checkpoint(tmp_path / "net.safetensors", "flownets", build_flow_model("flownets", {"width": 0.1}), {})
    source = shifted(tmp_path / "in", "a.png", "b.png", "c.png")
    done = vfi("run", source, "-m", tmp_path / "net.safetensors", "--device", "cpu", "--batch", 2, "-o", "out")
    assert done.exit_code == 0, done.output
    assert read_flow("out/b.flo")[0].shape == (60, 80, 2)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing"], 1, "does not exist"),
        (["notes.txt"], 1, "not a video"),
        (["cut.mp4"], 1, "damaged"),
        (["empty.mp4"], 1, "is empty"),
        (["cut.png", "a.png"], 1, "no image"),
        (["a.png"], 1, "name the second"),
        (["a.png", "wide.png"], 1, "one size"),
        (["a.png", "b.png", "--model", "raft"], 2, "there is no flow model 'raft'"),
        (["a.png", "b.png", "--model", "notes.txt"], 1, "notes.txt"),
        (["a.png", "b.png", "--device", "cuda"], 2, "leave out --device"),
        (["a.png", "b.png", "--max-flow", "0"], 2, "above 0"),
        (["a.png", "b.png", "--crop", "0,0,500,500"], 1, "crop less"),
        (["a.png", "b.png", "-o", "notes.txt"], 1, "notes.txt is a file"),
        (["a.png", "b.png", "-o", "notes.txt/below"], 1, "another folder"),
        (["a.png", "b.png", "--half"], 2, "npz"),
        (["a.png", "b.png", "--one-scale", "--max-flow", "3"], 2, "leave out --one-scale"),
        (["a.png", "b.png", "--legend", "--output", "raw"], 2, "no colours"),
    ],
)
def test_what_cannot_be_run_is_one_sentence_and_leaves_nothing(in_a_folder_of_its_own, film, arguments, code, words):
    here = shifted(in_a_folder_of_its_own, "a.png", "b.png")
    shifted(here, "wide.png", size=(60, 90))
    whole = film("whole.mp4", frames=12).read_bytes()
    (here / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    (here / "empty.mp4").touch()
    (here / "notes.txt").write_text("no flow here")
    if "cut.png" in arguments:
        (here / "cut.png").write_bytes((here / "a.png").read_bytes()[:2000])
    before = names_in(here)
    assert words in in_one_sentence(vfi("run", *arguments), code)
    assert names_in(here) == before


@pytest.mark.parametrize(
    "wrong",
    [
        ["--output", "all"],
        ["--format", "exr"],
        ["--resize", "640"],
        ["--resize", "0x10"],
        ["--crop", "1,2,3"],
        ["--frames", "10"],
        ["--frames", "-2:3"],
        ["--frames", "0:3", "--start", "1"],
        ["--start", "soon"],
        ["--start", "-1"],
        ["--batch", "0"],
    ],
)
def test_a_wrong_option_is_a_usage_error(tmp_path, wrong):
    source = shifted(tmp_path / "in", "a.png", "b.png")
    done = vfi("run", source, *wrong)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def decoded(path):
    """Times in seconds and RGB pictures of a video, and whether it has sound."""
    with av.open(str(path)) as container:
        found = [(f.pts * f.time_base, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
        return [time for time, _ in found], [picture for _, picture in found], bool(container.streams.audio)


@pytest.mark.parametrize("varying", [False, True])
def test_a_flow_video_has_the_times_and_sound_of_its_source_and_one_scale(film, varying):
    times = [Fraction(t, 1000) for t in (0, 40, 100, 130, 300, 400)] if varying else None
    source = film("clip.mkv", times=times, rate=Fraction(30000, 1001), frames=6, sound=["aac"])
    done = vfi("video", source, "-o", "flow.mkv", "--json")
    assert done.exit_code == 0, done.output
    scale = json.loads(done.stdout)["max_flow"]
    moments, pictures, sound = decoded("flow.mkv")
    assert moments == decoded(source)[0]
    assert sound
    assert pictures[0].shape == (72, 128, 3)
    vfi("run", source, "-o", "out", "--max-flow", scale)
    raw = [read_flow(f"out/clip_{i:06d}.flo")[0] for i in range(5)]
    assert scale == pytest.approx(max(1, *(largest_motion(flow) for flow in raw)))
    for index, picture in enumerate(pictures):
        expected = rgb(f"out/clip_{min(index, 4):06d}_color.png").astype(int)
        assert np.abs(picture - expected).mean() < 4


def test_motion_to_the_right_is_red_in_a_flow_video_however_the_source_is_stored(film):
    for name, more in (
        ("grey.mkv", {"codec": "ffv1", "pix_fmt": "gray"}),
        ("odd.mkv", {"codec": "ffv1", "pix_fmt": "yuv444p10le", "size": (127, 71)}),
        ("tagged.mp4", {"tags": (9, 1, 9, 16), "pix_fmt": "yuv420p10le", "codec": "libx265"}),
    ):
        done = vfi("video", film(name, frames=3, **more), "--max-flow", 2, "-o", f"flow_{name}")
        assert done.exit_code == 0, done.output
        picture = decoded(f"flow_{name}")[1][0]
        red, green, blue = picture[30, 12:20].reshape(-1, 3).mean(axis=0)
        assert red > 200
        assert max(green, blue) < 150


def test_a_turned_video_is_upright_in_its_flow_video(film):
    source = film("turned.mp4", frames=4, rotation=90)  # what is stored as right is shown as up
    assert vfi("video", source, "-o", "flow.mp4", "--max-flow", 2).exit_code == 0
    picture = decoded("flow.mp4")[1][0]
    assert picture.shape == (128, 72, 3)
    colored = picture[np.ptp(picture.astype(int), axis=2) > 120]
    red, green, blue = colored.mean(axis=0)
    assert blue > red > green  # violet: up


@pytest.mark.parametrize("command", ["video", "arrows"])
@pytest.mark.parametrize("varying", [False, True])
def test_a_part_of_a_video_begins_at_zero_with_its_sound(film, command, varying):
    times = [Fraction(t, 1000) for t in (0, 40, 100, 130, 300, 400)] if varying else None
    source = film("clip.mkv", times=times, frames=6, sound=["aac"], chapters=True)
    done = vfi(command, source, "--start", 0.1, "--end", 0.3 if varying else 0.2, "-o", "part.mkv")
    assert done.exit_code == 0, done.output
    moments, _, sound = decoded("part.mkv")
    expected = (0, Fraction(30, 1000)) if varying else (0, Fraction(1, 25))
    assert tuple(moments) == expected
    assert sound
    assert "a single frame" in in_one_sentence(vfi(command, source, "--end", 0.03, "-o", "one.mkv"))
    assert "no frame" in in_one_sentence(vfi(command, source, "--start", 9, "-o", "none.mkv"))
    assert names_in(source.parent / "here") == ["part.mkv"]


@pytest.mark.parametrize(
    ("wish", "size"), [(["--resize", "64x36"], (36, 64)), (["--crop", "5,3,51,41"], (41, 51)), (["--grey"], (72, 128))]
)
@pytest.mark.parametrize("name", ["flow.mkv", "flow.mp4"])
def test_a_flow_video_shows_what_is_looked_at(film, wish, size, name):
    source = film("clip.mp4", frames=4)
    done = vfi("video", source, *wish, "-o", name, "--max-flow", 2)
    assert done.exit_code == 0, done.output
    vfi("run", source, *wish, "-o", "out", "--max-flow", 2)
    pictures = decoded(name)[1]
    assert pictures[0].shape == (*size, 3)
    assert np.abs(pictures[0].astype(int) - rgb("out/clip_000000_color.png")).mean() < 4


def test_a_flow_video_can_have_its_key_beside_it(film):
    source = film("clip.mp4", frames=4)
    for more, name in (([], "flow.mp4"), (["--legend"], "key.mp4")):
        assert vfi("video", source, "--max-flow", 2, "--crf", 1, "-o", name, *more).exit_code == 0
    alone, beside = (decoded(name)[1][1].astype(int) for name in ("flow.mp4", "key.mp4"))
    assert beside.shape == (130, 128 + 110, 3)
    assert np.abs(beside[:72, :128] - alone).mean() < 2
    red, green, blue = beside[55, 128 + 96]  # near the rim of the disc: to the right, nearly at full speed
    assert red > 200
    assert max(green, blue) < 90


def test_arrows_are_drawn_on_the_part_that_is_looked_at(tmp_path, film):
    source = shifted(tmp_path / "in", "a.png", "b.png", step=5)
    a, b = source / "a.png", source / "b.png"
    assert vfi("arrows", a, b, "--crop", "20,10,40,32", "--grey", "-o", "part.png", "--threshold", 99).exit_code == 0
    np.testing.assert_array_equal(rgb("part.png"), rgb(a)[10:42, 20:60])
    assert vfi("arrows", film(frames=3), "--resize", "64x36", "-o", "small.mp4").exit_code == 0
    assert decoded("small.mp4")[1][0].shape == (36, 64, 3)
    assert "crop less" in in_one_sentence(vfi("arrows", a, b, "--crop", "20,10,400,32", "-o", "no.png"))
    assert "crop less" in in_one_sentence(vfi("arrows", film(frames=3), "--crop", "0,0,400,32", "-o", "no.mp4"))
    assert vfi("arrows", a, b, "--start", 1).exit_code == 2
    assert names_in(tmp_path / "here") == ["part.png", "small.mp4"]


def test_a_still_video_stays_white(film):
    source = film(frames=4, picture=lambda _, size: np.full((size[1], size[0], 3), 90, np.uint8))
    done = vfi("video", source)
    assert "full colours at 1 px" in done.stdout
    assert all(picture.min() > 245 for picture in decoded("film_flow.mp4")[1])


def test_what_cannot_become_a_flow_video_is_one_sentence_and_leaves_nothing(film, in_a_folder_of_its_own):
    source = film(frames=4)
    cut = in_a_folder_of_its_own / "cut.mp4"
    cut.write_bytes(source.read_bytes()[:-300])
    for arguments, code, words in (
        ([source, "-o", "flow.avi"], 2, "must end in"),
        ([source, "-o", "no/flow.mp4"], 1, "no folder"),
        ([source, "--max-flow", "-2"], 2, "above 0"),
        ([source, "-o", source], 1, "--overwrite"),
        ([source, "-o", source, "--overwrite"], 1, "source itself"),
        ([cut], 1, "damaged"),
        (["none.mp4"], 1, "does not exist"),
        ([in_a_folder_of_its_own], 1, "is a folder"),
    ):
        assert words in in_one_sentence(vfi("video", *arguments), code)
    assert names_in(in_a_folder_of_its_own) == ["cut.mp4"]


def test_arrows_of_two_images_and_of_a_flow_file_agree(tmp_path):
    source = shifted(tmp_path / "in", "a.png", "b.png", step=5)
    assert vfi("arrows", source / "a.png", source / "b.png", "--color", "0,255,0").stdout == "wrote a_arrows.png\n"
    vfi("run", source / "a.png", source / "b.png", "-o", "out")
    done = vfi("arrows", source / "a.png", "--flow", "out/a.flo", "-o", "again.png", "--color", "0,255,0")
    assert done.exit_code == 0, done.output
    assert vfi("arrows", source / "a.png", source / "b.png", "-o", source).exit_code == 0
    assert names_in(source) == ["a.png", "a_arrows.png", "b.png"]
    before, after = rgb(source / "a.png"), rgb("a_arrows.png")
    np.testing.assert_array_equal(after, rgb("again.png"))
    painted = after[(before != after).any(axis=2)]
    assert len(painted) > 100
    assert (painted[:, 1] >= painted[:, 0]).mean() > 0.9
    vfi("arrows", source / "a.png", "--flow", "out/a.flo", "-o", "none.png", "--threshold", 9)
    np.testing.assert_array_equal(rgb("none.png"), before)


def test_arrows_show_a_small_object_in_a_dark_noisy_grey_video_and_nothing_else(film):
    rng = np.random.default_rng(0)

    def night(index, size):
        image = np.full(size[::-1], 16.0)
        image[50:58, 37 + 2 * index : 45 + 2 * index] = 70
        noisy = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
        return av.VideoFrame.from_ndarray(noisy, "gray")

    source = film("night.mkv", frames=6, size=(160, 120), codec="ffv1", pix_fmt="gray", picture=night)
    done = vfi("arrows", source, "-o", "arrows.mp4")
    assert done.exit_code == 0, done.output
    times, pictures, _ = decoded("arrows.mp4")
    assert times == decoded(source)[0]
    for index, picture in enumerate(pictures):
        yellow = picture[..., 0].astype(int) - picture[..., 2] > 60
        rows, columns = np.nonzero(yellow)
        if index == 5:  # what follows the last frame is not known
            assert not yellow.any()
            continue
        assert len(rows) > 2
        assert 40 <= rows.min() <= rows.max() <= 68
        assert 27 + 2 * index <= columns.min() <= columns.max() <= 60 + 2 * index


def test_arrows_keep_the_colours_of_a_video(film):
    source = film(frames=4, tags=(1, 1, 1, 1))
    assert vfi("arrows", source, "--threshold", 100, "-o", "a.mp4").exit_code == 0
    for before, after in zip(decoded(source)[1], decoded("a.mp4")[1], strict=True):
        assert np.abs(before.astype(int) - after).mean() < 2


def test_what_cannot_have_arrows_is_one_sentence(tmp_path, film):
    source = shifted(tmp_path / "in", "a.png", "b.png")
    shifted(source, "wide.png", size=(60, 90))
    write_flow(tmp_path / "small.flo", np.zeros((4, 5, 2)))
    a = source / "a.png"
    assert "one size" in in_one_sentence(vfi("arrows", a, source / "wide.png"))
    assert "the flow of this image" in in_one_sentence(vfi("arrows", a, "--flow", tmp_path / "small.flo"))
    assert "does not exist" in in_one_sentence(vfi("arrows", a, source / "c.png"))
    assert "positive" in in_one_sentence(vfi("arrows", a, source / "b.png", "--scale", 0), 2)
    assert "no image format" in in_one_sentence(vfi("arrows", a, source / "b.png", "-o", "a.xyz"))
    assert "is a folder" in in_one_sentence(vfi("arrows", source))
    for wrong in ([a], [a, film(frames=2), "--flow", tmp_path / "small.flo"], [a, a, "--color", "red"]):
        assert vfi("arrows", *wrong).exit_code == 2


def test_a_damaged_image_makes_opencv_say_nothing_of_its_own(tmp_path, capfd):
    source = shifted(tmp_path / "in", "a.png", "b.png")
    (source / "b.png").write_bytes((source / "b.png").read_bytes()[:2000])
    in_one_sentence(vfi("run", source))
    assert capfd.readouterr().err == ""
