"""A film before and after in one view, in step: before on the left of a divider that can be moved, after on the right.

Both are compared at the same place of the film, in slow motion too. A page puts in `before_and_after`, styles it with
`style` and gives it to the function ``divide`` of `script`.
"""

import json
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote

from vfi.media import VideoReader
from vfi.page import render_template

SLOWEST = Fraction(1, 16)  # times its own speed; browsers play nothing slower
_SPEEDS = {"1": Fraction(1), "1/2": Fraction(1, 2), "1/4": Fraction(1, 4), "1/8": Fraction(1, 8)}


def before_and_after(before: Path, after: Path, speed: Fraction = Fraction(1)) -> str:
    """Return the view as HTML, of two films that lie where gradio serves files from.

    speed: at which the film after goes on, times that of the one before.
    """
    with VideoReader(before) as reader:
        rate_before = _rate(reader)
    with VideoReader(after) as reader:
        info, rate = reader.info.upright, _rate(reader)
    return render_template(
        "before_after.html",
        films=json.dumps({"rate": rate, "overRate": rate_before, "ratio": float(speed)}),
        shape=float(info.width * (info.pixel_aspect or 1) / info.height),
        speeds={said: float(value) for said, value in _SPEEDS.items() if value * speed >= SLOWEST},
        before=_address(before),
        after=_address(after),
    )


def style() -> str:
    """Return the view's CSS."""
    return render_template("before_after.css") + render_template("divider.css")


def script() -> str:
    """Return the view's JavaScript."""
    return render_template("divider.js")


def _rate(reader: VideoReader) -> float:
    """Return the frames per second; of a variable rate, the mean."""
    times = reader.timeline
    return float(times.rate or times.frames / times.duration)


def _address(path: Path) -> str:
    return f"gradio_api/file={quote(path.as_posix(), safe='/:')}"
