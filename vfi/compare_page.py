"""A comparison as one HTML page that needs nothing else: pictures, curves and videos are in it."""

import base64
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np

from flow.color import LEAST_SCALE, color_legend, flow_to_color
from vfi.compare import DIGITS, Comparison
from vfi.metrics import psnr
from vfi.page import Chart, bins, draw_chart, framed, heat, picture, render_template, small
from vfi.preview import KILOBITS, SECONDS, WIDTH
from vfi.worst import FULL_ERROR, WorstFrame, error

LABELS = {"psnr": "PSNR, dB", "ssim": "SSIM", "ie": "IE, levels", "luma_step": "Luma step, levels"}
HELP = {
    "psnr": "Peak signal-to-noise ratio; higher is better.",
    "ssim": "Structural similarity; higher is better, 1 is equal.",
    "ie": "Interpolation error: mean absolute difference in 8-bit levels; lower is better.",
    "luma_step": "How much brighter a made frame is than its neighbours, in 8-bit levels; away from 0 it flickers.",
}


def render(comparison: Comparison) -> str:
    """Return the page as HTML."""
    names = [method.name for method in comparison.methods]
    curves = {score: _curves(comparison, score) for score in DIGITS}
    return render_template(
        "compare.html",
        comparison=comparison,
        color={name: f"var(--series-{i % 8})" for i, name in enumerate(names)},
        labels=LABELS,
        digits=DIGITS,
        help=HELP,
        best={score: _best(comparison, score) for score in DIGITS},
        charts={score: _chart(curves[score]) for score in DIGITS},
        worst=[_worst(frame, names) for frame in comparison.worst],
        legend=picture(color_legend(101), ".png"),
        full_error=FULL_ERROR,
        preview=f"the first {SECONDS} seconds at most, up to {WIDTH} pixels wide and {KILOBITS / 1000:g} Mbit/s",
        films={name: base64.b64encode(film).decode() for name, film in comparison.previews.items()},
        data={
            "scores": {
                score: {name: [round(value, DIGITS[score]) for value in curve] for name, curve in curves[score].items()}
                for score in DIGITS
            },
            "means": {score: {method.name: method.mean(score) for method in comparison.methods} for score in DIGITS},
            "digits": DIGITS,
            "frames": [[run[0].index, float(run[0].time)] for run in bins(comparison.frames)],
            "start": float(comparison.start),
            "rate": float(comparison.rate or 25),  # for steps from frame to frame only
        },
    )


def _best(comparison: Comparison, score: str) -> float:
    """Return the best mean as it is shown, so that all who show it share it."""
    means = [round(method.mean(score), DIGITS[score]) for method in comparison.methods]
    return max(means) if score in ("psnr", "ssim") else min(means)


def _curves(comparison: Comparison, score: str) -> dict[str, list[float]]:
    return {m.name: [fmean(getattr(s, score) for s in run) for run in bins(m.scores)] for m in comparison.methods}


def _chart(curves: dict[str, list[float]]) -> Chart:
    return draw_chart({n: [((i + 0.5) / len(c), value) for i, value in enumerate(c)] for n, c in curves.items()})


def _worst(frame: WorstFrame, names: Sequence[str]) -> dict[str, Any]:
    """Return the pictures of a frame: whole, and by method the crop, the error and the flow."""
    left, top, width, height = box = frame.box(names[0])

    # One scale for all methods, so that their flows can be compared; not a few stray pixels' speed.
    speeds = (np.percentile(np.hypot(flow[..., 0], flow[..., 1]), 99) for flow in frame.flows.values())
    fastest = max([LEAST_SCALE, *map(float, speeds)])

    def crop(image: np.ndarray) -> str:
        return picture(image[top : top + height, left : left + width])

    return {
        "frame": frame,
        "whole": picture(framed(frame.true, box)),
        "true": crop(frame.true),
        "crops": {name: crop(frame.made[name]) for name in names},
        "errors": {name: picture(heat(error(frame.made[name], frame.true), FULL_ERROR)) for name in names},
        "flows": {name: picture(small(flow_to_color(f, max_flow=fastest))) for name, f in frame.flows.items()},
        "fastest": fastest,
        "psnr": {name: psnr(frame.made[name], frame.true) for name in names},
    }
