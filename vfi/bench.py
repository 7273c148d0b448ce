"""The speed of the whole program, from file to file, of several methods in turns on one film.

Every run is an upsampling as a user would start it, in a process of its own. The methods take turns, round by round, so
that whatever else the machine does hits them alike. Seconds depend on it, ratios of them less, ratios of CPU seconds
hardly.
"""

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.metadata import version
from itertools import tee
from operator import attrgetter
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

import av

from flow.device import choose_device, choose_precision
from flow.metrics import json_text
from vfi.compare import find_remake
from vfi.devices import Devices, find_devices
from vfi.isolate import isolated
from vfi.media import MediaError, VideoReader
from vfi.media.head import write_head
from vfi.metrics import psnr
from vfi.minterpolate import MODES, VARIES
from vfi.models import load_model
from vfi.outputs import video_name
from vfi.remake import Gap, Remake
from vfi.trial import FACTOR, Job, Trial, run
from vfi.triplets import Triplets
from vfi.triplets.film import open_film

YARDSTICK = "minterpolate"


@dataclass(frozen=True)
class Clip:
    """What was upsampled."""

    name: str
    width: int  # pixels
    height: int
    codec: str
    pix_fmt: str
    rate: Fraction | None  # frames per second, None if variable
    frames: int


@dataclass(frozen=True)
class Ratio:
    """How many times what the yardstick took in the same round."""

    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Method:
    """What was measured of a method, medians over the rounds; per frame is per frame added to those of the source."""

    seconds_per_frame: float
    ratio: Ratio | None  # of the seconds; None without the yardstick
    cpu_seconds_per_frame: float  # of all cores
    cpu_ratio: Ratio | None
    frames_per_second: float  # written, added or not
    psnr: float  # dB, mean over every other frame of the clip, dropped and made again
    startup: float  # seconds from the start of the process to the first added frame
    peak: int | None  # bytes of memory at most, in any round; None where the system does not tell
    gpu_peak: int | None  # None without a GPU
    rounds: tuple[Trial, ...]
    staged: Trial  # a run of its own, with the stages timed

    @property
    def shares(self) -> dict[str, float]:
        """The part of each stage in the time; the rest looks for cuts, and holds the stages together."""
        shares = {stage: seconds / self.staged.seconds for stage, seconds in self.staged.stages.items()}
        return {**shares, "the rest": 1 - sum(shares.values())}


@dataclass(frozen=True)
class Bench:
    """All methods, and all that their figures depend on."""

    clip: Clip
    machine: Devices
    load: float | None  # processes that wanted a core in the minute before, on average; None if unknown
    device: str  # of the models
    versions: dict[str, str]
    methods: dict[str, Method]  # as asked for

    def to_json(self) -> str:
        """Return everything as a JSON object; the clip's rate as an exact fraction."""
        rate = None if self.clip.rate is None else str(self.clip.rate)
        return json_text(asdict(self) | {"clip": asdict(self.clip) | {"rate": rate}})


