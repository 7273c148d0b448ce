"""The command line as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from flow.checkpoint import load_checkpoint, save_checkpoint
from flow.models import build_flow_model
from vfi.commands.app import app

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "samples" / "webb.mp4"


@pytest.fixture
def clip(tmp_path):
    """Ten frames of a moving square, in a folder of its own."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(10):
            image = np.full((48, 64, 3), 40, np.uint8)
            image[16:32, 4 + 4 * i : 20 + 4 * i] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return path


def vfi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def frames(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_upsample_alone_doubles_the_rate_beside_the_input_and_says_so(clip):
    done = vfi("upsample", clip)
    assert done.exit_code == 0, done.output
    output = clip.with_name("clip_2x.mp4")
    assert f"wrote {output}" in done.stdout
    assert "10 -> 20 frames" in done.stdout
    assert len(frames(output)) == 20


def test_new_frames_of_the_default_model_lie_between_their_neighbours(clip):
    vfi("upsample", clip, "--crf", 0)
    made = frames(clip.with_name("clip_2x.mp4"))
    centre = [(image[24, :, 1] > 120).nonzero()[0].mean() for image in made[:18]]
    steps = np.diff(centre)
    assert np.all(steps > 0.5), centre
    assert np.all(steps < 3.5), centre


@pytest.mark.parametrize(
    ("wish", "name", "count"),
    [
        (["--factor", 3], "clip_3x.mp4", 30),
        (["--factor", "5/2"], "clip_5-2x.mp4", 25),
        (["--fps", 60], "clip_60fps.mp4", 24),
        (["--fps", "60000/1001"], "clip_60000-1001fps.mp4", 24),
    ],
)
def test_factor_and_rate_name_the_output_and_decide_its_frames(clip, wish, name, count):
    done = vfi("upsample", clip, "--model", "blend", *wish)
    assert done.exit_code == 0, done.output
    assert len(frames(clip.with_name(name))) == count


@pytest.fixture
def network(tmp_path):
    """A small flow network with random weights."""
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "net.safetensors", "flownets", build_flow_model("flownets", {"width": 0.05}), {})
    return tmp_path / "net.safetensors"


@pytest.mark.parametrize("model", ["classical", "fast"])
def test_upsample_starts_from_the_flow_of_a_network(clip, network, model):
    common = ("upsample", clip, "-m", model, "--crf", 0, "--device", "cpu", "--precision", "float32")
    done = vfi(*common, "--flow", network, "-o", clip.with_name("net.mp4"))
    assert done.exit_code == 0, done.output
    vfi(*common, "-o", clip.with_name("dis.mp4"))
    source, net, dis = (frames(clip.with_name(f"{name}.mp4")) for name in ("clip", "net", "dis"))
    assert len(net) == 20
    for original, kept in zip(source, net[::2], strict=True):
        assert np.abs(original.astype(int) - kept).max() <= 2
    assert np.abs(net[1].astype(int) - dis[1]).max() > 20  # random weights do not find the square


def test_pair_and_eval_take_the_flow_too(tmp_path, network):
    item = tmp_path / "data" / "walk"
    item.mkdir(parents=True)
    for i in (1, 2, 3):
        cv2.imwrite(str(item / f"im{i}.png"), np.full((32, 32, 3), 50 * i, np.uint8))
    flow = ("-m", "classical", "--flow", network)
    assert vfi("pair", item / "im1.png", item / "im3.png", *flow, "-o", tmp_path / "between").exit_code == 0
    made = cv2.imread(str(tmp_path / "between" / "im1_1.png"))
    done = vfi("eval", "classical", "--data", tmp_path / "data", "--flow", network, "--json")
    assert json.loads(done.stdout)["ie"] == pytest.approx(np.abs(made - 100.0).mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("wish", "code", "words"),
    [
        (["--flow", "raft"], 2, "there is no flow model 'raft': use dis, "),
        (["--flow", "fast"], 2, "there is no flow model 'fast'"),
        (["--flow", "missing.safetensors"], 1, "does not exist"),
        (["--flow", "dis", "--model", "blend"], 2, "leave out the flow"),
    ],
)
def test_a_flow_that_is_not_to_be_had_is_one_sentence(clip, wish, code, words):
    done = vfi("upsample", clip, *wish)
    assert done.exit_code == code, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr
    assert not clip.with_name("clip_2x.mp4").exists()


