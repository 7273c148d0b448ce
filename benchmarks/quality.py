"""The table of checkpoints/README.md: every shipped model on lists of known frames, with its size and work.

    python benchmarks/quality.py val.csv val_4x.csv [--models flow-fusion fast] [--reference reference.json]

The reference file holds scores of other methods; with it the items are also split into quarters, from the hardest to
the easiest by the score of its method `dis_average`.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import fmean

from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.models import shipped_models
from vfi.models.card import model_card
from vfi.triplets import read_triplets


def quarters(scores: list[float], ranking: list[float]) -> list[float]:
    """Return the mean of each quarter of the scores, in the order of the ranking.

    >>> quarters([4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0])
    [4.0, 3.0, 2.0, 1.0]
    """
    order = sorted(range(len(scores)), key=ranking.__getitem__)
    edges = [round(i * len(order) / 4) for i in range(5)]
    return [fmean(scores[i] for i in order[edges[q] : edges[q + 1]]) for q in range(4)]


def row(name: str, size: str, means: Sequence[float], luma: str, items: list[float], ranking: list[float]) -> str:
    """Return a row of the table; a list with several times per item is ranked by the mean of each item's frames."""
    frames = len(items) // max(1, len(ranking))
    split = ""
    if ranking and len(items) == frames * len(ranking):
        grouped = [fmean(items[i : i + frames]) for i in range(0, len(items), frames)]
        split = " ".join(f"{mean:.2f}" for mean in quarters(grouped, ranking))
    psnr, ssim, ie = means
    return f"| {name} | {size} | {psnr:.3f} | {ssim:.4f} | {ie:.3f} | {luma} | {split} |"


def main() -> None:
    """Print one table per list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", type=Path, nargs="+")
    parser.add_argument("--models", nargs="+", default=shipped_models())
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every so many of the items; no quarters then")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    reference = json.loads(arguments.reference.read_text()) if arguments.reference else {}
    cards = [model_card(name) for name in arguments.models]
    for path in arguments.lists:
        known = reference.get(path.stem, {})
        ranking = known.get("dis_average", {}).get("items", [])
        print(f"\n{path.stem}\n")
        print("| model | M parameters | GFLOP, 720p | PSNR | SSIM | IE | luma step | PSNR by quarter, hardest first |")
        print("|---|---|---|---|---|---|---|---|")
        for card in cards:
            chosen = islice(read_triplets(path), 0, None, arguments.every)
            report = evaluate(Interpolator.load(card.name, precision=arguments.precision), chosen)
            found = [item.psnr for item in report.items]
            means = (report.psnr, report.ssim, report.ie)
            size = f"{card.parameters / 1e6:.2f} | {card.gflop:.0f}"
            luma = f"{report.flicker:.3f} ({report.luma_step:+.3f})"
            print(row(card.name, size, means, luma, found, ranking), flush=True)
        for name, scores in known.items():
            means = (scores["psnr"], scores["ssim"], scores["ie"])
            print(row(name, " | ", means, "", scores["items"], ranking), flush=True)


if __name__ == "__main__":
    main()
