"""Scores of an interpolator on frames that are known."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from vfi.course import Course
from vfi.lpips import Distance
from vfi.media.images import write_image
from vfi.metrics import interpolation_error, luma_step, psnr, ssim
from vfi.pipeline import Between
from vfi.triplets import Triplet, Triplets

WARM_UP = 2  # frames that are slower to make, because memory and threads are set up for them


@dataclass(frozen=True)
class Score:
    """How close one made frame came to the true one."""

    name: str
    psnr: float  # dB, 100 at most
    ssim: float  # 1 at most
    ie: float  # mean absolute error in 8-bit levels
    ms: float  # milliseconds it took to make
    luma_step: float = 0.0  # how much brighter than its neighbours it is, in 8-bit levels
    lpips: float | None = None  # distance as people see it, 0 at least; None if it was not measured


@dataclass(frozen=True)
class Report:
    """Scores of all items, in the order of the data; at least one."""

    items: tuple[Score, ...]
    data: str = ""  # what they were measured on

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
    def lpips(self) -> float | None:
        """Mean over the items, None if it was not measured."""
        known = [item.lpips for item in self.items if item.lpips is not None]
        return fmean(known) if known else None

    @property
    def luma_step(self) -> float:
        """Mean over the items, in 8-bit levels: above 0 the new frames are brighter than the others."""
        return fmean(item.luma_step for item in self.items)

    @property
    def flicker(self) -> float:
        """Mean size of the luma step over the items, in 8-bit levels."""
        return fmean(abs(item.luma_step) for item in self.items)

    @property
    def ms_per_frame(self) -> float:
        """Median over the items without the first ones, which warm up, if there are more."""
        return median(item.ms for item in self.items[WARM_UP:] or self.items)

    def values(self) -> dict[str, Any]:
        """Return the means, then every item's scores."""
        return {
            "data": self.data,
            "count": len(self.items),
            "psnr": self.psnr,
            "ssim": self.ssim,
            "ie": self.ie,
            "lpips": self.lpips,
            "luma_step": self.luma_step,
            "flicker": self.flicker,
            "ms_per_frame": self.ms_per_frame,
            "items": [asdict(item) for item in self.items],
        }

    def to_json(self) -> str:
        """Return `values` as a JSON object."""
        return json.dumps(self.values(), indent=2)

    def table(self) -> str:
        """Return a line for every item."""
        width = max(len(item.name) for item in self.items)
        lines = [f"{'':{width}}    PSNR    SSIM      IE   LPIPS  luma step      ms"]
        for item in self.items:
            lpips = "-" if item.lpips is None else f"{item.lpips:.4f}"
            lines.append(
                f"{item.name:{width}} {item.psnr:7.3f} {item.ssim:7.4f} {item.ie:7.3f} {lpips:>7} "
                f"{item.luma_step:+10.3f} {item.ms:7.0f}"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        """Return the means in one line.

        >>> print(Report((Score("a", 30.0, 0.9, 4.0, 20.0, 0.1), Score("b", 35.0, 0.95, 2.0, 22.0, -0.3))))
        PSNR 32.500 dB, SSIM 0.9250, IE 3.000, luma step 0.200 (signed -0.100) over 2 frames; 21 ms a frame
        """
        lpips = "" if self.lpips is None else f"LPIPS {self.lpips:.4f}, "
        return (
            f"PSNR {self.psnr:.3f} dB, SSIM {self.ssim:.4f}, IE {self.ie:.3f}, {lpips}luma step {self.flicker:.3f} "
            f"(signed {self.luma_step:+.3f}) over {len(self.items)} frame{'s' if len(self.items) > 1 else ''}; "
            f"{self.ms_per_frame:.0f} ms a frame"
        )


def evaluate(
    between: Between,
    triplets: Iterable[Triplet],
    *,
    lpips: Distance | None = None,
    save: Path | None = None,
    see: Callable[[Triplet, np.ndarray], None] | None = None,
    progress: Callable[[int], None] | None = None,
    curved: bool = True,
) -> Report:
    """Make the middle of every triplet and compare it with the true one, triplet by triplet.

    curved: in the knowledge of the frames around it, where the triplets know them; lpips: what measures it, see
    `load_lpips`, or None to leave it out; save: a folder for the frames made, PNG files under the names of the items;
    see is called with every triplet and the frame made of it, progress with the number of triplets done. Raises
    ValueError if there are no triplets.
    """
    items, course = [], Course(between)
    for done, triplet in enumerate(triplets, start=1):
        began = time.perf_counter()
        sides = (triplet.earlier, triplet.later) if curved else ()
        [made] = course.images(triplet.before, triplet.after, [triplet.time], *sides)
        ms = 1000 * (time.perf_counter() - began)
        true = triplet.middle
        items.append(
            Score(
                triplet.name,
                psnr(made, true),
                ssim(made, true),
                interpolation_error(made, true),
                ms,
                luma_step(made, triplet.before, triplet.after, triplet.time),
                None if lpips is None else lpips(made, true),
            )
        )
        if save is not None:
            path = save / f"{triplet.name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, made)
        if see is not None:
            see(triplet, made)
        if progress is not None:
            progress(done)
    if not items:
        raise ValueError("there is no triplet to evaluate: give at least one")
    return Report(tuple(items), triplets.name if isinstance(triplets, Triplets) else "")
