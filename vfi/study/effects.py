"""What the runs of a study say of the effects that losses and optimisers are known for.

Runs are compared in pairs that differ in one thing only. Every figure in a sentence is computed from the runs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean

from vfi.study.results import Finding, Measured, Run, Verdict

VISIBLE = 0.5  # levels by which every other frame may be brighter or darker before it is seen to flicker
SAME = (0.02, 0.0005)  # dB of PSNR and SSIM; less is within chance

Pairs = list[tuple[Run, Run]]


def find_effects(runs: Sequence[Run], references: Mapping[str, Measured]) -> tuple[Finding, ...]:
    """Return a finding for every effect that these runs can show or refute.

    references: by name what the runs are measured against, the plain ``blend`` that each run begins with among them.
    """
    found = [
        _darkening(_pairs(runs, "optimizer", "sgd", "adam")),
        _adam(_pairs(runs, "optimizer", "adam", "sgd")),
        _own_measure(_pairs(runs, "loss", "ssim", "mse")),
        _same_aim(_pairs(runs, "loss", "psnr", "mse")),
        _fusion(_pairs(runs, "fusion", "encoder", "decoder")),
        _brightness(runs),
        _one_film(runs, references),
    ]
    return tuple(finding for finding in found if finding is not None)


def _pairs(runs: Sequence[Run], field: str, one: str, other: str) -> Pairs:
    """Return the pairs of runs that differ in nothing but a field of their variants."""
    return list(_matches(runs, field, one, other))


def _matches(runs: Sequence[Run], field: str, one: str, other: str) -> Iterator[tuple[Run, Run]]:
    for first in runs:
        for second in runs:
            a, b = vars(first.variant), vars(second.variant)
            if (a[field], b[field]) == (one, other) and {**a, field: other} == b:
                yield first, second


def _mean(pairs: Pairs, value: Callable[[Measured], float], place: int) -> float:
    return fmean(value(pair[place].measured) for pair in pairs)


def _psnr(measured: Measured) -> float:
    return measured.report.psnr


def _ssim(measured: Measured) -> float:
    return measured.report.ssim


def _luma(measured: Measured) -> float:
    return measured.luma_error


def _gain(pairs: Pairs, value: Callable[[Measured], float]) -> float:
    return _mean(pairs, value, 0) - _mean(pairs, value, 1)


def _wins(pairs: Pairs, value: Callable[[Measured], float]) -> int:
    """Return in how many pairs the first run has more."""
    return sum(value(one.measured) > value(other.measured) for one, other in pairs)


def _better(pairs: Pairs) -> Verdict:
    """Tell whether the first runs have more PSNR, on average and in more than half of the pairs."""
    more = _gain(pairs, _psnr) > SAME[0] and 2 * _wins(pairs, _psnr) > len(pairs)
    return "shown" if more else "refuted"


def _often(count: int, pairs: Pairs) -> str:
    return f"in {count} of {len(pairs)} pair{'s' * (len(pairs) > 1)}"


def _darkening(pairs: Pairs) -> Finding | None:
    if not pairs:
        return None
    sgd, adam = (_mean(pairs, _luma, place) for place in (0, 1))
    darker = _wins([(adam, sgd) for sgd, adam in pairs], _luma)
    return Finding(
        "SGD darkens the picture",
        "refuted" if sgd >= min(0, adam) else "too small to see" if sgd > -VISIBLE else "shown",
        f"The mean luma of new frames is off by {sgd:+.3f} levels of 255 after SGD and by {adam:+.3f} after Adam; SGD's"
        f" are the darker ones {_often(darker, pairs)}.",
    )


def _adam(pairs: Pairs) -> Finding | None:
    if not pairs:
        return None
    psnr, ssim = _gain(pairs, _psnr), _gain(pairs, _ssim)
    return Finding(
        "Adam gets further than SGD with the same budget",
        _better(pairs),
        f"Adam's frames have {psnr:+.2f} dB of PSNR and {ssim:+.4f} of SSIM against SGD's, and the higher PSNR"
        f" {_often(_wins(pairs, _psnr), pairs)}, each at the best of the rates that were tried.",
    )


def _own_measure(pairs: Pairs) -> Finding | None:
    if not pairs:
        return None
    psnr, ssim = _gain(pairs, _psnr), _gain(pairs, _ssim)
    luma = [fmean(abs(_luma(pair[place].measured)) for pair in pairs) for place in (0, 1)]
    won = [name for name, gain, same in (("SSIM", ssim, SAME[1]), ("PSNR", -psnr, SAME[0])) if gain > same]
    says = {
        ("SSIM", "PSNR"): "each loss wins at the measure that it aims at",
        ("SSIM",): "SSIM wins at its own measure and loses nothing that counts at the other",
        ("PSNR",): "MSE wins at PSNR, and SSIM gains nothing that counts at its own measure",
        (): "neither gains at the measure that it aims at",
    }[tuple(won)]
    return Finding(
        "SSIM as a loss buys structure with PSNR, and MSE the other way round",
        "shown" if len(won) == 2 else "refuted",
        f"After SSIM frames have {ssim:+.4f} of SSIM and {psnr:+.2f} dB of PSNR against those after MSE: {says}. Their"
        f" mean luma is off by {luma[0]:.3f} levels after SSIM and by {luma[1]:.3f} after MSE.",
    )


def _same_aim(pairs: Pairs) -> Finding | None:
    if not pairs:
        return None
    by_optimizer = {
        name: [pair for pair in pairs if pair[0].variant.optimizer == name]
        for name in dict.fromkeys(one.variant.optimizer for one, _ in pairs)
    }
    gains = {name: _gain(some, _psnr) for name, some in by_optimizer.items()}
    says = " and ".join(f"{gain:+.2f} dB by {_upper(name)}" for name, gain in gains.items())
    rates = "; ".join(
        f"{_upper(name)} chose the rates {_rates(some, 0)} for PSNR, {_rates(some, 1)} for MSE"
        for name, some in by_optimizer.items()
    )
    return Finding(
        "PSNR as a loss, which is MSE's logarithm, leads elsewhere than MSE",
        "shown" if any(abs(gain) > 5 * SAME[0] for gain in gains.values()) else "refuted",
        f"After PSNR as the loss the PSNR of new frames differs from that after MSE by {says}. {rates}.",
    )


def _upper(name: str) -> str:
    return "SGD" if name == "sgd" else name.capitalize()


def _rates(pairs: Pairs, place: int) -> str:
    return " and ".join(f"{rate:g}" for rate in sorted({pair[place].rate for pair in pairs}))


def _fusion(pairs: Pairs) -> Finding | None:
    if not pairs:
        return None
    psnr, ssim = _gain(pairs, _psnr), _gain(pairs, _ssim)
    pace = fmean((two.seconds / two.steps) / (one.seconds / one.steps) for one, two in pairs)
    return Finding(
        "Frames that meet within the encoder are fused better than after the decoder",
        _better(pairs),
        f"Within the encoder they have {psnr:+.2f} dB of PSNR and {ssim:+.4f} of SSIM, and the higher PSNR"
        f" {_often(_wins(pairs, _psnr), pairs)}; after the decoder, where the network sees each frame alone, a step"
        f" takes {pace:.1f} times as long.",
    )


def _brightness(runs: Sequence[Run]) -> Finding | None:
    if not runs:
        return None
    steps = {run: run.measured.report.luma_step for run in runs}
    worst = max(runs, key=lambda run: abs(steps[run]))
    # Where the film itself grows brighter or darker for a frame, the true ones are off, too.
    off = [run for run in runs if min(abs(steps[run]), abs(_luma(run.measured))) >= VISIBLE]
    true = steps[worst] - _luma(worst.measured)
    return Finding(
        "Whatever the loss, new frames are as bright as their neighbours, to half a level",
        "refuted" if off else "shown",
        f"Over all runs they are brighter or darker than their neighbours by {fmean(map(abs, steps.values())):.3f}"
        f" levels on average; furthest off is {worst.variant} with {steps[worst]:+.3f}, where the true frames have"
        f" {true:+.3f}; {len(off)} of {len(runs)} runs are half a level off or more, against the true frames as well.",
    )


def _one_film(runs: Sequence[Run], references: Mapping[str, Measured]) -> Finding | None:
    if not runs or "blend" not in references:
        return None
    best = max(runs, key=lambda run: _psnr(run.measured))
    gain = _psnr(best.measured) - _psnr(references["blend"])
    others = "".join(
        f"; {name}, trained on many films, has {_psnr(measured) - _psnr(best.measured):+.2f} dB against this run"
        for name, measured in references.items()
        if name != "blend"
    )
    return Finding(
        "A small network that learns this film alone beats the plain blend that it begins with",
        "shown" if gain > SAME[0] else "refuted",
        f"The best run, {best.variant}, gains {gain:+.2f} dB on the blend{others}.",
    )
