"""The report of a result as one HTML page that needs nothing else."""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from vfi.page import Chart, bins, draw_chart, framed, picture, render_template
from vfi.report import DoubtfulFrame, ResultFrame, ResultReport

COLORS = {"all": "var(--ink)", "source": "var(--series-0)", "new": "var(--series-1)", "made again": "var(--series-2)"}


def render(report: ResultReport) -> str:
    """Return the page as HTML."""
    new, source = ([frame for frame in report.frames if frame.new is made] for made in (True, False))
    end = float(report.frames[-1].time) or 1.0
    items = report.score.items if report.score is not None else ()
    return render_template(
        "report.html",
        report=report,
        color=COLORS,
        new=len(new),
        seconds=f"{end:.3g}",
        luma=draw_chart({"all": _curve(report.frames, end, lambda frame: frame.luma)}),
        step=draw_chart(
            {name: _curve(frames, end, lambda frame: frame.step) for name, frames in (("source", source), ("new", new))}
        ),
        doubtful=[_pictures(frame) for frame in report.doubtful],
        psnr=_scores([item.psnr for item in items]) if items else None,
    )


def _curve(
    frames: Sequence[ResultFrame], end: float, value: Callable[[ResultFrame], float]
) -> list[tuple[float, float]]:
    return [(float(run[0].time) / end, fmean(map(value, run))) for run in bins(frames)] if frames else []


def _scores(values: Sequence[float]) -> Chart:
    runs = bins(values)
    return draw_chart({"made again": [((i + 0.5) / len(runs), fmean(run)) for i, run in enumerate(runs)]})


def _pictures(frame: DoubtfulFrame) -> dict[str, Any]:
    left, top, width, height = frame.box
    images = {"before": frame.before, "new": frame.new, "after": frame.after}
    return {
        "frame": frame,
        "crops": {n: picture(image[top : top + height, left : left + width]) for n, image in images.items()},
        "whole": picture(framed(frame.new, frame.box)),
    }
