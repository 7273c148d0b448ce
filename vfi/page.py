"""HTML pages that need nothing else: style, pictures and curves are in them, and the numbers go beside them as JSON."""

import base64
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from vfi.media.errors import WishError, writing
from vfi.media.writer import check_output

POINTS = 2000  # of a curve at most; of a longer film a point is the mean of several frames
SMALL = 320  # pixels, the width of pictures of whole frames


def check_page(output: Path, source: Path, overwrite: bool) -> None:
    """Raise MediaError if a page on ``source`` may not or cannot be written there; a cheap test before any work."""
    if output.suffix.lower() not in (".html", ".htm"):
        raise WishError(f"{output} does not end in .html: choose such a name, the numbers go beside it as .json")
    for path in (output, output.with_suffix(".json")):
        check_output(path, source, overwrite)


def write_page(html: str, numbers: str, output: Path) -> Path:
    """Write the page, and beside it the numbers as .json; returns the latter's path.

    Both appear complete. Raises MediaError if they cannot be written.
    """
    beside = output.with_suffix(".json")
    texts = {output: html, beside: numbers + "\n"}
    with writing(output), ExitStack() as stack:
        partials = {path: path.with_name(f".{path.name}.part") for path in texts}
        for path, partial in partials.items():
            stack.callback(partial.unlink, missing_ok=True)
            partial.write_text(texts[path], encoding="utf-8")
        for path, partial in partials.items():
            partial.replace(path)
    return beside


def render_template(name: str, **values: Any) -> str:
    """Return one of our templates filled in; ``inline`` in it takes our styles and scripts as they are."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("vfi"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    templates.policies["json.dumps_kwargs"] = {}  # else methods would be sorted by name

    def inline(file: str) -> Markup:
        return Markup(templates.get_template(file).render())

    return templates.get_template(name).render(inline=inline, **values)


@dataclass(frozen=True)
class Chart:
    """Curves drawn into a box of 1000 x 1000 that the page stretches."""

    points: dict[str, str]  # of SVG polylines, by curve
    ticks: list[tuple[str, float]]  # label and share of the height from above


def draw_chart(curves: Mapping[str, Sequence[tuple[float, float]]], among: Sequence[float] = ()) -> Chart:
    """Draw curves, each of (share of the width, value) in order; at least one value in all.

    among: further values that the scale has to hold, so that several charts can share one.

    >>> draw_chart({"a": [(0.0, 0.0), (1.0, 10.0)]}).points
    {'a': '0.0,1000.0 1000.0,0.0'}
    """
    every = [*among, *(value for curve in curves.values() for _, value in curve)]
    ticks = MaxNLocator(nbins=5, min_n_ticks=3).tick_values(min(every), max(every))
    low, high = float(ticks[0]), float(ticks[-1])

    def place(share: float, value: float) -> str:
        return f"{1000 * share:.1f},{1000 * (high - value) / (high - low):.1f}"

    return Chart(
        points={name: " ".join(place(*point) for point in curve) for name, curve in curves.items()},
        ticks=[(f"{tick:.6g}", (high - float(tick)) / (high - low)) for tick in ticks],
    )


def bins(items: Sequence[Any]) -> list[Sequence[Any]]:
    """Divide what there is per frame into runs, each of which gets a point: of one frame while they are few."""
    length = -(-len(items) // POINTS)
    return [items[i : i + length] for i in range(0, len(items), length)]


def small(image: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, ...), reduced to the width of whole frames in a page if it is wider."""
    height, width = image.shape[:2]
    if width <= SMALL:
        return image
    return cv2.resize(image, (SMALL, max(1, round(height * SMALL / width))), interpolation=cv2.INTER_AREA)


def framed(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Return a small copy of a picture (H, W, 3) with a white frame around left, top, width, height."""
    left, top, width, height = box
    whole = image.copy()
    thick = max(2, whole.shape[1] // 200)
    cv2.rectangle(whole, (left, top), (left + width - 1, top + height - 1), (255, 255, 255), thick)
    return small(whole)


def heat(levels: np.ndarray, full: float) -> np.ndarray:
    """Return a map (H, W) as small colours (H, W, 3), from black for 0 to the brightest for ``full`` and more."""
    shares = np.minimum(small(levels).astype(np.float32) * (255 / full), 255)
    return cv2.cvtColor(cv2.applyColorMap(np.rint(shares).astype(np.uint8), cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def picture(image: np.ndarray, suffix: str = ".webp") -> str:
    """Return an image (H, W, 3) uint8 RGB as a data: address, hardly compressed."""
    quality = [cv2.IMWRITE_WEBP_QUALITY, 92] if suffix == ".webp" else []
    data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1]
    return f"data:image/{suffix[1:]};base64,{base64.b64encode(data.tobytes()).decode()}"
