import pytest
import torch

from flow.checkpoint import CheckpointError
from flow.models import FLOW_MODELS, build_flow_model

every_model = pytest.mark.parametrize("name", FLOW_MODELS)


@every_model
@pytest.mark.parametrize("size", [(64, 128), (61, 83), (1, 3)])
def test_frames_of_any_size_give_a_flow_of_their_size(name, size):
    model = build_flow_model(name, {"width": 0.05}).eval()
    with torch.no_grad():
        flow = model(*torch.rand(2, 2, 3, *size))
    assert flow.shape == (2, 2, *size)
    assert flow.isfinite().all()


@every_model
def test_the_names_and_shapes_of_weights_are_those_of_public_checkpoints(name, layouts):
    with torch.device("meta"):
        weights = build_flow_model(name).state_dict()
    assert {key: list(weight.shape) for key, weight in weights.items()} == layouts[name]


@every_model
def test_every_weight_learns_from_all_levels(name):
    model = build_flow_model(name, {"width": 0.05})
    sum(level.abs().mean() for level in model.levels(*torch.rand(2, 2, 3, 64, 128))).backward()
    assert not [key for key, weight in model.named_parameters() if weight.grad is None]
    assert all(weight.grad.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize("name", ["flownets", "flownet2-c", "flownet2-css"])
def test_levels_are_ever_coarser_and_all_in_pixels(name):
    model = build_flow_model(name, {"width": 0.05})
    levels = model.levels(*torch.rand(2, 1, 3, 64, 128))
    assert [tuple(level.shape) for level in levels] == [(1, 2, 64 // n, 128 // n) for n in (4, 8, 16, 32, 64)]


def test_the_finest_level_is_the_flow_at_quarter_size():
    model = build_flow_model("flownet2-css", {"width": 0.1}).eval()  # enlarged by repeating
    frames = torch.rand(2, 1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model(*frames)[..., ::4, ::4], model.levels(*frames)[0])


def test_an_odd_size_is_filled_as_flownetpytorch_does():
    model = build_flow_model("flownets", {"width": 0.1}).eval()
    frames = torch.rand(2, 1, 3, 61, 83)
    with torch.no_grad():
        finest = model.levels(*frames)[0]
        assert finest.shape[-2:] == (16, 21)
        stretched = torch.nn.functional.interpolate(finest, size=(61, 83), mode="bilinear", align_corners=False)
        torch.testing.assert_close(model(*frames), stretched)


def test_the_flow_is_in_units_of_div_flow():
    frames, flows = torch.rand(2, 1, 3, 64, 64), []
    for unit in (1.0, 20.0):
        torch.manual_seed(0)
        flows.append(build_flow_model("flownets", {"width": 0.1, "div_flow": unit})(*frames))
    torch.testing.assert_close(flows[0] * 20, flows[1])


def test_half_the_width_is_a_quarter_of_the_weights():
    sizes = []
    for width in (0.5, 1.0):
        with torch.device("meta"):
            sizes.append(sum(w.numel() for w in build_flow_model("flownet2-s", {"width": width}).parameters()))
    assert sizes[0] / sizes[1] == pytest.approx(0.25, rel=0.01)


@pytest.mark.parametrize("name", ["flownet2-s", "flownet2-css"])
def test_flownet2_does_not_see_the_colour_of_the_light(name):
    model = build_flow_model(name, {"width": 0.1}).eval()
    frames = torch.rand(2, 1, 3, 64, 64) / 2
    light = torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(model(*(frames + light)), model(*frames), rtol=1e-3, atol=1e-3)


@every_model
def test_bfloat16_is_within_one_percent_of_float32(name, frames):
    torch.manual_seed(0)
    model = build_flow_model(name, {"width": 0.25}).eval()
    crops = [frame[..., :64, :64] for frame in frames]
    with torch.no_grad():
        exact = model(*crops)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = model(*crops)
    assert rounded.dtype == torch.float32
    assert (rounded - exact).norm() < 0.01 * exact.norm()


def test_frames_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        build_flow_model("flownets", {"width": 0.05})(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 128))


def test_an_unknown_model_is_an_error_that_lists_the_known_ones():
    with pytest.raises(CheckpointError, match="flownet2-css"):
        build_flow_model("flownet3")
