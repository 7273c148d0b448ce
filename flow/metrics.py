"""Measures of optical flow: how far an estimate is from the truth, and where no truth can be found.

Fields are (H, W, 2) in pixels, dx (right) then dy (down); valid is (H, W) bool. Rates are in percent, as in papers.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from flow.files import known

# RdYlBu of ColorBrewer, blue to red: a colour for each doubling of the error, the first five below KITTI's threshold.
_ERROR_COLORS = np.array(
    [
        *([49, 54, 149], [69, 117, 180], [116, 173, 209], [171, 217, 233], [224, 243, 248]),
        *([254, 224, 144], [253, 174, 97], [244, 109, 67], [215, 48, 39], [165, 0, 38]),
    ],
    np.uint8,
)
_ERROR_BOUNDS = 2.0 ** np.arange(-4, 5)  # of the threshold, between one colour and the next
_PIXELS, _SHARE = 3.0, 0.05  # KITTI: an outlier is off by more than 3 px and more than 5 % of the true motion


@dataclass(frozen=True)
class Band:
    """The error among pixels of a range of true speeds."""

    pixels: int
    epe: float  # pixels; NaN without any pixel


@dataclass(frozen=True)
class FlowReport:
    """How far an estimate is from the truth, over the pixels where that is known; NaN where there are none."""

    pixels: int  # known ones, which everything is a mean over
    epe: float  # mean end-point error in pixels
    fl_all: float  # percent off by more than 3 px and more than 5 % of the true motion: KITTI's outliers
    over_1px: float  # percent off by more than 1 px
    over_3px: float
    over_5px: float
    s0_10: Band  # true motion below 10 px: Sintel's bands of speed
    s10_40: Band  # from 10 to below 40 px
    s40_plus: Band  # 40 px or more


def endpoint_error(estimate: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Return the distance of the vectors (H, W) float64 in pixels, NaN where the truth is unknown.

    estimate, truth (H, W, 2), pixels; valid (H, W) bool, where the truth is known. Raises ValueError if the sizes
    differ or the estimate has no finite value where the truth has: leaving such pixels out would flatter it.

    >>> endpoint_error(np.array([[[3., 4.], [1., 1.]]]), np.array([[[0., 0.], [np.nan, 0.]]])).tolist()
    [[5.0, nan]]
    """
    if estimate.shape != truth.shape:
        raise ValueError(
            f"the estimate is {estimate.shape} but the truth is {truth.shape}: bring the flow to one size, its vectors "
            "scaled along with it"
        )
    mask = known(truth, valid)
    missing = int((mask & ~known(estimate)).sum())
    if missing:
        raise ValueError(
            f"the estimate has no finite motion at {missing} pixels where the truth is known: mend it, or leave them "
            "out with valid"
        )
    error = np.full(mask.shape, np.nan)
    difference = estimate[mask].astype(np.float64) - truth[mask]
    error[mask] = np.hypot(difference[:, 0], difference[:, 1])
    return error


def measure_flow(estimate: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None) -> FlowReport:
    """Return the report of one pair of frames.

    estimate, truth (H, W, 2), pixels; valid (H, W) bool. Raises ValueError as `endpoint_error` does. Sources:
    Baker 2011, doi:10.1007/s11263-010-0390-2 (EPE); Menze 2015, doi:10.1109/CVPR.2015.7298925 (Fl-all); Butler 2012,
    doi:10.1007/978-3-642-33783-3_44 (bands of speed).

    >>> truth = np.array([[[0., 0.], [100., 0.]]])
    >>> report = measure_flow(truth + [4., 0.], truth)
    >>> report.epe, report.fl_all, report.over_3px, report.s40_plus
    (4.0, 50.0, 100.0, Band(pixels=1, epe=4.0))
    """
    error = endpoint_error(estimate, truth, valid)
    mask = ~np.isnan(error)
    error, speed = error[mask], _speed(truth[mask])

    def percent(outliers: np.ndarray) -> float:
        return 100 * _mean(outliers)

    def band(lowest: float, highest: float) -> Band:
        inside = error[(speed >= lowest) & (speed < highest)]
        return Band(inside.size, _mean(inside))

    return FlowReport(
        pixels=error.size,
        epe=_mean(error),
        fl_all=percent((error > _PIXELS) & (error > _SHARE * speed)),
        over_1px=percent(error > 1),
        over_3px=percent(error > 3),
        over_5px=percent(error > 5),
        s0_10=band(0, 10),
        s10_40=band(10, 40),
        s40_plus=band(40, math.inf),
    )


