"""Scores of an interpolator on frames that are known."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median

from vfi.media.images import write_image
from vfi.metrics import interpolation_error, psnr, ssim
from vfi.pipeline import Between
from vfi.triplets import Triplet


@dataclass(frozen=True)
class Score:
    """How close one made frame came to the true one."""

    name: str
    psnr: float  # dB, 100 at most
    ssim: float  # 1 at most
    ie: float  # mean absolute error in 8-bit levels
    ms: float  # milliseconds it took to make


@dataclass(frozen=True)
class Report:
    """Scores of all items, in the order of the data; at least one."""

    items: tuple[Score, ...]

    @property
    def psnr(self) -> float:
        """Mean over the items, in dB."""
        return fmean(item.psnr for item in self.items)

    @property
    def ssim(self) -> float:
        """Mean over the items."""
        return fmean(item.ssim for item in self.items)

    @property
    def ie(self) -> float:
        """Mean absolute error in 8-bit levels, mean over the items."""
        return fmean(item.ie for item in self.items)

    @property
    def ms_per_frame(self) -> float:
        """Median over the items: the first ones warm up."""
        return median(item.ms for item in self.items)

    def to_json(self) -> str:
        """Return a JSON object: the means, then every item's scores."""
        return json.dumps(
            {
                "count": len(self.items),
                "psnr": self.psnr,
                "ssim": self.ssim,
                "ie": self.ie,
                "ms_per_frame": self.ms_per_frame,
                "items": [asdict(item) for item in self.items],
            },
            indent=2,
        )

    def __str__(self) -> str:
        """Return the means in one line.

        >>> print(Report((Score("a", 30.0, 0.9, 4.0, 20.0), Score("b", 35.0, 0.95, 2.0, 22.0))))
        PSNR 32.500 dB, SSIM 0.9250, IE 3.000 over 2 frames; 21 ms a frame
        """
        return (
            f"PSNR {self.psnr:.3f} dB, SSIM {self.ssim:.4f}, IE {self.ie:.3f} over {len(self.items)} "
            f"frame{'s' if len(self.items) > 1 else ''}; {self.ms_per_frame:.0f} ms a frame"
        )


def evaluate(
    between: Between,
    triplets: Iterable[Triplet],
    *,
    save: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Make the middle of every triplet and compare it with the true one, triplet by triplet.

    save: a folder for the frames made, PNG files under the names of the items; progress is called with the number of
    triplets done. Raises ValueError if there are no triplets.
    """
    items = []
    for done, triplet in enumerate(triplets, start=1):
        began = time.perf_counter()
        made = between(triplet.before, triplet.after, [triplet.time])[0]
        ms = 1000 * (time.perf_counter() - began)
        true = triplet.middle
        items.append(Score(triplet.name, psnr(made, true), ssim(made, true), interpolation_error(made, true), ms))
        if save is not None:
            path = save / f"{triplet.name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, made)
        if progress is not None:
            progress(done)
    if not items:
        raise ValueError("there is no triplet to evaluate: give at least one")
    return Report(tuple(items))
