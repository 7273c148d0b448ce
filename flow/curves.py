"""A training's curves: a CSV file, tensorboard's event file, and a picture."""

import csv
import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

_KNOWN = ("step", "loss", "lr", "images_per_second")
_DRAW_EVERY = 30.0  # seconds at least: a short training would spend its time on pictures


class CurvesError(ValueError):
    """The file of a training's curves cannot be read; the message names it."""


class Curves:
    """The curves of one run folder."""

    def __init__(self, run: Path, scores: Mapping[str, str], step: int = 0) -> None:
        """Go on after ``step``; what an interrupted run wrote beyond it is dropped.

        scores: what validation measures, a name for each column and what stands beside it in the picture, which shows
        the first. Raises CurvesError if what an interrupted run wrote is damaged.
        """
        self.table, self.picture, self.scores = run / "curve.csv", run / "curve.png", scores
        self.fields = (*_KNOWN, *scores)
        self.rows: list[dict[str, str]] = []
        if self.table.exists():
            self.rows = [row for row in read_curves(self.table, self.scores) if int(row["step"]) <= step]
        with self.table.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.fields)
            writer.writeheader()
            writer.writerows(self.rows)
        self._drawn, self._drawn_at = 0, -math.inf  # rows that the picture shows, and since when
        self.tensorboard = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else None)

    def add(
        self, step: int, loss: float, lr: float, images_per_second: float, scores: Mapping[str, float] | None = None
    ) -> None:
        """Note where a training is; draws the picture anew for scores, every half a minute at most."""
        values = {"loss": loss, "lr": lr, "images_per_second": images_per_second, **(scores or {})}
        row = {"step": str(step)} | {name: f"{value:.6g}" for name, value in values.items()}
        with self.table.open("a", newline="") as file:
            csv.DictWriter(file, self.fields).writerow(row)
        self.rows.append(row)
        for name, value in values.items():
            self.tensorboard.add_scalar(name, value, step)
        if scores and time.monotonic() - self._drawn_at > _DRAW_EVERY:
            self.draw()

    def draw(self) -> None:
        """Write ``curve.png``: the loss, and the first score where validation ran."""
        # The figure is made without pyplot, which would pick a window system and keep every figure alive.
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot(xlabel="step", ylabel="training loss")
        axes.plot([int(r["step"]) for r in self.rows], [float(r["loss"]) for r in self.rows], color="tab:blue")
        name, label = next(iter(self.scores.items()))
        scored = [(int(r["step"]), float(r[name])) for r in self.rows if r.get(name)]
        if scored:
            right = axes.twinx()
            right.plot(*zip(*scored, strict=True), color="tab:orange", marker="o", markersize=3)
            right.set_ylabel(f"validation {label}")
        axes.grid(alpha=0.3)
        figure.savefig(self.picture, dpi=110)
        self._drawn, self._drawn_at = len(self.rows), time.monotonic()

    def close(self) -> None:
        """Draw what the picture does not show yet, and finish the event file."""
        if len(self.rows) > self._drawn:
            self.draw()
        self.tensorboard.close()


def read_curves(table: Path, scores: Iterable[str]) -> list[dict[str, str]]:
    """Return the rows of a ``curve.csv``, each with a number for every column, or nothing where there was none.

    scores: the columns of what validation measures. Raises CurvesError if the file is damaged or has other columns.
    """
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if row.keys() != {*_KNOWN, *scores} or not row["step"].isdecimal():
                raise ValueError(f"{row} is no row of these columns")
            for name, value in row.items():
                if value or name in _KNOWN:
                    float(value)
    except (ValueError, TypeError, AttributeError, csv.Error) as error:
        raise CurvesError(f"{table} is damaged: remove it, and the curves begin anew") from error
    return rows
