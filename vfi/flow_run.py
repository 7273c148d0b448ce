"""Find the flow of pairs of images and write it, as numbers, as pictures or both."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flow.by_name import Estimate
from flow.color import LEAST_SCALE, add_legend, flow_to_color, largest_motion
from flow.files import known, write_flow
from flow.metrics import occluded
from vfi.flow_inputs import Pair, PairSource, View
from vfi.media.images import write_image
from vfi.outputs import make_folder, refuse_existing, refuse_twins

Progress = Callable[[int, "int | None"], None]
"""Called with the pairs done so far and, if known, the pairs there are."""


@dataclass(frozen=True)
class FlowOutput:
    """What is written of each pair: ``NAME.flo`` and its picture ``NAME_color.png``.

    Both ways, also ``NAME_backward.flo``, its picture, and ``NAME_occluded.png``: white where the first image shows
    what the second hides.
    """

    raw: bool = True
    color: bool = True
    format: str = "flo"  # an ending of `flow.files`, without its dot
    half: bool = False  # a .npz as float16
    both_ways: bool = False
    max_flow: float | None = None  # pixels, the speed of the full colours; None: each field's own fastest
    one_scale: bool = False  # or else the fastest of all the input's fields, which are found twice for it
    legend: bool = False  # the key to the colours beside each picture

    def __post_init__(self) -> None:
        if self.half and self.format != "npz":
            raise ValueError(f"{self.format} cannot hold float16: use --format npz, or leave out --half")
        if self.max_flow is not None and not 0 < self.max_flow < math.inf:
            raise ValueError(f"max_flow is {self.max_flow}: give a speed above 0 in pixels, or leave it out")
        if self.one_scale and self.max_flow is not None:
            raise ValueError("one scale is either found or given: leave out --one-scale or --max-flow")
        if (self.one_scale or self.legend) and not self.color:
            raise ValueError("flow files have no colours to scale or explain: use --output viz or both")

    def files(self, folder: Path, name: str) -> list[Path]:
        """Return the files of a pair."""
        endings = [f".{self.format}"] * self.raw + ["_color.png"] * self.color
        ways = ["", "_backward"] if self.both_ways else [""]
        files = [folder / f"{name}{way}{ending}" for way in ways for ending in endings]
        return files + [folder / f"{name}_occluded.png"] * self.both_ways

    def write(self, folder: Path, name: str, forward: np.ndarray, backward: np.ndarray | None = None) -> None:
        """Write the files of a pair; flows are (H, W, 2) in pixels, ``backward`` is needed for both ways."""
        ways = [("", forward)]
        if self.both_ways:
            assert backward is not None
            ways.append(("_backward", backward))
            mask = np.where(occluded(forward, backward), np.uint8(255), np.uint8(0))
            write_image(folder / f"{name}_occluded.png", np.repeat(mask[..., None], 3, axis=2))
        for way, flow in ways:
            if self.raw:
                write_flow(folder / f"{name}{way}.{self.format}", flow, half=self.half)
            if self.color:
                picture = flow_to_color(flow, max_flow=self.max_flow)
                if self.legend:
                    picture = add_legend(picture, self.max_flow or largest_motion(flow))
                write_image(folder / f"{name}{way}_color.png", picture)


@dataclass(frozen=True)
class FlowSummary:
    """What `run_flow` did."""

    pairs: int
    files: int
    folders: tuple[Path, ...]
    mean_motion: float  # pixels, over all pixels of the forward flows
    largest_motion: float  # pixels
    seconds: float
    notes: tuple[str, ...]  # what the user should know, a sentence each


def flow_folders(sources: Sequence[PairSource], wanted: Path | None) -> list[Path]:
    """Return where each input's flow goes.

    Without a wish, ``STEM_flow`` in the current folder; with one, there, or for several inputs in a folder each below.
    """
    if wanted is None:
        return [Path(f"{source.stem}_flow") for source in sources]
    return [wanted] if len(sources) == 1 else [wanted / source.stem for source in sources]


def run_flow(
    sources: Sequence[PairSource],
    model: Estimate,
    folders: Sequence[Path],
    *,
    output: FlowOutput | None = None,
    view: View | None = None,
    batch: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FlowSummary:
    """Write the flow of every pair of each source into its folder.

    Each file appears whole or not at all; ``batch`` pairs are in memory at a time. Raises MediaError, FlowFileError or
    ValueError, in one sentence, before any work if outputs exist that may not be replaced, as far as their names are
    known, and later where a pair cannot be read or written: what is written then stays.
    """
    output, view = output or FlowOutput(), view or View()
    refuse_twins(folders)
    total: int | None = 0
    for source, folder in zip(sources, folders, strict=True):
        names = source.names()
        total = None if names is None or total is None else total + len(names)
        refuse_twins(folder / name for name in names or ())
        if folder.exists():
            for name in names or ():
                for file in output.files(folder, name):
                    refuse_existing(file, overwrite)
    began, pairs, written, motion, pixels, fastest = time.monotonic(), 0, 0, 0.0, 0, 0.0
    for source, folder in zip(sources, folders, strict=True):
        scaled = output
        if output.one_scale:
            found = _flows(source, model, output, view, batch)
            speeds = (
                largest_motion(flow) for group in found for _, *ways in group for flow in ways if flow is not None
            )
            scaled = replace(output, one_scale=False, max_flow=max(LEAST_SCALE, *speeds))
        for group in _flows(source, model, output, view, batch):
            for pair, _, _ in group:
                for file in output.files(folder, pair.name):
                    refuse_existing(file, overwrite)
            make_folder(folder)
            for pair, there, back in group:
                scaled.write(folder, pair.name, there, back)
                mask = known(there)
                motion += float(np.hypot(there[..., 0], there[..., 1]).sum(where=mask, dtype=np.float64))
                pixels += int(mask.sum())
                fastest = max(fastest, largest_motion(there))
            pairs += len(group)
            written += sum(len(output.files(folder, pair.name)) for pair, _, _ in group)
            if progress is not None:
                progress(pairs, total)
    return FlowSummary(
        pairs=pairs,
        files=written,
        folders=tuple(folders),
        mean_motion=motion / pixels if pixels else 0.0,
        largest_motion=fastest,
        seconds=time.monotonic() - began,
        notes=tuple(note for source in sources for note in source.notes),
    )


def _flows(
    source: PairSource, model: Estimate, output: FlowOutput, view: View, batch: int
) -> Iterator[list[tuple[Pair, np.ndarray, np.ndarray | None]]]:
    """Yield pairs in groups, each with its flows (H, W, 2) there and, where both ways are wanted, back."""
    for group in alike(source.pairs(view), batch):
        first, second = (np.stack([getattr(pair, side) for pair in group]) for side in ("first", "second"))
        forward = model(first, second)
        backward = model(second, first) if output.both_ways else [None] * len(group)
        yield list(zip(group, forward, backward, strict=True))


def alike(pairs: Iterable[Pair], count: int) -> Iterator[list[Pair]]:
    """Yield the pairs in groups of up to ``count``, each of one size of image."""
    group: list[Pair] = []
    for pair in pairs:
        if group and (len(group) == count or pair.first.shape != group[0].first.shape):
            yield group
            group = []
        group.append(pair)
        if len(group) == count:
            yield group
            group = []
    if group:
        yield group
