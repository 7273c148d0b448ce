import pytest
import torch

from flow.warp import backward_warp, resize_flow, resize_flows


def test_zero_flow_returns_the_image():
    image = torch.rand(2, 3, 13, 17)
    torch.testing.assert_close(backward_warp(image, torch.zeros(2, 2, 13, 17)), image)


def test_whole_pixel_flow_is_a_shift():
    image, flow = torch.rand(1, 3, 8, 8), torch.zeros(1, 2, 8, 8)
    flow[:, 0] = 2  # every pixel looks two columns to its right
    torch.testing.assert_close(backward_warp(image, flow)[..., :-2], image[..., 2:])


def test_second_channel_looks_down():
    image, flow = torch.rand(1, 1, 8, 8), torch.zeros(1, 2, 8, 8)
    flow[:, 1] = 3
    torch.testing.assert_close(backward_warp(image, flow)[..., :-3, :], image[..., 3:, :])


def test_half_pixel_flow_averages_neighbours():
    image, flow = torch.rand(1, 1, 4, 8), torch.zeros(1, 2, 4, 8)
    flow[:, 0] = 0.5
    torch.testing.assert_close(backward_warp(image, flow)[..., :-1], (image[..., :-1] + image[..., 1:]) / 2)


def test_beyond_the_edge_the_border_repeats():
    image, flow = torch.rand(1, 1, 4, 4), torch.full((1, 2, 4, 4), 100.0)
    torch.testing.assert_close(backward_warp(image, flow), image[..., -1:, -1:].expand_as(image))


def test_unequal_grids_are_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"\(4, 4\).*\(8, 8\)"):
        backward_warp(torch.zeros(1, 1, 4, 4), torch.zeros(1, 2, 8, 8))


def test_bfloat16_images_are_looked_up_with_float32_coordinates():
    image = torch.arange(512.0).expand(1, 1, 4, 512).bfloat16()
    flow = torch.zeros(1, 2, 4, 512)
    assert torch.equal(backward_warp(image, flow), image)


def test_a_resized_flow_points_to_the_same_place():
    flow = torch.zeros(1, 2, 4, 8)
    flow[:, 0], flow[:, 1] = 1, 2
    resized = resize_flow(flow, (12, 16))
    assert torch.allclose(resized[:, 0], torch.tensor(2.0))
    assert torch.allclose(resized[:, 1], torch.tensor(6.0))


def test_bicubic_and_bilinear_warps_agree_on_whole_pixels():
    image, flow = torch.rand(1, 3, 12, 12), torch.full((1, 2, 12, 12), 2.0)
    torch.testing.assert_close(backward_warp(image, flow, "bicubic"), backward_warp(image, flow), atol=1e-4, rtol=0)


def test_bicubic_warp_keeps_fine_detail_that_bilinear_blurs():
    wave = torch.sin(torch.arange(64) * 1.6).view(1, 1, 1, 64).expand(1, 1, 8, 64)
    shifted = torch.sin((torch.arange(64) + 0.5) * 1.6).view(1, 1, 1, 64).expand(1, 1, 8, 64)
    flow = torch.zeros(1, 2, 8, 64)
    flow[:, 0] = 0.5
    made = [backward_warp(wave, flow, mode) for mode in ("bicubic", "bilinear")]
    errors = [(frame - shifted)[..., 4:-4].abs().mean() for frame in made]
    assert errors[0] < 0.7 * errors[1]


def test_resizing_a_pair_scales_both_flows():
    flows = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 4, 1, 1).expand(1, 4, 8, 8)
    assert torch.equal(resize_flows(flows, (16, 16))[0, :, 0, 0], torch.tensor([2.0, 4.0, 6.0, 8.0]))
