import copy
import itertools
import os

import av
import numpy as np
import pytest
import torch

from flow.checkpoint import load_checkpoint, save_checkpoint
from vfi.adapt import Recipe, adapt, check_place, save_adapted
from vfi.blocks import read_blocks
from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.media import MediaError
from vfi.models import build_model, load_model
from vfi.triplets import DataError, open_triplets

RECIPE = Recipe(crop=32, look=64, lr=3e-3)


def write(path, speed):
    """A film of a soft pattern that drifts, so many pixels a frame."""
    y, x = np.mgrid[:48, :64]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for i in range(30):
            wave = np.stack([np.sin((x + k * y - speed * i) / 4) for k in (-1, 0, 1)], axis=2)
            picture = (127 + 100 * wave).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write(tmp_path_factory.mktemp("films") / "clip.mkv", speed=0.5)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A model that has learnt nothing yet: it blends, and is too dark."""
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    torch.manual_seed(0)
    model = build_model("flow-free", {"widths": [16, 16]})
    with torch.no_grad():
        model.unet.head.bias[1:] -= 0.03
    save_checkpoint(path, "flow-free", model, {})
    return str(path)


@pytest.fixture(scope="module")
def blender(file):
    return Interpolator.load(file, "cpu", "float32")


@pytest.fixture(scope="module")
def learnt(clip, blender):
    return learn(clip, blender)


def ticking():
    """A clock that moves on by a tenth of a second whenever it is looked at, so that every machine gets as far."""
    count = itertools.count()
    return lambda: next(count) / 10


def learn(clip, interpolator, **changes):
    given = {"budget": 20, "parts": "all", "recipe": RECIPE, "clock": ticking()}
    return adapt(clip, interpolator, **(given | changes))


def weights(interpolator):
    return copy.deepcopy(interpolator.model.state_dict())


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_what_is_learnt_is_kept_when_it_helps_on_frames_that_were_hidden(clip, blender, learnt):
    assert learnt.kept
    assert learnt.gain > 1
    film = open_triplets(clip)
    assert evaluate(learnt.interpolator, film).psnr > evaluate(blender, film).psnr + 1


def test_what_helps_in_gaps_twice_as_long_alone_is_not_kept(tmp_path):
    """Of frames so far apart the blend is too flat; what mends that overdoes it half way."""
    torch.manual_seed(0)
    blender = Interpolator(build_model("flow-free", {"widths": [16, 16]}), "cpu", "float32")
    found = learn(write(tmp_path / "fast.mkv", speed=2), blender)
    assert found.gain > 1
    assert found.trip_gain < -1
    assert not found.kept


def test_the_given_model_stays_as_it_was(file, blender, learnt):
    assert same(weights(blender), load_model(file).state_dict())
    assert not same(weights(blender), weights(learnt.interpolator))


def test_the_gain_is_what_the_reported_triplets_score(clip, blender, learnt):
    report = read_blocks(clip).report
    assert learnt.reported_on == len(report)
    for quality, interpolator in ((learnt.before, blender), (learnt.after, learnt.interpolator)):
        scores = evaluate(interpolator, report)
        assert (quality.psnr, quality.ssim) == pytest.approx((scores.psnr, scores.ssim), abs=1e-4)


@pytest.mark.parametrize("rate", [0.0, 10.0], ids=["learns nothing", "unlearns all"])
def test_the_original_is_kept_when_learning_does_not_help(clip, blender, rate):
    before = weights(blender)
    found = learn(clip, blender, recipe=Recipe(crop=32, look=64, lr=rate), budget=8)
    assert not found.kept
    assert found.interpolator is blender
    assert same(weights(blender), before)
    assert "kept the original" in str(found)


def test_the_budget_holds_with_all_that_is_measured(clip, blender):
    told = []
    found = learn(clip, blender, budget=8, progress=lambda done, total: told.append((done, total)))
    assert found.seconds <= 8
    assert found.steps > 5
    assert told == sorted(told)
    assert told[-1][1] == 8


def test_a_budget_that_leaves_no_time_to_learn_is_an_error_that_says_what_would_do(clip, blender):
    with pytest.raises(DataError, match=r"too short to learn frames of 64x48.*give \d+ s or more"):
        learn(clip, blender, budget=0.5)


@pytest.fixture(scope="module")
def fusion():
    """Flow fusion as small as it gets, with something to unlearn."""
    torch.manual_seed(0)
    flow = {"encoder": [8, 8], "stage": [8, 8], "hidden": 4, "radius": 1}
    config = {"start": "dis", "refine_levels": 1, "flow": flow, "fusion": [8, 8], "context": [4, 4]}
    model = build_model("flow-fusion", config)
    torch.nn.init.normal_(model.unet.head.weight, std=0.03)
    return Interpolator(model, "cpu", "float32")


@pytest.mark.parametrize(
    ("parts", "changed"),
    [("all", {"flow", "context", "unet"}), ("fusion", {"context", "unet"}), ("low-rank", {"flow", "context", "unet"})],
)
def test_only_the_parts_that_are_named_learn(clip, fusion, parts, changed):
    before = weights(fusion)
    found = learn(clip, fusion, parts=parts, budget=5)
    assert found.kept
    assert changes(before, found) == changed


def changes(before, found):
    """The parts of a model whose weights are others after an adaptation."""
    after = weights(found.interpolator)
    assert after.keys() == before.keys()
    return {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}


@pytest.fixture(scope="module", params=["1", "1/2"], ids=["networks see the frames", "networks see smaller frames"])
def doubting(request):
    """Flow fusion that knows its confidence, and has far too little."""
    torch.manual_seed(0)
    config = {"start": "dis", "refine_levels": 0, "fusion": [8, 8], "context": [4, 4], "confidence": 4}
    model = build_model("flow-fusion", config)
    with torch.no_grad():
        model.confidence.head.bias.copy_(torch.tensor([-2.0, 0, 0, 1]))
    return Interpolator(model, "cpu", "float32", request.param)


def test_the_confidence_learns_from_drafts_what_the_whole_model_then_does(clip, doubting):
    before, report = weights(doubting), read_blocks(clip).report
    found = learn(clip, doubting, parts=None, budget=8)
    assert found.parts == "confidence"
    assert found.kept
    assert changes(before, found) == {"confidence"}
    for quality, interpolator in ((found.before, doubting), (found.after, found.interpolator)):
        scores = evaluate(interpolator, report)
        assert (quality.psnr, quality.ssim) == pytest.approx((scores.psnr, scores.ssim), abs=1e-3)


def test_without_a_confidence_that_counts_the_fusion_learns(clip, blender, doubting):
    assert learn(clip, blender, parts=None, budget=3).parts == "fusion"
    with pytest.raises(ValueError, match="no confidence that weighs softer frames"):
        learn(clip, blender, parts="confidence")
    blending = Interpolator(copy.deepcopy(doubting.model), "cpu", "float32", fallback="blend")
    assert learn(clip, blending, parts=None, budget=3).parts == "fusion"


def test_unknown_parts_are_an_error_that_lists_the_known_ones(clip, blender):
    with pytest.raises(ValueError, match="use confidence, fusion, all, low-rank"):
        learn(clip, blender, parts="flow")


def test_a_model_without_weights_is_an_error(clip):
    with pytest.raises(ValueError, match="no weights to adapt: choose flow-fusion"):
        learn(clip, Interpolator.load("blend", "cpu"))


def test_adapted_weights_are_a_model_that_tells_where_it_comes_from(clip, file, learnt, tmp_path):
    save_adapted(tmp_path / "clip.safetensors", file, learnt)
    assert same(load_model(str(tmp_path / "clip.safetensors")).state_dict(), weights(learnt.interpolator))
    trained = load_checkpoint(tmp_path / "clip.safetensors").trained
    assert trained["source"] == str(clip)
    assert trained["gain"] == learnt.gain
    assert trained["began_from"] == {}


def test_where_weights_cannot_be_written_is_told_before(tmp_path):
    with pytest.raises(MediaError, match=r"does not end in \.safetensors"):
        check_place(tmp_path / "clip.pt", False)
    with pytest.raises(MediaError, match="is no folder"):
        check_place(tmp_path / "nowhere" / "clip.safetensors", False)
    (tmp_path / "clip.safetensors").touch()
    with pytest.raises(MediaError, match="--overwrite"):
        check_place(tmp_path / "clip.safetensors", False)
    check_place(tmp_path / "clip.safetensors", True)
    assert os.listdir(tmp_path) == ["clip.safetensors"]
