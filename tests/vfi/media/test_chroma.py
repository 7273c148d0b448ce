import numpy as np
import pytest

from vfi.media.chroma import averaged, downsampled, upsampled


@pytest.mark.parametrize(("height", "width"), [(8, 12), (6, 11), (2, 3)])
def test_up_and_down_again_returns_every_sample(height, width):
    plane = np.random.default_rng(0).random(((height + 1) // 2, (width + 1) // 2), np.float32)
    np.testing.assert_allclose(downsampled(upsampled(plane, (height, width)), plane.shape), plane, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(8, 12), (7, 11), (1, 1)])
def test_single_columns_and_rows_of_colour_are_averaged(height, width):
    plane = np.zeros((height, width), np.float32)
    plane[:, 1::2] = 1
    small = averaged(plane, ((height + 1) // 2, (width + 1) // 2))
    assert small.shape == ((height + 1) // 2, (width + 1) // 2)
    if width > 2:
        np.testing.assert_allclose(small[:, 1:-1], 0.5)
    assert averaged(plane.T, ((width + 1) // 2, (height + 1) // 2)).max() <= 1
