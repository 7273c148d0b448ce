import csv

import av
import numpy as np
import pytest
import torch

from vfi.corpus import Corpus, Sampling
from vfi.models import build_model, load_model
from vfi.objective import Weights
from vfi.train import Recipe, Training, make_optimizer, open_training

SAMPLING = Sampling(batch=2, crop=32, spans=(2,), cut=255, static=0)
SMALL = {"widths": [8, 8]}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A soft pattern that drifts."""
    path = tmp_path_factory.mktemp("videos") / "clip.mkv"
    y, x = np.mgrid[:48, :64]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for i in range(40):
            wave = np.stack([np.sin((x + k * y - 2 * i) / 4) for k in (-1, 0, 1)], axis=2)
            image = (127 + 100 * wave).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def corpus(clip, tmp_path_factory):
    return Corpus([clip], tmp_path_factory.mktemp("cache"))


def losses(run):
    with (run / "curve.csv").open() as file:
        return [row["loss"] for row in csv.DictReader(file)]


def start(corpus, run, **changes):
    torch.manual_seed(0)
    recipe = Recipe(**({"steps": 12, "sampling": SAMPLING, "warmup": 2} | changes))
    return Training("flow-free", build_model("flow-free", SMALL), corpus, recipe, run)


def test_an_interrupted_run_ends_with_the_same_curve_and_weights(corpus, tmp_path):
    whole = start(corpus, tmp_path / "whole")
    list(whole.run_steps(report_every=3))
    broken = start(corpus, tmp_path / "broken").run_steps(report_every=3)
    next(broken)
    next(broken)
    broken.close()  # what Ctrl+C does
    resumed = start(corpus, tmp_path / "broken")
    assert resumed.step == 6
    list(resumed.run_steps(report_every=3))
    assert losses(tmp_path / "whole") == losses(tmp_path / "broken")
    for a, b in zip(whole.average.parameters(), resumed.average.parameters(), strict=True):
        assert torch.equal(a, b)


def test_what_threads_make_ahead_of_time_changes_nothing(corpus, tmp_path):
    config = {"start": "dis", "refine_levels": 1, "fusion": [4, 4, 4], "context": [4, 4, 4]}

    def train(run, workers):
        torch.manual_seed(0)
        recipe = Recipe(steps=4, sampling=SAMPLING, warmup=2)
        training = Training("flow-fusion", build_model("flow-fusion", config), corpus, recipe, run, workers=workers)
        list(training.run_steps(report_every=1))
        return losses(run)

    assert train(tmp_path / "alone", 0) == train(tmp_path / "ahead", 3)


def test_flow_found_ahead_of_time_gives_the_same_frame(corpus):
    model = build_model("flow-fusion", {"start": "dis", "refine_levels": 1}).eval()
    batch = corpus.batch(SAMPLING, 0, 0)
    start = model.start(batch.before, batch.after)
    assert start.shape == (2, 4, 32, 32)
    with torch.no_grad():
        for known in (start, None):
            pair = model.prepare(batch.before, batch.after, known)
            frame = model.fuse(pair, model.motion(pair, batch.t), batch.t).frame
            assert torch.equal(frame, model(batch.before, batch.after, batch.t))


def test_training_lowers_the_loss(corpus, tmp_path):
    progress = list(start(corpus, tmp_path, steps=60, lr=3e-3, loss="mse").run_steps(report_every=20))
    assert progress[-1].loss < 0.5 * progress[0].loss


def test_the_run_folder_holds_a_model_that_loads_and_a_picture_of_the_curves(corpus, tmp_path):
    list(start(corpus, tmp_path).run_steps())
    load_model(str(tmp_path / "model.safetensors"))
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert list((tmp_path / "tensorboard").iterdir())


@pytest.mark.parametrize("loss", ["l1", "charbonnier", "mse", "ssim", "psnr", "laplacian", "l1+0.2*ssim"])
def test_every_loss_trains_flow_fusion(corpus, tmp_path, loss):
    config = {
        "flow": {"encoder": [8, 8], "stage": [8, 8], "hidden": 4, "radius": 1},
        "fusion": [8, 8],
        "context": [4, 4],
    }
    model = build_model("flow-fusion", config)
    recipe = Recipe(steps=2, sampling=SAMPLING, loss=loss)
    progress = list(Training("flow-fusion", model, corpus, recipe, tmp_path).run_steps())
    assert np.isfinite(progress[-1].loss)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_optimisers_go_by_name(name):
    optimizer = make_optimizer(Recipe(optimizer=name), build_model("flow-free", SMALL))
    assert type(optimizer).__name__.lower() == name


def test_an_unknown_optimiser_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ValueError, match="adam, adamw or sgd"):
        make_optimizer(Recipe(optimizer="lion"), build_model("flow-free", SMALL))


def test_one_video_is_scored_on_its_own_held_out_end(clip, tmp_path):
    recipe = Recipe(steps=2, sampling=SAMPLING, validate_every=2)
    training = open_training(
        "flow-free", SMALL, [clip], recipe, tmp_path / "run", cache=tmp_path / "cache", device="cpu"
    )
    assert len(training.corpus.clips[0]) == 36
    last = list(training.run_steps())[-1]
    assert set(last.scores) == {"psnr", "ssim", "ie"}


def test_a_model_without_weights_cannot_be_trained(clip, tmp_path):
    with pytest.raises(ValueError, match="nothing to learn"):
        open_training("classical", {}, [clip], Recipe(), tmp_path / "run", cache=tmp_path / "cache")


def test_a_run_folder_of_another_model_is_refused(corpus, tmp_path):
    list(start(corpus, tmp_path).run_steps())
    with pytest.raises(ValueError, match="another model"):
        Training("flow-free", build_model("flow-free", {"widths": [4, 4]}), corpus, Recipe(), tmp_path)


def test_missing_validation_data_is_told_before_training(clip, tmp_path):
    with pytest.raises(ValueError, match=r"missing\.csv"):
        open_training(
            "flow-free", SMALL, [clip], Recipe(), tmp_path / "run",
            cache=tmp_path / "cache", validation=tmp_path / "missing.csv",
        )  # fmt: skip


def test_frozen_parts_keep_their_weights(corpus, tmp_path):
    flow = {"encoder": [8, 8], "stage": [8, 8], "hidden": 4, "radius": 1}
    model = build_model("flow-fusion", {"flow": flow, "fusion": [8, 8], "context": [4, 4]})
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    recipe = Recipe(steps=2, sampling=SAMPLING, freeze=("flow",), weights=Weights(1, 0, 0))
    list(Training("flow-fusion", model, corpus, recipe, tmp_path).run_steps())
    changed = {name.split(".")[0] for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    assert changed == {"context", "unet"}


def test_freezing_an_unknown_part_is_an_error_that_lists_the_parts(corpus, tmp_path):
    with pytest.raises(ValueError, match="its parts are unet"):
        Training("flow-free", build_model("flow-free", SMALL), corpus, Recipe(freeze=("flow",)), tmp_path)


def test_a_training_can_begin_with_the_weights_of_another_and_says_so(clip, tmp_path):
    recipe, cache = Recipe(steps=2, sampling=SAMPLING, validate_every=9), tmp_path / "cache"
    list(open_training("flow-free", SMALL, [clip], recipe, tmp_path / "first", cache=cache).run_steps())
    first = str(tmp_path / "first" / "model.safetensors")
    second = open_training("flow-free", SMALL, [clip], recipe, tmp_path / "second", cache=cache, init=first)
    for name, weight in load_model(first).state_dict().items():
        assert torch.equal(second.model.state_dict()[name], weight)
    assert second.trained()["began_from"]["samples"] == 4
