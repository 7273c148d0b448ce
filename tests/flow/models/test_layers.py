import torch

from flow.models.layers import FlowUpsampling, channel_norm, conv, deconv, flow_head


def test_deconv_doubles_the_size_and_keeps_the_strength():
    torch.manual_seed(0)
    out = deconv(64, 64)(torch.randn(1, 64, 32, 32))
    assert out.shape == (1, 64, 64, 64)
    assert 0.8 < out.square().mean() ** 0.5 < 1.2


def test_an_untrained_flow_upsampling_keeps_a_constant_flow():
    flow = torch.tensor([3.0, -7.0]).view(1, 2, 1, 1).expand(1, 2, 5, 6)
    inner = FlowUpsampling()(flow)[..., 1:-1, 1:-1]
    torch.testing.assert_close(inner, flow[..., :1, :1].expand_as(inner))


def test_flows_are_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        features = conv(3, 8)(torch.rand(1, 3, 8, 8))
        flow = flow_head(8)(features)
        larger = FlowUpsampling()(flow)
    assert (features.dtype, flow.dtype, larger.dtype) == (torch.bfloat16, torch.float32, torch.float32)


def test_the_norm_of_nothing_has_a_gradient():
    image = torch.zeros(1, 3, 2, 2, requires_grad=True)
    channel_norm(image).sum().backward()
    assert image.grad.isfinite().all()
