"""A bench as tables of text and as a picture."""

from collections.abc import Sequence
from pathlib import Path

from flow.table import table
from flow.trade_off import Point, draw_trade_off
from vfi.bench import YARDSTICK, Bench, Ratio
from vfi.choices import UNTRAINED
from vfi.minterpolate import MODES
from vfi.trial import FACTOR


def describe(found: Bench) -> str:
    """Return a table of the figures, one of the stages, and what they depend on."""
    clip, cpu = found.clip, found.machine.cpu
    rate = "variable rate" if clip.rate is None else f"{float(clip.rate):.6g} fps"
    rounds = len(next(iter(found.methods.values())).rounds)
    lines = [
        table(_figures(found)),
        "",
        table(_stages(found)),
        "",
        f"{clip.name}: {clip.width}x{clip.height}, {rate}, {clip.frames} frames of {clip.codec}, {FACTOR}x;"
        f" {rounds} round{'s' if rounds > 1 else ''} in turns; seconds are for each frame added",
        f"{cpu.name}, {cpu.cores} cores, {cpu.threads} for PyTorch; models on {_device(found)}{_precisions(found)}",
    ]
    trial = next((method.staged for name, method in found.methods.items() if name not in MODES), None)
    if trial is not None and trial.made < trial.added - 1:  # the last frame of the source is held
        lines.append(
            f"Models made {trial.made} of {trial.added} frames; the others repeat one, at cuts or in still scenes."
        )
    if found.load is not None and found.load > cpu.cores / 2:
        lines.append(
            f"The machine was busy with other work before (load {found.load:.1f}): go by the ratios of CPU seconds."
        )
    return "\n".join(lines)


def draw(found: Bench, path: Path) -> None:
    """Write a picture (.png) of every method's PSNR by its time."""
    points = [
        Point(name, method.seconds_per_frame, method.psnr, name not in (*UNTRAINED, *MODES))
        for name, method in found.methods.items()
    ]
    title = f"{found.clip.name}, {found.clip.width}x{found.clip.height}, {_device(found)}"
    draw_trade_off(path, points, time="seconds for a new frame, file to file", quality="PSNR, dB", title=title)


def _device(found: Bench) -> str:
    return next((gpu.name for gpu in found.machine.gpus if gpu.device == found.device), found.device)


def _precisions(found: Bench) -> str:
    """Return what computed the networks, and in which precision."""
    used: dict[str, list[str]] = {}
    for name, method in found.methods.items():
        if name not in (*UNTRAINED, *MODES):
            used.setdefault(f"by {method.staged.backend} in {method.staged.precision}", []).append(name)
    return "".join(f"; {', '.join(names)} {how}" for how, names in used.items())


def _figures(found: Bench) -> Sequence[Sequence[str]]:
    methods = found.methods.values()
    columns = {
        "method": list(found.methods),
        "seconds": [f"{method.seconds_per_frame:.3f}" for method in methods],
        f"x {YARDSTICK}": [_spread(method.ratio) for method in methods],
        "CPU s": [f"{method.cpu_seconds_per_frame:.3f}" for method in methods],
        "x its CPU s": [_spread(method.cpu_ratio) for method in methods],
        "frames/s": [f"{method.frames_per_second:.2f}" for method in methods],
        "PSNR, dB": [f"{method.psnr:.2f}" for method in methods],
        "start, s": [f"{method.startup:.1f}" for method in methods],
        "MiB": [_mebibytes(method.peak) for method in methods],
        "GPU MiB": [_mebibytes(method.gpu_peak) for method in methods],
    }
    return list(zip(*([name, *cells] for name, cells in columns.items() if any(cells)), strict=True))


def _spread(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio.median:.2f}" + (f" ({ratio.least:.2f}..{ratio.most:.2f})" if ratio.least < ratio.most else "")


def _mebibytes(count: int | None) -> str:
    return "" if count is None else f"{count / 2**20:.0f}"


def _stages(found: Bench) -> Sequence[Sequence[str]]:
    shares = [method.shares for method in found.methods.values()]
    stages = [stage for stage in shares[0] if any(share[stage] for share in shares)]
    return [["% of the time", *found.methods]] + [
        [stage, *(f"{100 * share[stage]:.0f}" if share[stage] else "" for share in shares)] for stage in stages
    ]