def test_a_folder_as_output_keeps_the_default_name(clip, tmp_path):
    (tmp_path / "folder").mkdir()
    vfi("upsample", clip, "-m", "blend", "-o", tmp_path / "folder")
    assert (tmp_path / "folder" / "clip_2x.mp4").exists()


def test_json_is_one_document_on_stdout(clip):
    summary = json.loads(vfi("upsample", clip, "-m", "blend", "--json").stdout)
    assert (summary["frames_in"], summary["frames_out"], summary["rate_out"]) == (10, 20, "50")


def test_an_existing_output_is_refused_and_kept_unless_overwritten(clip):
    output = clip.with_name("clip_2x.mp4")
    output.write_text("precious")
    done = vfi("upsample", clip, "-m", "blend")
    assert done.exit_code == 1
    assert "--overwrite" in done.stderr
    assert output.read_text() == "precious"
    assert vfi("upsample", clip, "-m", "blend", "--overwrite").exit_code == 0
    assert len(frames(output)) == 20


def make_bad(kind, clip):
    bad = clip.with_name(f"{kind}.mp4")
    if kind == "empty":
        bad.touch()
    elif kind == "text":
        bad.write_text("this is no video" * 100)
    elif kind == "truncated":
        bad.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    elif kind == "folder":
        bad.mkdir()
    return bad


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "folder"])
def test_a_bad_source_gets_one_sentence_exit_code_1_and_no_output(clip, kind):
    bad = make_bad(kind, clip)
    before = sorted(clip.parent.iterdir())
    done = vfi("upsample", bad, "-m", "blend")
    assert done.exit_code == 1, done.output
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert bad.name in done.stderr
    assert sorted(clip.parent.iterdir()) == before


@pytest.mark.parametrize(
    "wrong",
    [
        ["--factor", "two"],
        ["--factor", "2", "--fps", "60"],
        ["--no-such-flag"],
        ["--encoder-opt", "tune"],
        ["--crf", "low"],
    ],
)
def test_wrong_usage_exits_with_2(clip, wrong):
    assert vfi("upsample", clip, *wrong).exit_code == 2


@pytest.mark.parametrize(
    "wrong", [["--factor", "1"], ["--model", "flow-fussion"], ["--device", "gpu7"], ["--codec", "x264"]]
)
def test_a_wish_that_cannot_be_met_is_one_sentence(clip, wrong):
    done = vfi("upsample", clip, *wrong)
    assert done.exit_code == 2, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    assert not clip.with_name("clip_2x.mp4").exists()


def test_help_needs_no_heavy_import():
    check = "import sys, vfi.commands.app; assert not {'torch', 'av', 'kornia', 'cv2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_pair_makes_evenly_spaced_images(tmp_path):
    for name, level in (("a", 0), ("b", 200)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((20, 30, 3), level, np.uint8))
    output = tmp_path / "between"
    done = vfi("pair", tmp_path / "a.png", tmp_path / "b.png", "--count", 3, "-o", output, "-m", "blend")
    assert done.exit_code == 0, done.output
    levels = [int(cv2.imread(str(path)).mean()) for path in sorted(output.iterdir())]
    assert levels == [50, 100, 150]
    again = vfi("pair", tmp_path / "a.png", tmp_path / "b.png", "--count", 3, "-o", output, "-m", "blend")
    assert again.exit_code == 1


def test_pair_of_unequal_sizes_is_one_sentence(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 30, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((20, 40, 3), np.uint8))
    done = vfi("pair", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "between")
    assert done.exit_code == 1
    assert "30x20" in done.stderr
    assert "40x20" in done.stderr


