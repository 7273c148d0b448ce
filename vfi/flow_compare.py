"""Compare files of optical flow with the truth, one by one or a folder by its names."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flow.files import FLOW_SUFFIXES, read_flow
from flow.metrics import FlowReport, error_picture, json_text, mean_report, measure_flow
from vfi.media.errors import MediaError
from vfi.media.images import write_image
from vfi.outputs import make_folder, refuse_existing


@dataclass(frozen=True)
class Comparison:
    """How far estimates are from their truths."""

    reports: dict[str, FlowReport]  # by name
    mean: FlowReport  # over all pixels of all files

    def to_json(self) -> str:
        """Return the mean, and under "files" each report, as JSON; null where there are no pixels."""
        files = {name: dataclasses.asdict(report) for name, report in self.reports.items()}
        return json_text({**dataclasses.asdict(self.mean), "files": files})

    def __str__(self) -> str:
        several = len(self.reports) > 1
        lines = [f"{name}: {_in_words(report)}" for name, report in self.reports.items()] if several else []
        lines.append(f"mean of {len(self.reports)} files: {_in_words(self.mean)}" if several else _in_words(self.mean))
        bands = {"below 10 px": self.mean.s0_10, "10 to 40 px": self.mean.s10_40, "40 px or more": self.mean.s40_plus}
        lines += [
            f"  true motion {name}: {f'EPE {band.epe:.3f} px over {band.pixels} pixels' if band.pixels else 'none'}"
            for name, band in bands.items()
        ]
        return "\n".join(lines)


def compare_flow(estimate: Path, truth: Path, picture: Path | None = None, *, overwrite: bool = False) -> Comparison:
    """Return how far an estimate is from the truth: two files, or two folders whose files have the same names.

    Names are compared without their endings, so that a .flo may be measured by a .png, and folders with all that is
    below them. An estimate without a truth is left out, a truth without an estimate is an error. ``picture`` is the
    file, or for folders the folder, of the pictures of the error (`flow.metrics.error_picture`). Raises FlowFileError,
    MediaError or ValueError if files cannot be read, do not fit each other, or the picture cannot be written.
    """
    pairs = _pairs(estimate, truth)
    pictures: dict[str, Path] = {}
    if picture is not None:
        pictures = {name: picture / f"{name}.png" for name in pairs} if truth.is_dir() else {next(iter(pairs)): picture}
        for file in pictures.values():
            refuse_existing(file, overwrite)
    reports = {}
    for name, (mine, true) in pairs.items():
        (flow, known), (true_flow, valid) = read_flow(mine), read_flow(true)
        flow[~known] = np.nan  # else what the estimate does not know would count as standing still
        try:
            reports[name] = measure_flow(flow, true_flow, valid)
        except ValueError as error:
            raise MediaError(f"{mine}: {error}") from error
        if name in pictures:
            make_folder(pictures[name].parent)
            write_image(pictures[name], error_picture(flow, true_flow, valid))
    return Comparison(reports, mean_report(reports.values()))


def _pairs(estimate: Path, truth: Path) -> dict[str, tuple[Path, Path]]:
    """Return by name the estimate and the truth."""
    for path in (estimate, truth):
        if not path.exists():
            raise MediaError(f"{path} does not exist: check the name")
    if estimate.is_dir() != truth.is_dir():
        raise MediaError(f"one of {estimate} and {truth} is a file and the other a folder: name two of a kind")
    if not truth.is_dir():
        return {truth.stem: (estimate, truth)}
    mine, true = _flow_files(estimate), _flow_files(truth)
    missing = [name for name in true if name not in mine]
    if missing:
        raise MediaError(
            f"{estimate} has no flow called {missing[0]}, one of {len(missing)} that {truth} has and it lacks: estimate"
            " them, or compare with a folder of fewer"
        )
    pairs = {}
    for name, files in true.items():
        alike = [file for file in mine[name] if file.suffix == files[0].suffix]
        chosen = alike or mine[name]
        for found in (files, chosen):
            if len(found) > 1:
                raise MediaError(f"{found[0]} and {found[1].name} have one name: leave one of them in the folder")
        pairs[name] = chosen[0], files[0]
    return pairs


def _flow_files(folder: Path) -> dict[str, list[Path]]:
    """Return by name the files of flow in a folder and below; a .png counts as flow only if nothing else is there."""
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in FLOW_SUFFIXES and f.is_file())
    files = [file for file in files if file.suffix.lower() != ".png"] or files
    if not files:
        raise MediaError(f"{folder} holds no flow ({', '.join(FLOW_SUFFIXES)}): name a folder that does")
    found: dict[str, list[Path]] = {}
    for file in files:
        found.setdefault(file.relative_to(folder).with_suffix("").as_posix(), []).append(file)
    return found


def _in_words(report: FlowReport) -> str:
    return (
        f"EPE {report.epe:.3f} px, Fl-all {report.fl_all:.2f} %, off by more than 1 px {report.over_1px:.2f} %,"
        f" 3 px {report.over_3px:.2f} %, 5 px {report.over_5px:.2f} % of {report.pixels} pixels"
    )
