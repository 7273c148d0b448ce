import numpy as np
import pytest
import torch

from vfi.lpips import LpipsMissing, load_lpips


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """AlexNet's weights, made up, where torchvision looks for its own."""
    models = pytest.importorskip("torchvision").models
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints" / models.AlexNet_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    place.parent.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(models.alexnet(weights=None).state_dict(), place)
    return place


def test_images_further_apart_have_a_greater_distance_and_too_small_ones_none(weights):
    rng = np.random.default_rng(0)
    true = rng.integers(0, 255, (64, 80, 3), np.uint8)
    distance = load_lpips()
    near, far = (np.clip(true + rng.normal(0, size, true.shape), 0, 255).astype(np.uint8) for size in (10, 80))
    assert distance(true, true) == 0
    assert 0 < distance(near, true) < distance(far, true)
    assert distance(near, true) == distance(near, true)  # nothing is carried over
    with pytest.raises(ValueError, match="64x64"):
        distance(near[:63], true[:63])


def test_what_is_not_installed_is_said_and_nothing_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(LpipsMissing, match="LPIPS is left out"):
        load_lpips()
    assert not list(tmp_path.iterdir())