def mean_report(reports: Iterable[FlowReport]) -> FlowReport:
    """Return the report of many pairs as if they were one: every known pixel counts the same.

    Each band is weighted by its own pixels. Raises ValueError if there are no reports.

    >>> truth = np.zeros((1, 2, 2))
    >>> pairs = measure_flow(truth + 3, truth), measure_flow(truth, truth, np.array([[True, False]]))
    >>> mean_report(pairs).pixels, round(mean_report(pairs).epe, 3)
    (3, 2.828)
    """
    reports = list(reports)
    if not reports:
        raise ValueError("there are no reports to take the mean of: measure one pair or more")

    def band(name: str) -> Band:
        bands: list[Band] = [getattr(report, name) for report in reports]
        return Band(sum(b.pixels for b in bands), _weighted((b.epe, b.pixels) for b in bands))

    def mean(name: str) -> float:
        return _weighted((getattr(report, name), report.pixels) for report in reports)

    return FlowReport(
        pixels=sum(report.pixels for report in reports),
        epe=mean("epe"),
        fl_all=mean("fl_all"),
        over_1px=mean("over_1px"),
        over_3px=mean("over_3px"),
        over_5px=mean("over_5px"),
        s0_10=band("s0_10"),
        s10_40=band("s10_40"),
        s40_plus=band("s40_plus"),
    )


def json_text(values: dict[str, Any]) -> str:
    """Return values as JSON, with null where one is NaN, for which it has no word.

    >>> print(json_text({"pixels": 0, "epe": math.nan}))
    {
      "pixels": 0,
      "epe": null
    }
    """

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        return None if isinstance(value, float) and math.isnan(value) else value

    return json.dumps(plain(values), indent=2)


def error_picture(estimate: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 RGB of where the estimate is wrong: blue is right, red an outlier of Fl-all.

    estimate, truth (H, W, 2), pixels; valid (H, W) bool; unknown pixels are black. The colour tells the error in
    units of KITTI's threshold, the larger of 3 px and 5 % of the true motion: dark blue up to 1/16 of it, then a
    paler blue for each doubling up to 1, from there yellow, orange and reds, the darkest beyond 16. Raises ValueError
    as `endpoint_error` does. Source: Menze 2015, doi:10.1109/CVPR.2015.7298925, and its development kit.

    >>> truth = np.zeros((1, 2, 2))
    >>> error_picture(truth + [[[0., 0.], [5., 0.]]], truth).tolist()
    [[[49, 54, 149], [254, 224, 144]]]
    """
    error = endpoint_error(estimate, truth, valid)
    mask = ~np.isnan(error)
    relative = error[mask] / np.maximum(_PIXELS, _SHARE * _speed(truth[mask]))
    picture = np.zeros((*mask.shape, 3), np.uint8)
    picture[mask] = _ERROR_COLORS[np.searchsorted(_ERROR_BOUNDS, relative)]
    return picture


def occluded(forward: np.ndarray, backward: np.ndarray, *, share: float = 0.01, pixels: float = 0.5) -> np.ndarray:
    """Return where the first frame shows what the second hides, (H, W) bool, by following the motion there and back.

    forward, backward (H, W, 2), pixels: from the first frame to the second, and from the second to the first. A pixel
    is occluded if the way back b, looked up bilinearly where the way there f ends, does not lead home:
    ``|f + b|^2 > share * (|f|^2 + |b|^2) + pixels``, the last in square pixels. So is one that leaves the frame, and
    one whose motion is unknown. Raises ValueError if the sizes differ. Source: Sundaram 2010,
    doi:10.1007/978-3-642-15549-9_32.

    >>> forward = np.zeros((1, 4, 2))
    >>> forward[..., 0] = 1
    >>> occluded(forward, -forward).tolist()
    [[False, False, False, True]]
    """
    if forward.shape != backward.shape:
        raise ValueError(f"the flows are {forward.shape} and {backward.shape}: bring them to one size")
    # torch takes a second to import, and of all measures only this one needs it.
    import torch

    from flow.warp import backward_warp

    mask = known(forward)
    f = np.where(mask[..., None], forward, 0).astype(np.float32)
    b = np.where(known(backward)[..., None], backward, np.nan).astype(np.float32)
    there, back = (torch.from_numpy(flow).permute(2, 0, 1)[None] for flow in (f, b))
    back_there = backward_warp(back, there)[0].permute(1, 2, 0).numpy()
    height, width = mask.shape
    x, y = np.arange(width) + f[..., 0], np.arange(height)[:, None] + f[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    home = _squared(f + back_there) <= share * (_squared(f) + _squared(back_there)) + pixels  # false for NaN
    return ~(mask & inside & home)


def _speed(motion: np.ndarray) -> np.ndarray:
    return np.hypot(motion[..., 0], motion[..., 1], dtype=np.float64)


def _squared(motion: np.ndarray) -> np.ndarray:
    return motion[..., 0] ** 2 + motion[..., 1] ** 2


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else math.nan


def _weighted(values: Iterable[tuple[float, int]]) -> float:
    counted = [(value, pixels) for value, pixels in values if pixels]  # NaN stands for no pixels
    total = sum(pixels for _, pixels in counted)
    return math.fsum(value * pixels for value, pixels in counted) / total if total else math.nan
