"""How well scene cuts are found: precision and recall by threshold, on films spliced from a folder of single shots.

    python benchmarks/cuts.py SHOTS [--splices 800]

Two thirds of the splices are cuts; the others are dissolves and fades through black of 8 to 24 frames. A third of the
shots run at double speed, a quarter hold a flash of one or two frames or a strobe light. Every gap that is no cut
counts as a non-cut, within the transitions too. A plain test, the mean change of grey levels, stands beside.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from vfi.cuts import THRESHOLD, find_cuts
from vfi.media import Color, Frame, VideoReader

SIZE = (320, 180)


@lru_cache(maxsize=500)
def decoded(path: Path) -> list[np.ndarray]:
    """A file's frames, small and grey, which is all that is looked at."""
    with VideoReader(path) as reader:
        images = [cv2.resize(frame.rgb, SIZE, interpolation=cv2.INTER_AREA) for frame in reader]
    return [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]


def shot(path: Path, rng: np.random.Generator) -> list[np.ndarray]:
    """6 to 30 successive frames from anywhere in a file, some with flashes; float32."""
    step, start, every = rng.choice([1, 1, 2]), rng.integers(40), decoded(path)
    frames = [image.astype(np.float32) for image in every[min(start, len(every) // 2) :: step][: rng.integers(6, 31)]]
    light = rng.random()
    if len(frames) >= 8 and light < 0.2:  # a flash
        at = rng.integers(3, len(frames) - 4)
        for i in range(at, at + rng.integers(1, 3)):
            frames[i] = frames[i] * rng.uniform(1, 2.5) + rng.uniform(20, 150)
    elif light < 0.25:  # a strobe
        frames = [image * (1.0 if i % 2 else 0.25) for i, image in enumerate(frames)]
    return frames


def spliced(shots: list[Path], splices: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield images, each with whether it comes right after a cut."""
    source = last = None
    for _ in range(splices + 1):
        source = rng.choice([path for path in shots if path != source])  # type: ignore[arg-type]
        frames = shot(source, rng)
        kind = rng.choice(["cut", "cut", "cut", "cut", "dissolve", "fade"])
        steps = np.linspace(0, 1, rng.integers(8, 25))
        if last is not None and kind == "dissolve":
            yield from ((last * (1 - step) + frames[0] * step, False) for step in steps)
        elif last is not None and kind == "fade":
            yield from ((last * (1 - step), False) for step in steps)
            yield from ((frames[0] * step, False) for step in steps)
        for i, image in enumerate(frames):
            yield image, i == 0 and last is not None and kind == "cut"
        last = frames[-1]


def main() -> None:
    """Print a row per threshold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shots", type=Path)
    parser.add_argument("--splices", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    truth: list[bool] = []
    plain: list[float] = []

    def film() -> Iterator[Frame]:
        previous = None
        for image, cut in spliced(
            sorted(arguments.shots.iterdir()), arguments.splices, np.random.default_rng(arguments.seed)
        ):
            pixels = np.dstack([image.round().clip(0, 255).astype(np.uint8)] * 3)
            frame = Frame(Fraction(len(truth)), Fraction(1), Color(), pixels=pixels)
            grey = frame.coarse[..., 0]
            plain.append(0.0 if previous is None else float(np.abs(grey - previous).mean()))
            previous = grey
            truth.append(cut)
            yield frame

    scores = {int(cut.time): cut.score for cut in find_cuts(film(), 10)}
    ours, cuts = np.array([scores.get(i, 0.0) for i in range(len(truth))]), np.array(truth)
    print(f"{cuts.sum()} cuts, {(~cuts).sum()} other gaps; the default threshold is {THRESHOLD:g}")

    def row(name: str, found: np.ndarray) -> None:
        right = (found & cuts).sum()
        print(f"{name} | {right / max(1, found.sum()):.4f} | {right / cuts.sum():.4f} | {(found & ~cuts).sum()}")

    print("test | precision | recall | false alarms")
    for threshold in (16, 20, 24, 28, 30, 32, 34, 36, 40, 44, 50):
        row(f"score >= {threshold} %", ours >= threshold)
    for threshold in (10, 20, 30, 40):
        row(f"mean change >= {threshold} levels", np.array(plain) >= threshold)


if __name__ == "__main__":
    main()
