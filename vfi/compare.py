"""Methods side by side on a film of one's own: frames are dropped, remade by each method, and compared."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from functools import partial
from itertools import tee
from pathlib import Path
from statistics import fmean, median

import numpy as np

from flow.metrics import json_text
from flow.table import table
from vfi.isolate import isolated
from vfi.media import MediaError, Part, VideoReader
from vfi.media.images import eight_bit, upright
from vfi.media.info import VideoInfo
from vfi.metrics import interpolation_error, luma_step, psnr, ssim
from vfi.minterpolate import MODES, PIX_FMTS, minterpolate
from vfi.preview import Preview
from vfi.remake import Gap, Made, Remake, by_model
from vfi.worst import Worst, WorstFrame

WORST, WORST_DISTANCE = 4, Fraction(1, 4)  # frames shown, and seconds between any two of them


@dataclass(frozen=True)
class FrameScore:
    """How close one made frame came to the true one, both 8-bit RGB."""

    psnr: float  # dB, 100 at most
    ssim: float  # 1 at most
    ie: float  # mean absolute error in 8-bit levels
    luma_step: float  # how much brighter it is than its neighbours, in 8-bit levels: it would flicker


@dataclass(frozen=True)
class MethodScore:
    """How a method did; scores in the order of `Comparison.frames`."""

    name: str
    scores: tuple[FrameScore, ...]
    ms_per_frame: float  # the median
    peak: int | None  # bytes of memory at most, None if unknown
    gpu_peak: int | None

    def mean(self, score: str) -> float:
        """Return the mean over all frames of a `FrameScore`'s field; of the luma step, that of its size."""
        values = [getattr(frame, score) for frame in self.scores]
        return fmean(map(abs, values) if score == "luma_step" else values)


@dataclass(frozen=True)
class DroppedFrame:
    """A frame that was remade."""

    index: int  # in the film, from 0
    time: Fraction  # seconds


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that a report shows."""

    source: Path
    size: tuple[int, int]  # width, height, as shown
    rate: Fraction | None  # frames per second, None if variable
    factor: int
    start: Fraction  # seconds, of the first frame of what is compared
    frames: tuple[DroppedFrame, ...]
    methods: tuple[MethodScore, ...]  # as asked for
    worst: tuple[WorstFrame, ...]  # by the first method's PSNR, the worst first
    previews: dict[str, bytes]  # MP4 files by method, and the true film's under ""

    @property
    def ranking(self) -> list[MethodScore]:
        """The methods, the highest PSNR first."""
        return sorted(self.methods, key=lambda method: -method.mean("psnr"))

    def to_json(self) -> str:
        """Return all numbers as a JSON object; times as exact fractions of a second."""
        return json_text(
            {
                "source": self.source.name,
                "width": self.size[0],
                "height": self.size[1],
                "rate": None if self.rate is None else str(self.rate),
                "factor": self.factor,
                "frames": [{"index": frame.index, "time": str(frame.time)} for frame in self.frames],
                "worst": [frame.index for frame in self.worst],
                "methods": {
                    method.name: {
                        **{field.name: method.mean(field.name) for field in fields(FrameScore)},
                        "ms_per_frame": method.ms_per_frame,
                        "peak_bytes": method.peak,
                        "gpu_peak_bytes": method.gpu_peak,
                        "frames": [asdict(score) for score in method.scores],
                    }
                    for method in self.methods
                },
            }
        )

    def __str__(self) -> str:
        """Return a table, the best method first."""
        cells = [("method", "PSNR, dB", "SSIM", "IE", "luma step", "ms a frame", "MiB")]
        for method in self.ranking:
            peak = "?" if method.peak is None else f"{method.peak / 2**20:.0f}"
            scores = (f"{method.mean(name):.{digits}f}" for name, digits in DIGITS.items())
            cells.append((method.name, *scores, f"{method.ms_per_frame:.0f}", peak))  # type: ignore[arg-type]
        return f"{table(cells)}\nover {len(self.frames)} frames of {self.source.name}"


DIGITS = {"psnr": 2, "ssim": 4, "ie": 2, "luma_step": 3}  # that scores are shown with


def compare_models(
    source: Path,
    names: Sequence[str],
    *,
    factor: int = 2,
    part: Part | None = None,
    device: str = "auto",
    precision: str = "auto",
    progress: Callable[[int, int | None], None] | None = None,
) -> Comparison:
    """Compare models, by the names that `Interpolator.load` takes, and the modes of FFmpeg's minterpolate.

    Each runs in a process of its own, one at a time, so that neither time nor memory is another's; a script that calls
    this needs the usual ``if __name__ == "__main__"``. Otherwise as `compare`; a name twice is a ValueError too.
    """
    from vfi.interpolator import Interpolator

    if len(set(names)) < len(names):
        raise ValueError(f"a method is named twice in {','.join(names)}: name each once")
    with VideoReader(source) as reader:
        info = reader.info
    methods = {name: partial(isolated, find_remake(name, info, device, precision)) for name in names}
    found = compare(source, methods, factor=factor, part=part, progress=progress)
    for name in names:
        if name in MODES:
            continue
        model = Interpolator.load(name, device, precision)
        for frame in found.worst:
            flow = model.motion(frame.before, frame.after, frame.within)
            if flow is not None:
                frame.flows[name] = flow
    return found


def find_remake(name: str, info: VideoInfo, device: str, precision: str) -> Remake:
    """Return what remakes frames of such a film: a model by its name, or one of minterpolate's modes."""
    if name not in MODES:
        return partial(by_model, name, device, precision)
    layout = next((fmt for fmt in PIX_FMTS if info.pix_fmt.replace("j", "").startswith(fmt)), "yuv444p")
    return partial(minterpolate, layout, info.color, name)


