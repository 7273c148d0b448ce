"""Moving pictures of noise: pairs whose flow is known, made without any files."""

import cv2
import numpy as np

from flow.datasets import Sample
from flow.synthetic import random_scene


class NoiseDataset:
    """Scenes cut of blurred noise: sample i is a function of i alone."""

    name = "scenes of noise"

    def __init__(self, sizes: tuple[tuple[int, int], ...]) -> None:
        """Take the size (height, width) of every sample."""
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Sample:
        """Return a sample."""
        size, random = self.sizes[index], np.random.default_rng(index)
        # Coarse spots to follow over a long way, with fine grain on them.
        coarse, fine = (
            cv2.GaussianBlur(random.normal(size=(256, 256, 3)).astype(np.float32), (0, 0), sigma) * sigma
            for sigma in (6, 1.5)
        )
        texture = (128 + 110 * (coarse + 0.5 * fine)).clip(0, 255).astype(np.uint8)
        scene = random_scene([texture], size, random, slowest=0.01, largest=0.06, own=0.0, plain=True)
        return Sample(f"{index}", scene.picture(0), scene.picture(1), scene.flow(0, 1), np.ones(size, bool))
