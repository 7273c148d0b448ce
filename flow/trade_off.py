"""A picture of what quality methods reach in what time."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Point(NamedTuple):
    """A method's place."""

    name: str
    time: float
    quality: float
    trained: bool


def draw_trade_off(
    path: Path, points: Iterable[Point], *, time: str, quality: str, title: str, from_zero: bool = False
) -> None:
    """Write a picture (.png), complete or not at all; squares are what needs no training.

    time, quality: what the axes are called, the former logarithmic; from_zero: whether the latter begins at 0.
    """
    # The figure is made without pyplot, which would pick a window system and keep every figure alive.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot(xlabel=time, ylabel=quality, xscale="log", title=f"{title}; squares need no training")
    for point in points:
        axes.plot(point.time, point.quality, "o" if point.trained else "s", markersize=9, label=point.name)
    # Beside the points: names of files are long, and points may lie close together.
    figure.legend(loc="outside right upper")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(lambda x, _: f"{x:g}" if f"{x:e}"[0] in "235" else "")
    axes.margins(x=0.1)
    if from_zero:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3, which="both")
    partial = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(partial, dpi=110, format="png")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
