import torch

from flow.models import build_flow_model


def test_flownet2_answers_as_the_original(parity_error):
    assert parity_error("flownet2") < 1e-3


def test_the_levels_of_flownet2_are_those_of_its_fusion():
    frames = torch.rand(2, 1, 3, 64, 128)
    flows = build_flow_model("flownet2", {"width": 0.05}).levels(*frames)
    assert [tuple(flow.shape[-2:]) for flow in flows] == [(64, 128), (32, 64), (16, 32)]
