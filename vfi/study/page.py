"""A study as one HTML page that needs nothing else: findings, scores, curves and pictures are in it."""

from collections.abc import Sequence
from typing import Any

from vfi.page import Chart, draw_chart, framed, heat, picture, render_template
from vfi.study.results import Check, Pictured, Run, Study
from vfi.worst import FULL_ERROR, error, worst_part

LABELS = {"psnr": "PSNR, dB", "ssim": "SSIM", "luma_error": "Luma error, levels"}


def render(study: Study) -> str:
    """Return the page as HTML."""
    losses = list(dict.fromkeys(run.variant.loss for run in study.runs))
    groups = list(dict.fromkeys((run.variant.optimizer, run.variant.fusion) for run in study.runs))
    reports = [run.measured.report for run in study.runs]
    return render_template(
        "study.html",
        study=study,
        labels=LABELS,
        color={loss: f"var(--series-{i % 8})" for i, loss in enumerate(losses)},
        best={
            "psnr": f"{max(report.psnr for report in reports):.2f}",
            "ssim": f"{max(report.ssim for report in reports):.4f}",
            "ie": f"{min(report.ie for report in reports):.2f}",
        },
        charts={score: {group: _chart(study.runs, group, score) for group in groups} for score in LABELS},
        pictures=[_pictures(one) for one in study.pictures],
        full_error=FULL_ERROR,
    )


def _chart(runs: Sequence[Run], group: tuple[str, str], score: str) -> Chart:
    """Draw the curves of a group, by loss, on the scale of all runs."""

    def curve(checks: Sequence[Check]) -> list[tuple[float, float]]:
        return [(check.along, getattr(check, score)) for check in checks]

    every = [value for run in runs for _, value in curve(run.curve)]
    shown = {run.variant.loss: curve(run.curve) for run in runs if (run.variant.optimizer, run.variant.fusion) == group}
    return draw_chart(shown, among=every)


def _pictures(shown: Pictured) -> dict[str, Any]:
    """Return the crops of a frame where the blend errs most, and the errors of the whole, by what made it."""
    box, _ = worst_part(error(shown.made["blend"], shown.true))
    left, top, width, height = box
    crops = {name: image[top : top + height, left : left + width] for name, image in shown.made.items()}
    return {
        "name": shown.name,
        "true": picture(shown.true[top : top + height, left : left + width]),
        "whole": picture(framed(shown.true, box)),
        "crops": {name: picture(crop) for name, crop in crops.items()},
        "errors": {name: picture(heat(error(image, shown.true), FULL_ERROR)) for name, image in shown.made.items()},
    }