def bench(
    source: Path,
    names: Sequence[str],
    *,
    seconds: Fraction | None = None,
    rounds: int = 3,
    device: str = "auto",
    precision: str = "auto",
    progress: Callable[[int, int | None], None] | None = None,
) -> Bench:
    """Upsample a film twofold by each method, ``rounds`` times in turns, into temporary files, and measure them.

    names: models, as `Interpolator.load` takes them, and minterpolate's modes; seconds: how much of the film, None for
    all; progress is told how many runs of how many are done. A script that calls this needs the usual
    ``if __name__ == "__main__"``. Raises ValueError where a name, a device or a number will not do, and MediaError if
    the film cannot be read, has fewer than three frames, or its copies cannot be written.
    """
    if rounds < 1:
        raise ValueError(f"there would be {rounds} rounds: measure one or more")
    if len(set(names)) < len(names):
        raise ValueError(f"a method is named twice in {','.join(names)}: name each once")
    for name in set(names).difference(MODES):
        load_model(name, besides=MODES)
    place = choose_device(device)
    if precision != "int8":
        choose_precision(precision, place)  # which refuses one that is unknown
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with TemporaryDirectory(prefix="vfi_bench_") as folder:
        film = source if seconds is None else _head(source, seconds, Path(folder))
        output = Path(folder) / video_name(source, "2x")
        with VideoReader(film) as reader:
            info, codec, rate = reader.info, reader.stream.codec_context.name, reader.rate
            clip = Clip(source.name, info.width, info.height, codec, info.pix_fmt, rate, reader.timeline.frames)
        if rate is None and not MODES.keys().isdisjoint(names):
            raise MediaError(VARIES)
        triplets = open_film(film, FACTOR)
        remakes = {name: find_remake(name, info, device, precision) for name in names}
        done, total = 0, len(names) * (rounds + 2)

        def note() -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, total)

        def attempt(name: str, staged: bool = False) -> Trial:
            job = Job(film, output, name, device, precision, time.monotonic(), staged)
            [trial] = isolated(run, iter([job]))
            output.unlink()
            note()
            return trial

        # First, so that the film and the program are in the system's cache for the rounds.
        staged = {name: attempt(name, staged=True) for name in names}
        turns = [{name: attempt(name) for name in names} for _ in range(rounds)]
        quality = {}
        for name, remake in remakes.items():
            quality[name] = _psnr(remake, triplets)
            note()
    return Bench(
        clip=clip,
        machine=find_devices(),
        load=load,
        device=str(place),
        versions=_versions(),
        methods={name: _method(name, turns, staged[name], quality[name]) for name in names},
    )


def _head(source: Path, seconds: Fraction, folder: Path) -> Path:
    head = folder / video_name(source, "head")
    if write_head(source, head, seconds) <= FACTOR:
        raise MediaError(f"{source} has fewer than {FACTOR + 1} frames in {float(seconds):g} s: measure more of it")
    return head


def _psnr(remake: Remake, triplets: Triplets) -> float:
    asked, known = tee(triplets)
    gaps = (Gap(triplet.before, triplet.after, (triplet.time,)) for triplet in asked)
    with closing(isolated(remake, gaps)) as answers:
        return fmean(psnr(made.images[0], triplet.middle) for triplet, made in zip(known, answers, strict=True))


def _method(name: str, turns: Sequence[Mapping[str, Trial]], staged: Trial, psnr: float) -> Method:
    rounds = tuple(turn[name] for turn in turns)
    return Method(
        seconds_per_frame=median(trial.seconds_per_frame for trial in rounds),
        ratio=_ratio(name, turns, attrgetter("seconds_per_frame")),
        cpu_seconds_per_frame=median(trial.cpu_seconds_per_frame for trial in rounds),
        cpu_ratio=_ratio(name, turns, attrgetter("cpu_seconds_per_frame")),
        frames_per_second=median(trial.frames / trial.seconds for trial in rounds),
        psnr=psnr,
        startup=median(trial.startup for trial in rounds),
        peak=max((trial.peak for trial in rounds if trial.peak is not None), default=None),
        gpu_peak=max((trial.gpu_peak for trial in rounds if trial.gpu_peak is not None), default=None),
        rounds=rounds,
        staged=staged,
    )


def _ratio(name: str, turns: Sequence[Mapping[str, Trial]], figure: Callable[[Trial], float]) -> Ratio | None:
    if YARDSTICK not in turns[0]:
        return None
    ratios = [figure(turn[name]) / figure(turn[YARDSTICK]) for turn in turns]
    return Ratio(median(ratios), min(ratios), max(ratios))


def _versions() -> dict[str, str]:
    libraries = ("vfi", "torch", "av", "numpy", "opencv-python")
    return {"python": platform.python_version(), **{name: version(name) for name in libraries}} | {
        "ffmpeg": av.ffmpeg_version_info
    }
