import pytest
import torch

from vfi.models.blend import Blend, BlendConfig


@pytest.mark.parametrize("t", [0.25, 0.5, 0.9])
def test_frames_are_mixed_by_time(t):
    frame0, frame1 = torch.rand(2, 1, 3, 8, 9)
    made = Blend(BlendConfig())(frame0, frame1, torch.full((1, 1, 1, 1), t))
    torch.testing.assert_close(made, (1 - t) * frame0 + t * frame1)
