"""One upsampling from end to end, as a user would run it, with all that is measured of it.

Imports no torch: that of a model is part of what is measured, and other methods do without.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from vfi.minterpolate import MODES, upsample
from vfi.pipeline import upsample as upsample_by_model
from vfi.stages import Stages, watched
from vfi.timing import Factor

FACTOR = 2


@dataclass(frozen=True)
class Job:
    """What to upsample, and by what."""

    source: Path
    output: Path
    method: str  # a model, as `Interpolator.load` takes it, or one of minterpolate's modes
    device: str
    precision: str
    began: float  # when the process was started, by time.monotonic, which is the system's
    staged: bool = False  # whether to time the stages, which slows it down a little


@dataclass(frozen=True)
class Trial:
    """What one upsampling took."""

    frames: int  # written
    added: int  # of these, beyond the source's
    made: int  # of these, interpolated; the others repeat a frame, at cuts, in standing pictures and at the end
    startup: float  # seconds from the start of the process, Python, until the first added frame is with the encoder
    seconds: float  # from opening the source until the output is complete and checked
    cpu_seconds: float  # of all cores in that time
    stages: dict[str, float]  # how many of the seconds, by `STAGES`; empty unless that was asked for
    backend: str | None = None  # what computed the model; None without one
    precision: str | None = None
    peak: int | None = None  # bytes of memory at most, Python and libraries included
    gpu_peak: int | None = None  # bytes of a GPU's memory at most

    @property
    def seconds_per_frame(self) -> float:
        """For each that was added."""
        return self.seconds / self.added

    @property
    def cpu_seconds_per_frame(self) -> float:
        """For each that was added."""
        return self.cpu_seconds / self.added


def run(jobs: Iterator[Job]) -> Iterator[Trial]:
    """Yield what each job took, for a process that is started for it alone; raises what upsampling raises."""
    return map(_try, jobs)


def _try(job: Job) -> Trial:
    model, synchronize, first = None, None, 0.0
    if job.method not in MODES:
        import torch

        from vfi.interpolator import Interpolator

        model = Interpolator.load(job.method, job.device, job.precision)
        if model.device.type == "cuda":
            synchronize = partial(torch.cuda.synchronize, model.device)

    def note(done: int, total: int | None, scene: int = 1) -> None:
        nonlocal first
        if done == FACTOR:
            first = time.monotonic() - job.began

    stages = Stages(synchronize) if job.staged else None
    with watched(stages, model) if stages else nullcontext():
        began, cpu_began = time.perf_counter(), time.process_time()
        if model is None:
            frames_in, frames = upsample(job.source, job.output, FACTOR, job.method, note)
            made = (frames_in - 1) * (FACTOR - 1)
        else:
            summary = upsample_by_model(job.source, job.output, model, Factor(Fraction(FACTOR)), progress=note)
            frames_in, frames, made = summary.frames_in, summary.frames_out, summary.frames_made
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    return Trial(
        frames,
        frames - frames_in,
        made,
        first,
        seconds,
        cpu_seconds,
        stages.seconds if stages else {},
        backend=None if model is None else model.backend,
        precision=None if model is None else model.precision,
    )
