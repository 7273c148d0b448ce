"""Networks beside the classical methods, on the same pairs in turns: how good each is for the time it takes."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from flow.backends import EXPORTED
from flow.by_name import CLASSICAL, Estimate, find_estimator
from flow.datasets import FlowDataset
from flow.dis import dis_flow
from flow.metrics import FlowReport, json_text, mean_report, measure_flow
from flow.side_by_side import side_by_side
from flow.table import table
from flow.trade_off import Point, draw_trade_off

RIVALS: dict[str, Estimate] = {
    "DIS, medium": dis_flow,
    "DIS, stride 2": CLASSICAL["dis"],
    "DIS, filled": CLASSICAL["dis-filled"],
    "Farneback": CLASSICAL["farneback"],
}


@dataclass(frozen=True)
class Row:
    """A method's results."""

    name: str
    parameters: int | None  # 0 of a classical method, None of an exported file, which does not tell
    report: FlowReport
    milliseconds: float  # the median for a pair, frames and flow in the memory of the host


@dataclass(frozen=True)
class Bench:
    """All methods, the fastest first."""

    dataset: str
    pairs: int
    rows: tuple[Row, ...]

    def to_json(self) -> str:
        """Return everything as JSON; null where there are no pixels, or nothing is known."""
        return json_text(asdict(self) | {"rows": {row.name: asdict(row) for row in self.rows}})

    def __str__(self) -> str:
        cells = [("method", "EPE, px", "Fl-all, %", "ms a pair", "parameters")]
        for row in self.rows:
            size = {None: "?", 0: "none"}.get(row.parameters, f"{(row.parameters or 0) / 1e6:.2f} M")
            epe, share = f"{row.report.epe:.3f}", f"{row.report.fl_all:.2f}"
            cells.append((row.name, epe, share, f"{row.milliseconds:.1f}", size))
        return f"{table(cells)}\non {self.pairs} pairs of {self.dataset}"

    def draw(self, path: Path) -> None:
        """Write a picture (.png) of every method's end-point error by its time, the latter on a logarithmic scale."""
        points = [Point(row.name, row.milliseconds, row.report.epe, row.parameters != 0) for row in self.rows]
        title = f"{self.pairs} pairs of {self.dataset}"
        draw_trade_off(
            path,
            points,
            time="milliseconds a pair (median)",
            quality="end-point error, px",
            title=title,
            from_zero=True,
        )


def bench_flow(
    models: Sequence[str],
    dataset: FlowDataset,
    *,
    limit: int = 50,
    device: str = "auto",
    precision: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Bench:
    """Measure models, by the names that `find_estimator` takes, and the classical methods on the same pairs.

    limit: pairs at most, spread evenly. device and precision are those of the networks that can choose; threads are as
    many as each method takes by itself.
    progress is told how many pairs of how many are done. Raises ValueError where a model or a pair cannot be used.
    """
    methods: dict[str, Estimate] = dict(RIVALS)
    sizes: dict[str, int | None] = dict.fromkeys(RIVALS, 0)
    for name in models:
        methods[name], sizes[name] = _load(name, device, precision)
    count = min(limit, len(dataset))
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    reports: dict[str, list[FlowReport]] = {name: [] for name in methods}
    for done, (sample, answers) in enumerate(side_by_side(methods, dataset, count), 1):
        for name, answer in answers[0].items():
            seconds[name].append(answer.seconds)
            reports[name].append(measure_flow(answer.flow, sample.flow, sample.valid))
        if progress:
            progress(done, count)
    rows = [
        Row(name, sizes[name], mean_report(reports[name]), 1000 * statistics.median(seconds[name])) for name in methods
    ]
    return Bench(dataset.name, count, tuple(sorted(rows, key=lambda row: row.milliseconds)))


def _load(name: str, device: str, precision: str) -> tuple[Estimate, int | None]:
    """Return an estimator and the number of its parameters."""
    chosen = name not in CLASSICAL and Path(name).suffix.lower() not in EXPORTED
    estimate, _ = find_estimator(name, device if chosen else "auto", precision if chosen else "auto")
    if not chosen:
        return estimate, 0 if name in CLASSICAL else None
    return estimate, sum(weights.numel() for weights in estimate.model.parameters())  # type: ignore[attr-defined]
