"""Facts about the DIS for GPUs, on the CPU, where it is the same but slower."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from flow.dis import dis_flow
from flow.inverse_search import inverse_search
from flow.synthetic import random_scene
from flow.two_way import dis_two_way, torch_dis_two_way


def scene(height: int, width: int, seed: int = 0, detail: float = 2) -> np.ndarray:
    """A random texture with detail of about twice as many pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), detail), None, 0, 255, cv2.NORM_MINMAX)


def tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


def moved(dx: float, dy: float, seed: int = 0, height: int = 100, width: int = 120) -> tuple[Tensor, Tensor]:
    """A texture before and after it moved."""
    image = scene(height + 40, width + 40, seed)
    first, second = (
        cv2.warpAffine(image, np.float32([[1, 0, x - 20], [0, 1, y - 20]]), (width, height), flags=cv2.INTER_CUBIC)
        for x, y in ((0, 0), (dx, dy))
    )
    return tensor(first), tensor(second)


@pytest.mark.parametrize(("dx", "dy"), [(5, 0), (0, -4), (-7, 3), (2.5, -1.25)])
@pytest.mark.parametrize(("stride", "finest"), [(2, 1), (3, 0)])
def test_the_flow_points_to_where_the_texture_went(dx: float, dy: float, stride: int, finest: int) -> None:
    flow = inverse_search(*moved(dx, dy), stride, finest_scale=finest)
    assert flow.shape == (1, 2, 100, 120)
    assert flow.dtype == torch.float32
    error = (flow - torch.tensor([dx, dy])[:, None, None])[..., 15:-15, 15:-15].norm(dim=1)
    assert error.median() < 0.1
    assert error.quantile(0.95) < 0.3


def test_scenes_with_occlusion_have_no_more_error_than_opencv_has() -> None:
    textures = [scene(300, 300, seed, detail) for seed, detail in enumerate((2, 3, 5, 8))]
    rng, errors = np.random.default_rng(0), []
    for _ in range(6):
        made = random_scene(textures, (128, 160), rng, own=0.0)
        first, second, true = made.picture(0), made.picture(1), made.flow(0, 1)
        ours = inverse_search(tensor(first), tensor(second), 2)[0].permute(1, 2, 0).numpy()
        errors.append([np.linalg.norm(flow - true, axis=2).mean() for flow in (ours, dis_flow(first, second, 2))])
    ours, theirs = np.mean(errors, axis=0)
    assert ours < 1.03 * theirs


def test_the_guess_is_followed_where_it_fits_better() -> None:
    still = scene(120, 160, 0)
    first, second = still.copy(), still.copy()
    thing = scene(24, 24, 1, detail=1)
    first[48:72, 24:48] = thing
    second[48:72, 104:128] = thing
    guess = torch.zeros(1, 2, 120, 160)
    guess[:, 0, 44:76, 20:52] = 80
    alone, guided = (inverse_search(tensor(first), tensor(second), 2, known) for known in (None, guess))
    inner = (0, 0, slice(54, 66), slice(30, 42))
    assert (alone[inner] - 80).abs().median() > 20
    assert (guided[inner] - 80).abs().median() < 1
    assert guided[0, :, :30].abs().max() < 0.5  # and a guess of no motion does no harm


def test_a_start_is_improved() -> None:
    first, second = moved(12, -7)
    start = torch.tensor([10.0, -6.0])[None, :, None, None].expand(1, 2, 100, 120)
    flow = inverse_search(first, second, 2, start=start)
    assert (flow - torch.tensor([12.0, -7.0])[:, None, None])[..., 15:-15, 20:-20].norm(dim=1).median() < 0.1


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (11, 11), (16, 16), (17, 33), (300, 5)])
def test_images_of_any_size_have_flows_both_ways(size: tuple[int, int]) -> None:
    frames = tensor(scene(*size)), tensor(scene(*size, seed=1))
    for flow in (*torch_dis_two_way(*frames), *torch_dis_two_way(*frames, dense=True)):
        assert flow.shape == (1, 2, *size)
        assert flow.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_images_of_any_precision_are_taken(dtype: torch.dtype) -> None:
    first, second = moved(3, 1)
    flow = inverse_search(first.to(dtype), second.to(dtype), 2)
    assert flow.dtype == torch.float32
    assert (flow - torch.tensor([3.0, 1.0])[:, None, None])[..., 15:-15, 15:-15].norm(dim=1).median() < 0.2


def test_equal_images_do_not_move() -> None:
    image = tensor(scene(64, 64))
    assert inverse_search(image, image).abs().max() < 0.05


def test_plain_images_do_not_move() -> None:
    assert inverse_search(torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64)).abs().max() < 1e-3


def test_pairs_of_a_batch_do_not_know_of_each_other() -> None:
    one, other = moved(4, 2, seed=0), moved(-6, 1, seed=5)
    together = torch_dis_two_way(*(torch.cat(frames) for frames in zip(one, other, strict=True)))
    for index, pair in enumerate((one, other)):
        for flow, alone in zip(together, torch_dis_two_way(*pair), strict=True):
            torch.testing.assert_close(flow[index : index + 1], alone, rtol=0, atol=1e-3)


def test_the_same_images_have_the_same_flow_again() -> None:
    frames = moved(4, 2)
    for flow, again in zip(torch_dis_two_way(*frames), torch_dis_two_way(*frames), strict=True):
        assert torch.equal(flow, again)


@pytest.mark.parametrize("dense", [False, True])
def test_nothing_is_decided_by_what_the_images_show(dense: bool) -> None:
    with FakeTensorMode():  # tensors without values: whoever asks for one fails, as a GPU would have to wait
        frames = torch.empty(2, 3, 90, 121), torch.empty(2, 3, 90, 121)
        flows = torch_dis_two_way(*frames, dense=dense)
    assert [flow.shape for flow in flows] == [(2, 2, 90, 121)] * 2


def test_it_can_be_written_down_as_one_graph() -> None:
    class Both(torch.nn.Module):
        def forward(self, frame0: Tensor, frame1: Tensor) -> tuple[Tensor, Tensor]:
            return torch_dis_two_way(frame0, frame1)

    frames = moved(4, 2, height=48, width=64)
    graph = torch.export.export(Both(), frames).module()
    for flow, expected in zip(graph(*frames), torch_dis_two_way(*frames), strict=True):
        torch.testing.assert_close(flow, expected, rtol=0, atol=1e-3)


def test_both_ways_are_as_opencv_finds_them() -> None:
    frames = moved(6, -3)
    for ours, theirs in zip(torch_dis_two_way(*frames), dis_two_way(*frames), strict=True):
        assert (ours - theirs)[..., 20:-20, 20:-20].norm(dim=1).median() < 0.1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_replays_it_as_a_graph_of_its_own() -> None:
    still = [torch.cat(frames).cuda() for frames in zip(moved(4, 2), moved(-3, 1), strict=True)]
    torch_dis_two_way(*still)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = torch_dis_two_way(*still)
    graph.replay()
    for flow, expected in zip(captured, torch_dis_two_way(*(frame.cpu() for frame in still)), strict=True):
        assert (flow.cpu() - expected).abs().median() < 1e-2
