"""What the frames before and after tell: films whose every other frame is made again, with them and by pairs alone.

    python benchmarks/course.py CLIPS --model fast

CLIPS is a folder of videos. PSNR in dB is of 8-bit RGB, the mean over the first frames of each; gaps across cuts count.
"""

import argparse
from itertools import islice
from pathlib import Path
from statistics import fmean

from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.triplets import open_triplets


def main() -> None:
    """Print a row per film, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--model", default="flow-fusion")
    parser.add_argument("--factor", type=int, default=2, help="keep one frame of so many")
    parser.add_argument("--frames", type=int, default=12, help="to make of each film")
    arguments = parser.parse_args()
    interpolator = Interpolator.load(arguments.model)
    print("film | frames | by pairs, dB | with what is around, dB | gain, dB | frames that gain, lose 0.05 dB")
    means, gains = [], []
    for path in sorted(arguments.clips.iterdir()):
        triplets = list(islice(open_triplets(path, factor=arguments.factor), arguments.frames))
        pairs, around = (evaluate(interpolator, triplets, curved=curved) for curved in (False, True))
        gained = [after.psnr - before.psnr for before, after in zip(pairs.items, around.items, strict=True)]
        gains += gained
        means.append((pairs.psnr, around.psnr))
        _tell(path.stem, pairs.psnr, around.psnr, gained)
    _tell("mean of the films", *map(fmean, zip(*means, strict=True)), gains)


def _tell(name: str, pairs: float, around: float, gained: list[float]) -> None:
    won, lost = sum(gain > 0.05 for gain in gained), sum(gain < -0.05 for gain in gained)
    print(f"{name} | {len(gained)} | {pairs:.2f} | {around:.2f} | {around - pairs:+.2f} | {won}, {lost}", flush=True)


if __name__ == "__main__":
    main()
