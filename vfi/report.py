"""A comparison as one HTML page that needs nothing else: pictures, curves and videos are in it."""

import base64
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2
import jinja2
import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from flow.color import LEAST_SCALE, color_legend, flow_to_color
from vfi.compare import DIGITS, Comparison
from vfi.media.errors import MediaError, writing
from vfi.media.writer import check_output
from vfi.metrics import psnr
from vfi.preview import KILOBITS, SECONDS, WIDTH
from vfi.worst import WorstFrame, error

POINTS = 2000  # of a curve at most; of a longer film a point is the mean of several frames
MAP_WIDTH = 320  # pixels, of pictures of whole frames
FULL_ERROR = 32  # levels at which the map of errors is brightest
LABELS = {"psnr": "PSNR, dB", "ssim": "SSIM", "ie": "IE, levels", "luma_step": "Luma step, levels"}
HELP = {
    "psnr": "Peak signal-to-noise ratio; higher is better.",
    "ssim": "Structural similarity; higher is better, 1 is equal.",
    "ie": "Interpolation error: mean absolute difference in 8-bit levels; lower is better.",
    "luma_step": "How much brighter a made frame is than its neighbours, in 8-bit levels; away from 0 it flickers.",
}


def check_report(output: Path, source: Path, overwrite: bool) -> None:
    """Raise MediaError if a report of ``source`` may not or cannot be written there; a cheap test before any work."""
    if output.suffix.lower() not in (".html", ".htm"):
        raise MediaError(f"{output} does not end in .html: choose such a name, the numbers go beside it as .json")
    for path in (output, output.with_suffix(".json")):
        check_output(path, source, overwrite)


def write_report(comparison: Comparison, output: Path) -> Path:
    """Write the page, and beside it the numbers as .json; returns the latter's path.

    Both appear complete. Raises MediaError if they cannot be written.
    """
    numbers = output.with_suffix(".json")
    texts = {output: render(comparison), numbers: comparison.to_json() + "\n"}
    with writing(output), ExitStack() as stack:
        partials = {path: path.with_name(f".{path.name}.part") for path in texts}
        for path, partial in partials.items():
            stack.callback(partial.unlink, missing_ok=True)
            partial.write_text(texts[path], encoding="utf-8")
        for path, partial in partials.items():
            partial.replace(path)
    return numbers


