import cv2
import numpy as np
import pytest

from vfi.doubt import WIDTH, doubt
from vfi.worst import worst_part


@pytest.fixture
def scene():
    """scene(step) -> a textured disc that has moved by so many pixels over a textured ground."""
    noise = np.random.default_rng(1)
    ground, disc = (
        cv2.GaussianBlur(noise.integers(0, 256, (180, 320), np.uint8), (0, 0), 3).astype(np.float32) for _ in range(2)
    )
    ground, disc = ((image - image.mean()) * 3 for image in (ground, disc))

    def draw(step):
        y, x = np.mgrid[:180, :320]
        inside = np.hypot(x - 120 - step, y - 90) < 30
        return np.where(inside, np.roll(disc, step, axis=1) + 170, ground + 90).clip(0, 255).astype(np.uint8)

    return draw


def test_ghosts_smears_and_tears_are_doubtful_and_the_true_frame_is_not(scene):
    before, true, after = scene(0), scene(8), scene(16)
    ghost = ((before.astype(int) + after) // 2).astype(np.uint8)
    smear = true.copy()
    smear[70:110, 110:150] = cv2.blur(smear, (25, 25))[70:110, 110:150]
    torn = true.copy()
    torn[80:100] = np.roll(torn, 20, axis=1)[80:100]
    (_, none), *found = (worst_part(doubt(new, before, after), 48) for new in (true, ghost, smear, torn))
    for _, level in found:
        assert level > 2 * none
    (left, top, width, height), _ = found[1]  # of the smear
    assert left < 150
    assert left + width > 110
    assert top < 110
    assert top + height > 70


def test_a_repeated_neighbour_is_never_doubtful(scene):
    assert doubt(scene(0), scene(0), scene(60)).max() == 0


def test_wide_frames_are_reduced():
    wide = np.zeros((1080, 1920), np.uint8)
    assert doubt(wide, wide, wide).shape == (360, WIDTH)
