"""How far the new frames of a film are to be trusted, as a curve over time."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure


def draw_confidence(known: Sequence[tuple[float, float]], path: Path) -> None:
    """Draw confidence (0 to 1) by time (seconds) as a .png, in one move; raises OSError if it cannot be written."""
    figure = Figure(figsize=(10, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([time for time, _ in known], [confidence for _, confidence in known], linewidth=1)
    axes.set(xlabel="time, s", ylabel="confidence", ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part.png")
    try:
        figure.savefig(partial, dpi=110)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
