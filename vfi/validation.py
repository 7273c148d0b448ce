"""What a training is judged by on its way: scores on triplets that are known, and a sheet with pictures of a few."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.media.images import write_image
from vfi.metrics import psnr
from vfi.page import SMALL, heat, small
from vfi.triplets import Triplet, Triplets
from vfi.worst import FULL_ERROR, error

ROWS = 3  # of a sheet
_COLUMNS = ("before", "made", "truth", "error")
_LINE, _GAP = 18, 4  # pixels: height of a line of text, space between pictures


class Validation:
    """Scores models on triplets, and keeps a sheet of pictures for each time."""

    def __init__(self, judge: Interpolator, triplets: Triplets, folder: Path) -> None:
        """judge: makes the frames, by whatever model it is given; folder: where the sheets go."""
        self.judge, self.triplets, self.folder = judge, triplets, folder
        total = triplets.count or ROWS  # where nobody knows how many there are, the first ones are shown
        self._shown = {i * total // ROWS for i in range(ROWS)}

    def __call__(self, model: nn.Module, step: int) -> dict[str, float]:
        """Return a model's mean PSNR, SSIM and IE, and draw the sheet of a step."""
        self.judge.model = model
        numbers = count()
        rows: list[tuple[Triplet, np.ndarray]] = []

        def see(triplet: Triplet, made: np.ndarray) -> None:
            if next(numbers) in self._shown:
                rows.append((triplet, made))

        report = evaluate(self.judge, self.triplets, see=see)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_image(self.folder / f"{step:07}.png", draw_sheet(rows))
        return {"psnr": report.psnr, "ssim": report.ssim, "ie": report.ie}


def draw_sheet(rows: Sequence[tuple[Triplet, np.ndarray]]) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 RGB with a row for each triplet and the frame made of it.

    A row shows the frame before, the one made, the true one and where they differ, dark where they do not, with the
    name and the PSNR below.
    """
    width = _GAP + len(_COLUMNS) * (SMALL + _GAP)
    bands = [_text([(_GAP + i * (SMALL + _GAP), word) for i, word in enumerate(_COLUMNS)], width)]
    for triplet, made in rows:
        pictures = [small(image) for image in (triplet.before, made, triplet.middle)]
        pictures.append(heat(error(made, triplet.middle), FULL_ERROR))
        band = np.full((len(pictures[0]) + _GAP, width, 3), 255, np.uint8)
        for i, picture in enumerate(pictures):
            left = _GAP + i * (SMALL + _GAP)
            band[: len(picture), left : left + picture.shape[1]] = picture
        score = f"{psnr(made, triplet.middle):.2f} dB"
        bands += [band, _text([(_GAP, triplet.name), (_GAP + SMALL + _GAP, score)], width)]
    return np.concatenate(bands)


def _text(words: Sequence[tuple[int, str]], width: int) -> np.ndarray:
    """A line of words that begin at their places, each cut off where the next one begins."""
    line = np.full((_LINE, width, 3), 255, np.uint8)
    for left, word in words:
        line[:, left:] = 255
        cv2.putText(line, word, (left, _LINE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return line
