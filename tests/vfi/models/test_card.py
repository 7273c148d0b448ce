import hashlib

import pytest
import torch

from flow.checkpoint import CheckpointError, save_checkpoint
from flow.models import build_flow_model
from vfi.models import build_model
from vfi.models.card import HEIGHT, WIDTH, model_card


def test_the_card_of_a_user_s_file_tells_its_sizes_its_work_and_its_trainings(tmp_path):
    path = tmp_path / "mine.safetensors"
    first = {"recipe": {"lr": 1e-3}, "clips": 3, "steps": 10, "samples": 80, "began_from": None}
    save_checkpoint(path, "flow-free", build_model("flow-free", {"widths": [8]}), {"steps": 5, "began_from": first})
    card = model_card(str(path))
    assert (card.kind, card.model, card.file, card.intact) == ("interpolation", "flow-free", path, None)
    assert (card.bytes, card.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    assert card.config == {"widths": [8], "fusion": "encoder"}
    assert card.parameters == sum(weight.numel() for weight in build_model("flow-free", {"widths": [8]}).parameters())
    assert [stage["steps"] for stage in card.stages] == [10, 5]
    assert "trained on  clips 3, steps 10, samples 80\n" in str(card)


def test_the_work_is_that_of_the_network_s_layers(tmp_path):
    network = build_flow_model("flownets", {"width": 0.05}).eval()
    save_checkpoint(tmp_path / "net.safetensors", "flownets", network, {})
    operations = 0

    def count(layer, inputs, output):
        nonlocal operations
        weights = layer.weight.numel()  # each is used once a place: of the output, or of what is enlarged
        places = (inputs[0] if isinstance(layer, torch.nn.ConvTranspose2d) else output)[0, 0].numel()
        operations += 2 * weights * places

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    frame = torch.zeros(1, 3, HEIGHT, WIDTH)
    with torch.inference_mode():
        network(frame, frame)
    card = model_card(str(tmp_path / "net.safetensors"))
    assert card.kind == "optical flow"
    assert card.gflop == pytest.approx(operations / 1e9)


def test_what_needs_no_training_has_neither_file_nor_work():
    card = model_card("blend")
    assert (card.file, card.sha256, card.parameters, card.gflop, card.stages) == (None, None, 0, 0, [])


def test_a_name_of_nothing_lists_what_there_is():
    with pytest.raises(CheckpointError, match="use classical, blend, fast, "):
        model_card("slow")


def test_a_header_of_the_wrong_kind_is_damaged(tmp_path):
    from safetensors.torch import save_file

    header = {"format": "vfi-1", "model": "blend", "config": "{}", "trained": "[1, 2]"}
    save_file({"a": torch.zeros(1)}, tmp_path / "m.safetensors", metadata=header)
    with pytest.raises(CheckpointError, match="damaged header"):
        model_card(str(tmp_path / "m.safetensors"))
