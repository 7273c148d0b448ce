"""vfi adapt and upsample --adapt as a user meets them."""

import itertools
import json

import av
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from flow.checkpoint import save_checkpoint
from vfi.adapt import adapt
from vfi.commands.app import app
from vfi.commands.parsing import parse_duration
from vfi.models import build_model


def vfi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(path, pictures):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


def drifting(count):
    """A soft pattern that drifts."""
    y, x = np.mgrid[:48, :64]
    for i in range(count):
        wave = np.stack([np.sin((x + k * y - i / 2) / 4) for k in (-1, 0, 1)], axis=2)
        yield (127 + 100 * wave).astype(np.uint8)


def fading(count):
    """A fade: the average of two frames is the one between, and nothing can be gained."""
    return (np.full((48, 64, 3), 20 + 8 * i, np.uint8) for i in range(count))


@pytest.fixture(autouse=True)
def ticking(monkeypatch):
    """A clock that moves on by a tenth of a second whenever it is looked at, so that every machine gets as far."""
    count = itertools.count()
    monkeypatch.setitem(adapt.__kwdefaults__, "clock", lambda: next(count) / 10)


@pytest.fixture
def clip(tmp_path):
    return write(tmp_path / "clip.mkv", drifting(24))


@pytest.fixture
def blender(tmp_path):
    """A model that has learnt nothing yet: it blends."""
    return saved(tmp_path / "blender.safetensors", darker=0.0)


@pytest.fixture
def darkener(tmp_path):
    """And what it makes is too dark."""
    return saved(tmp_path / "darkener.safetensors", darker=0.03)


def saved(path, darker):
    torch.manual_seed(0)
    model = build_model("flow-free", {"widths": [16, 16]})
    with torch.no_grad():
        model.unet.head.bias[1:] -= darker
    save_checkpoint(path, "flow-free", model, {"samples": 7})
    return path


def test_adapt_writes_what_helps_beside_the_clip_and_upsample_takes_it(clip, darkener):
    done = vfi("adapt", clip, "--model", darkener, "--budget", "15s", "--parts", "all")
    assert done.exit_code == 0, done.output
    output = clip.with_name("clip_adapted.safetensors")
    assert "it helps" in done.stdout
    assert f"wrote {output}" in done.stdout
    done = vfi("adapt", clip, "--model", darkener)
    assert done.exit_code == 1
    assert "--overwrite" in done.stderr
    assert vfi("upsample", clip, "--model", output).exit_code == 0


def test_adapt_writes_nothing_when_it_does_not_help(tmp_path, blender):
    fade = write(tmp_path / "fade.mkv", fading(24))
    done = vfi("adapt", fade, "--model", blender, "--budget", "6", "--json", "-o", tmp_path)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["kept"], found["output"]) == (False, None)
    assert found["before"]["psnr"] > 60
    assert not list(tmp_path.glob("*_adapted*"))


def test_upsample_goes_on_with_what_helped(clip, darkener):
    done = vfi("upsample", clip, "--model", darkener, "--adapt", "10s", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["frames_out"] == 48
    assert found["adaptation"]["kept"]
    assert found["adaptation"]["gain"] > 0.02
    adapted = frames(clip.with_name("clip_2x.mkv"))
    vfi("upsample", clip, "--model", darkener, "--overwrite")
    plain = frames(clip.with_name("clip_2x.mkv"))
    assert not np.array_equal(adapted[1], plain[1])


def test_what_was_learnt_is_there_when_the_command_is_given_again(clip, darkener):
    command = ("upsample", clip, "--model", darkener, "--adapt", "10s", "--pix-fmt", "yuv444p", "--encoder-opt")
    first = vfi(*command, "profile=high")  # which is for 4:2:0
    assert first.exit_code == 1
    assert "it helps" in first.stdout
    folder = clip.with_name(".clip_2x.mkv.vfi")
    assert [path.suffix for path in folder.iterdir()] == [".safetensors"]
    again = vfi(*command, "profile=high444")
    assert again.exit_code == 0, again.output
    assert "it helps" not in again.stdout
    assert "48 frames" in again.stdout
    assert not folder.exists()


def frames(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (["--budget", "soon"], "not a time like 60s, 5m or 90"),
        (["--budget", "-5"], "not a time like"),
        (["--budget", "0"], "not a time like"),
        (["--parts", "flow"], "use confidence, fusion, all, low-rank"),
        (["--model", "classical"], "no weights to adapt"),
        (["-o", "weights.pt"], "does not end in .safetensors"),
        (["-o", "nowhere/clip.safetensors"], "is no folder"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(clip, wish, words):
    done = vfi("adapt", clip, *wish)
    assert done.exit_code in (1, 2)
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert not list(clip.parent.glob("*.safetensors"))


def test_a_film_of_a_few_frames_is_told_in_a_sentence(tmp_path, blender):
    done = vfi("adapt", write(tmp_path / "short.mkv", drifting(9)), "--model", blender)
    assert done.exit_code == 1
    assert "has 9 frames" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("5m", 300), ("90", 90), ("1.5m", 90), ("1h", 3600)])
def test_budgets_are_read_with_their_units(text, seconds):
    assert parse_duration(text, "--budget") == seconds
