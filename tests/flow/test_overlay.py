import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from flow.overlay import dragged_in_images, find_dragged, stillness, stillness_in_images
from flow.two_way import dis_two_way

HEIGHT, WIDTH, MOTION = 96, 192, 6
TEXT = np.zeros((HEIGHT, WIDTH), np.uint8)
cv2.putText(TEXT, "burnt in", (30, 60), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2)
LETTERS = torch.from_numpy(TEXT > 127)[None, None]


def ground(shift):
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, HEIGHT // 6, (WIDTH + 48) // 6, generator=generator)
    wide = F.interpolate(noise, size=(HEIGHT, WIDTH + 48), mode="bicubic").clamp(0, 1)
    return 0.6 * wide[..., 24 - shift : 24 - shift + WIDTH]


def with_text(image):
    return torch.where(LETTERS, torch.ones(()), image)


def find_overlay(first, second, *flows):
    return find_dragged(first, second, *flows) * stillness(first, second)


def found(first, second):
    return find_overlay(first, second, *dis_two_way(first, second))


def test_text_that_the_flow_drags_along_is_found():
    drag = torch.tensor([MOTION, 0.0]).view(1, 2, 1, 1).expand(1, 2, HEIGHT, WIDTH)
    mask = find_overlay(with_text(ground(0)), with_text(ground(MOTION)), drag, -drag)
    assert mask[LETTERS].mean() > 0.7
    far = F.max_pool2d(LETTERS.float(), 9, 1, 4) == 0
    assert mask[far].mean() < 0.02


@pytest.mark.parametrize("motion", [0, MOTION])
def test_a_picture_without_an_overlay_has_none(motion):
    assert found(ground(0), ground(motion)).mean() < 0.005


def test_text_that_moves_with_the_ground_is_no_overlay():
    first = with_text(ground(0))
    assert found(first, torch.roll(first, MOTION, dims=-1))[..., 12:-12].mean() < 0.005


@pytest.mark.parametrize("text", [with_text, lambda image: image])
def test_opencv_finds_in_images_what_pytorch_does_in_frames(text):
    frames = text(ground(0)), text(ground(MOTION))
    drag = torch.tensor([MOTION, 0.0]).view(1, 2, 1, 1).expand(1, 2, HEIGHT, WIDTH)
    images = [frame[0].permute(1, 2, 0).mul(255).round().byte().numpy() for frame in frames]
    flows = [np.ascontiguousarray(flow[0].permute(1, 2, 0).numpy()) for flow in (drag, -drag)]
    dragged = torch.from_numpy(dragged_in_images(*images, *flows))
    assert ((dragged - find_dragged(*frames, drag, -drag)[0, 0]).abs() < 0.01).float().mean() > 0.98
    still = torch.from_numpy(stillness_in_images(*images))
    assert (still - stillness(*frames)[0, 0]).abs().max() < 0.1  # a level is a twelfth of it