def compare(
    source: Path,
    methods: Mapping[str, Remake],
    *,
    factor: int = 2,
    part: Part | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Comparison:
    """Keep every ``factor``-th frame of a film, have each method remake the others, and compare them with the true.

    Pictures are 8-bit RGB, upright. The film, or the part of it, goes by once: beside a few frames, a few
    pictures of the worst and ten seconds of preview, only scores are held. progress is told how many frames are
    remade, and of how many if that is known. Raises MediaError if the video cannot be read or has too few frames, and
    ValueError for a factor below 2, no methods, and what the methods raise.
    """
    if factor < 2:
        raise ValueError(f"the factor is {factor}: give 2 or more, to drop a frame or more between any two")
    if not methods:
        raise ValueError("there is no method to compare: name one or more")
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(source, part))
        total = None
        if reader.frame_count is not None:
            total = (reader.frame_count - 1) // factor * (factor - 1)
        known, *copies = tee(_gaps(reader, factor), 1 + len(methods))
        answers = [
            stack.enter_context(closing(remake(gap.asked for gap in copy)))
            for remake, copy in zip(methods.values(), copies, strict=True)
        ]
        shown = reader.info.upright
        record = _Record(list(methods), shown.pixel_aspect)
        for gap, *made in zip(known, *answers, strict=True):
            record.take(gap, dict(zip(methods, made, strict=True)))
            if progress is not None:
                progress(len(record.frames), total)
        if not record.frames:
            raise MediaError(
                f"{source} has fewer than {factor + 1} frames{' in the part asked for' if part else ''}:"
                " give more of it, or a lower factor"
            )
        return Comparison(
            source=source,
            size=(shown.width, shown.height),
            rate=reader.rate,
            factor=factor,
            start=record.start,
            frames=tuple(record.frames),
            methods=tuple(record.scored(name) for name in methods),
            worst=tuple(record.worst.frames),
            previews={name: preview.finish() for name, preview in record.previews.items()},
        )


@dataclass(frozen=True, eq=False)
class _KnownGap:
    """A gap, and the frames that were dropped in it."""

    asked: Gap
    start: Fraction  # seconds, of the frame before
    end: Fraction  # and of the one after
    dropped: tuple[tuple[DroppedFrame, np.ndarray], ...]


def _gaps(reader: VideoReader, factor: int) -> Iterator[_KnownGap]:
    held: list[tuple[DroppedFrame, np.ndarray]] = []
    for index, frame in enumerate(reader, reader.excerpt.first):
        dropped = DroppedFrame(index, frame.time + reader.excerpt.offset)
        held.append((dropped, upright(eight_bit(frame.rgb), reader.info.rotation)))
        if len(held) > factor:
            (first, before), (last, after) = held[0], held[-1]
            span = last.time - first.time
            times = tuple((known.time - first.time) / span for known, _ in held[1:-1])
            yield _KnownGap(Gap(before, after, times, span), first.time, last.time, tuple(held[1:-1]))
            held = held[-1:]


class _Record:
    """What is kept of the frames while they go by."""

    def __init__(self, names: Sequence[str], aspect: Fraction | None) -> None:
        self.start = Fraction(0)
        self.frames: list[DroppedFrame] = []
        self.worst = Worst[WorstFrame](WORST, WORST_DISTANCE)
        self.previews: dict[str, Preview] = {}
        self._names, self._aspect = names, aspect
        self._scores: dict[str, list[FrameScore]] = {name: [] for name in names}
        self._seconds: dict[str, list[float]] = {name: [] for name in names}
        self._peaks: dict[str, tuple[int | None, int | None]] = {}

    def take(self, gap: _KnownGap, answers: Mapping[str, Made]) -> None:
        """Score what the methods made in a gap."""
        if not self.frames:
            self.start = gap.start
        for place, (frame, true) in enumerate(gap.dropped):
            made = {name: answers[name].images[place] for name in self._names}
            self.frames.append(frame)
            for name, image in made.items():
                step = luma_step(image, gap.asked.before, gap.asked.after, gap.asked.times[place])
                self._scores[name].append(
                    FrameScore(psnr(image, true), ssim(image, true), interpolation_error(image, true), step)
                )
            badness = -self._scores[self._names[0]][-1].psnr
            if self.worst.wants(frame.time, badness):
                within = gap.asked.times[place]
                self.worst.keep(
                    WorstFrame(frame.index, frame.time, badness, within, gap.asked.before, gap.asked.after, true, made)
                )
        for name, answer in answers.items():
            self._seconds[name].append(answer.seconds / len(gap.dropped))
            self._peaks[name] = answer.peak, answer.gpu_peak
        true_images = [image for _, image in gap.dropped]
        for name, images in {"": true_images, **{name: answers[name].images for name in self._names}}.items():
            self._show(name, gap, images)

    def _show(self, name: str, gap: _KnownGap, between: Sequence[np.ndarray]) -> None:
        if name not in self.previews:
            height, width = gap.asked.before.shape[:2]
            self.previews[name] = Preview(width, height, self._aspect)
            self.previews[name].write(gap.asked.before, gap.start)
        for (frame, _), image in zip(gap.dropped, between, strict=True):
            self.previews[name].write(image, frame.time)
        self.previews[name].write(gap.asked.after, gap.end)

    def scored(self, name: str) -> MethodScore:
        peak, gpu_peak = self._peaks[name]
        return MethodScore(name, tuple(self._scores[name]), 1000 * median(self._seconds[name]), peak, gpu_peak)