def test_eval_scores_a_triplet_folder_and_saves_the_frames(tmp_path):
    item = tmp_path / "data" / "walk"
    item.mkdir(parents=True)
    for i, level in ((1, 0), (2, 110), (3, 200)):
        cv2.imwrite(str(item / f"im{i}.png"), np.full((32, 32, 3), level, np.uint8))
    done = vfi("eval", "blend", "--data", tmp_path / "data", "--json", "--save", tmp_path / "made")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["ie"] == pytest.approx(10)
    assert report["psnr"] == pytest.approx(20 * np.log10(255 / 10), abs=1e-3)
    assert len(list((tmp_path / "made").rglob("*.png"))) == 1


def test_eval_takes_a_video_and_a_factor_and_reports_every_item(clip):
    done = vfi("eval", "blend", "--data", clip, "--factor", 4, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["data"] == "clip.mp4, factor 4"
    assert report["count"] == len(report["items"]) == 6
    assert report["items"][0].keys() >= {"name", "psnr", "ssim", "ie", "lpips", "luma_step", "ms"}
    table = vfi("eval", "blend", "--data", clip, "--factor", 4, "--items").stdout.splitlines()
    assert len(table) == 1 + 6 + 1
    assert table[-1].startswith("PSNR")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (["--data", "missing"], "missing does not exist: give a .csv list, a video, or the folder of Vimeo-90K"),
        (["--data", "clip.mp4", "--factor", "20"], "clip.mp4 has"),
        (["--data", "clip.mp4", "--variant", "hard"], "clip.mp4 has no variant 'hard'"),
        (["--data", "."], "is laid out like no known benchmark"),
    ],
)
def test_data_that_eval_cannot_take_is_one_sentence(clip, monkeypatch, wish, words):
    monkeypatch.chdir(clip.parent)
    done = vfi("eval", "blend", *wish)
    assert done.exit_code == 1, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr


def test_a_model_learned_from_one_video_upsamples_it(clip, tmp_path):
    run = tmp_path / "run"
    done = vfi(
        "train", "video", clip, "--run", run, "--steps", 3, "--crop", 32, "--batch", 2, "--cache", tmp_path / "c"
    )
    assert done.exit_code == 0, done.output
    assert vfi("upsample", clip, "--model", run / "model.safetensors").exit_code == 0


def test_training_resumes_where_it_was(clip, tmp_path):
    common = ["train", "video", clip, "--run", tmp_path / "run", "--crop", 32, "--batch", 2, "--cache", tmp_path / "c"]
    vfi(*common, "--steps", 2)
    assert "resuming" in vfi(*common, "--steps", 4).stderr


def test_models_lists_what_ships():
    listed = vfi("models", "list").stdout
    for name in ("flow-fusion", "flow-free", "classical", "blend"):
        assert f"{name}:" in listed


def test_a_public_flow_network_can_be_imported(tmp_path):
    weights = build_flow_model("flownets").state_dict()
    torch.save({"arch": "flownets", "state_dict": weights, "div_flow": 20}, tmp_path / "flownets.pth")
    done = vfi("models", "import", tmp_path / "flownets.pth", "-o", tmp_path / "m.safetensors")
    assert done.stdout.split() == ["wrote", f"{tmp_path / 'm.safetensors'}:", "flownets"]
    assert load_checkpoint(tmp_path / "m.safetensors").model == "flownets"


def test_importing_something_else_says_so(tmp_path):
    (tmp_path / "m.pth").write_bytes(b"nothing of the kind")
    done = vfi("models", "import", tmp_path / "m.pth", "-o", tmp_path / "m.safetensors")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "not a checkpoint of weights" in done.stderr


def test_every_option_of_a_training_reaches_its_recipe(tmp_path):
    options = {"synthetic": 0.5, "largest": 0.4, "static": 0.25, "shrink": 2}
    flags = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    done = vfi(
        "train", "corpus", CLIP, "--model", "flow-free", "--model-config", '{"widths": [8, 8]}', "--steps", 1,
        "--crop", 32, "--batch", 1, "--run", tmp_path / "run", "--cache", tmp_path / "cache", *flags,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    sampling = load_checkpoint(tmp_path / "run" / "model.safetensors").trained["recipe"]["sampling"]
    assert {name: sampling[name] for name in options} == options
