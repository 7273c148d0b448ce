"""What every interpolation model of the table holds to."""

import pytest
import torch

from flow.checkpoint import CheckpointError, save_checkpoint
from vfi.models import VFI_MODELS, build_model, load_model, shipped_models, start_from
from vfi.models.mixture import Mixture, mix, warp_images


@pytest.fixture(params=[*VFI_MODELS, "flow-fusion from DIS"])
def model(request):
    if request.param == "flow-fusion from DIS":
        return build_model("flow-fusion", {"start": "dis"}).eval()
    return build_model(request.param).eval()


@pytest.mark.parametrize("size", [(64, 64), (33, 57), (1, 1), (2, 90)])
def test_a_frame_of_any_size_comes_back_at_that_size(model, size):
    frames = torch.rand(2, 1, 3, *size)
    made = model(*frames, torch.full((1, 1, 1, 1), 0.5))
    assert made.shape == (1, 3, *size)
    assert 0 <= made.min() <= made.max() <= 1


def test_between_equal_frames_lies_the_same_frame(model):
    frame = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 12), size=(48, 48), mode="bilinear")
    made = model(frame, frame, torch.full((1, 1, 1, 1), 0.25))
    assert (made - frame).abs().mean() < 1e-3


def test_an_untrained_model_blends_by_time(model):
    dark, light = torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)
    made = model(dark, light, torch.full((1, 1, 1, 1), 0.25))
    torch.testing.assert_close(made, torch.full_like(made, 0.25), atol=1e-5, rtol=0)


def test_several_times_share_what_is_prepared_once(model):
    frames = torch.rand(2, 1, 3, 40, 40)
    pair = model.prepare(*frames)
    for t in (0.25, 0.75):
        time = torch.full((1, 1, 1, 1), t)
        torch.testing.assert_close(model.synthesize(pair, time), model(*frames, time))


def test_the_default_is_within_its_budget_of_parameters():
    assert sum(p.numel() for p in build_model("flow-fusion").parameters()) <= 6_000_000


@pytest.mark.parametrize(("name", "flow"), [("flow-fusion", 2), ("classical", 2), ("fast", 4), ("faster", 4)])
def test_shipped_models_find_the_motion_of_720_lines_so_many_times_smaller(name, flow):
    model = load_model(name)
    assert model.scale_of(720, 1280).flow == flow
    assert model.scale_of(360, 640).flow == 1


def test_an_unknown_model_is_an_error_that_lists_the_known_ones():
    with pytest.raises(CheckpointError, match="classical"):
        load_model("flow-fussion")


@pytest.mark.parametrize("name", shipped_models())
def test_every_shipped_model_loads_and_interpolates(name):
    made = load_model(name)(*torch.rand(2, 1, 3, 48, 64), torch.full((1, 1, 1, 1), 0.5))
    assert made.shape == (1, 3, 48, 64)


def smooth_frames(size=(50, 70)):
    return torch.nn.functional.interpolate(torch.rand(2, 3, 12, 16), size=size, mode="bilinear").split(1)


def test_with_a_backbone_alone_the_untrained_network_is_the_classical_one():
    frames, t = smooth_frames(), torch.full((1, 1, 1, 1), 0.25)
    fused = build_model("flow-fusion", {"start": "dis", "refine_levels": 0}).eval()(*frames, t)
    torch.testing.assert_close(fused, build_model("classical").eval()(*frames, t), atol=1e-5, rtol=0)


def test_beside_learnt_flow_the_untrained_network_mixes_what_both_show():
    frames, t = smooth_frames(), torch.full((1, 1, 1, 1), 0.25)
    model = build_model("flow-fusion", {"start": "dis"}).eval()
    pair = model.prepare(*frames)
    flows, weights = model.candidates(pair, model.motion(pair, t), t)
    torch.testing.assert_close(weights.sum(1), torch.ones(1, 50, 70))
    shares = weights[:, 2:] / weights[:, 2:].sum(1, keepdim=True)
    dragged = pair.classical.dragged

    def made(flows, weights):
        return Mixture(frames, flows, weights, mix(warp_images(frames, flows), weights), t, 1, dragged).made

    classical = made(flows[2:], shares)
    torch.testing.assert_close(classical, build_model("classical").eval()(*frames, t), atol=1e-5, rtol=0)
    torch.testing.assert_close(model(*frames, t), made(flows, weights), atol=1e-5, rtol=0)


@pytest.mark.parametrize("config", [{"fusion": 3}, {"fusion": ["a", "b", "c"]}, {"flow": {"radius": "wide"}}, {"x": 1}])
def test_sizes_that_make_no_model_are_an_error(config):
    with pytest.raises(CheckpointError):
        build_model("flow-fusion", config)


def test_a_model_starts_from_another_but_for_the_parts_that_begin_anew(tmp_path):
    taught = build_model("flow-fusion")
    torch.nn.init.ones_(taught.flow.stage.head.weight)
    file = tmp_path / "taught.safetensors"
    save_checkpoint(file, "flow-fusion", taught, {"samples": 5})
    model = build_model("flow-fusion", {"start": "dis"})
    start_from(model, str(file), anew=["flow.stage.head"])
    assert model.flow.stage.head.weight.abs().max() == 0
    assert torch.equal(model.flow.encoder[0][0].weight, taught.flow.encoder[0][0].weight)
    start_from(model, str(file))
    assert model.flow.stage.head.weight.min() == 1


def test_a_part_that_is_not_there_cannot_begin_anew():
    with pytest.raises(CheckpointError, match="no part 'head'"):
        start_from(build_model("flow-free"), "flow-free", anew=["head"])