def render(comparison: Comparison) -> str:
    """Return the page as HTML."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("vfi"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    templates.policies["json.dumps_kwargs"] = {}  # else methods would be sorted by name
    names = [method.name for method in comparison.methods]
    charts = [_chart(comparison, score) for score in DIGITS]
    return templates.get_template("report.html").render(
        comparison=comparison,
        color={name: f"var(--series-{i % 8})" for i, name in enumerate(names)},
        labels=LABELS,
        digits=DIGITS,
        help=HELP,
        best={score: _best(comparison, score) for score in DIGITS},
        charts=charts,
        worst=[_worst(frame, names) for frame in comparison.worst],
        legend=picture(color_legend(101), ".png"),
        full_error=FULL_ERROR,
        preview=f"the first {SECONDS} seconds at most, up to {WIDTH} pixels wide and {KILOBITS / 1000:g} Mbit/s",
        films={name: base64.b64encode(film).decode() for name, film in comparison.previews.items()},
        data={
            "scores": {chart.score: chart.values for chart in charts},
            "means": {score: {method.name: method.mean(score) for method in comparison.methods} for score in DIGITS},
            "digits": DIGITS,
            "frames": [[frame.index, float(frame.time)] for frame in _thinned(comparison.frames)],
            "start": float(comparison.start),
            "rate": float(comparison.rate or 25),  # for steps from frame to frame only
        },
        style=_inline(templates, "report.css"),
        script=_inline(templates, "report.js"),
    )


def _inline(templates: jinja2.Environment, name: str) -> Markup:
    """Return our own style or script, in which nothing is to be escaped."""
    return Markup(templates.get_template(name).render())


def _best(comparison: Comparison, score: str) -> float:
    """Return the best mean as it is shown, so that all who show it share it."""
    means = [round(method.mean(score), DIGITS[score]) for method in comparison.methods]
    return max(means) if score in ("psnr", "ssim") else min(means)


@dataclass(frozen=True)
class Chart:
    """Curves of one score, drawn into a box of 1000 x 1000 that the page stretches."""

    score: str
    values: dict[str, list[float]]  # by method
    points: dict[str, str]  # of SVG polylines
    ticks: list[tuple[str, float]]  # label and share of the height from above


def _chart(comparison: Comparison, score: str) -> Chart:
    values = {m.name: [fmean(getattr(s, score) for s in bin) for bin in _bins(m.scores)] for m in comparison.methods}
    every = [value for curve in values.values() for value in curve]
    ticks = MaxNLocator(nbins=5, min_n_ticks=3).tick_values(min(every), max(every))
    low, high = float(ticks[0]), float(ticks[-1])
    count = len(_bins(comparison.frames))

    def point(i: int, value: float) -> str:
        return f"{1000 * (i + 0.5) / count:.1f},{1000 * (high - value) / (high - low):.1f}"

    return Chart(
        score=score,
        values={name: [round(value, DIGITS[score]) for value in curve] for name, curve in values.items()},
        points={name: " ".join(point(i, value) for i, value in enumerate(curve)) for name, curve in values.items()},
        ticks=[(f"{tick:.6g}", (high - float(tick)) / (high - low)) for tick in ticks],
    )


def _bins(items: Sequence[Any]) -> list[Sequence[Any]]:
    """Divide what there is per frame into runs, each of which gets a point: of one frame while they are few."""
    length = -(-len(items) // POINTS)
    return [items[i : i + length] for i in range(0, len(items), length)]


def _thinned(items: Sequence[Any]) -> list[Any]:
    return [run[0] for run in _bins(items)]


def _worst(frame: WorstFrame, names: Sequence[str]) -> dict[str, Any]:
    """Return the pictures of a frame: whole, and by method the crop, the error and the flow."""
    left, top, width, height = frame.box(names[0])
    whole = frame.true.copy()
    thick = max(2, whole.shape[1] // 200)
    cv2.rectangle(whole, (left, top), (left + width - 1, top + height - 1), (255, 255, 255), thick)

    # One scale for all methods, so that their flows can be compared; not a few stray pixels' speed.
    speeds = (np.percentile(np.hypot(flow[..., 0], flow[..., 1]), 99) for flow in frame.flows.values())
    fastest = max([LEAST_SCALE, *map(float, speeds)])

    def crop(image: np.ndarray) -> str:
        return picture(image[top : top + height, left : left + width])

    return {
        "frame": frame,
        "whole": picture(_small(whole)),
        "true": crop(frame.true),
        "crops": {name: crop(frame.made[name]) for name in names},
        "errors": {name: picture(_error_map(frame.made[name], frame.true)) for name in names},
        "flows": {name: picture(_small(flow_to_color(f, max_flow=fastest))) for name, f in frame.flows.items()},
        "fastest": fastest,
        "psnr": {name: psnr(frame.made[name], frame.true) for name in names},
    }


def _error_map(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    levels = np.minimum(_small(error(made, true)).astype(np.float32) * (255 / FULL_ERROR), 255)
    return cv2.cvtColor(cv2.applyColorMap(np.rint(levels).astype(np.uint8), cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def _small(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    if width <= MAP_WIDTH:
        return image
    return cv2.resize(image, (MAP_WIDTH, max(1, round(height * MAP_WIDTH / width))), interpolation=cv2.INTER_AREA)


def picture(image: np.ndarray, suffix: str = ".webp") -> str:
    """Return an image (H, W, 3) uint8 RGB as a data: address, hardly compressed."""
    quality = [cv2.IMWRITE_WEBP_QUALITY, 92] if suffix == ".webp" else []
    data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1]
    return f"data:image/{suffix[1:]};base64,{base64.b64encode(data.tobytes()).decode()}"
