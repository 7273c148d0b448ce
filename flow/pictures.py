"""Photographs in motion: pairs whose flow is known, of the pictures that scikit-image brings."""

import numpy as np

from flow.datasets import Sample
from flow.synthetic import random_scene

NAMES = ("astronaut", "chelsea", "coffee", "rocket")
FASTEST = (0.02, 0.06, 0.12)  # of the samples in turns, as fractions of the width


class PictureDataset:
    """Scenes cut of photographs: sample i is a function of i alone."""

    name = "scenes of photographs"

    def __init__(self, sizes: tuple[tuple[int, int], ...]) -> None:
        """Take the size (height, width) of every sample."""
        from skimage import data

        self.sizes, self._textures = sizes, [getattr(data, name)() for name in NAMES]

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Sample:
        """Return a sample."""
        size, random = self.sizes[index], np.random.default_rng(index)
        fastest = FASTEST[index % len(FASTEST)]
        scene = random_scene(self._textures, size, random, largest=fastest, own=0.0, plain=True)
        return Sample(f"{index}", scene.picture(0), scene.picture(1), scene.flow(0, 1), np.ones(size, bool))
