"""What happens between a film's frames: motion, a cut, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from vfi.cuts import THRESHOLD, with_cuts
from vfi.held import alike
from vfi.media import Frame

Cuts = Literal["hold", "blend", "off"]
Held = Literal["keep", "repair"]

_LONGEST = 5  # showings of one picture that may be animation on fives; a picture shown more often stands still


@dataclass(frozen=True)
class Content:
    """How the content of a film decides on its new frames.

    cuts: new frames in the gap of a cut hold the nearer frame ("hold") or blend the two ("blend"); "off" looks for no
    cuts; cut_threshold: percent, see `vfi.cuts`; held: frames that repeat the one before stay as they are ("keep"), or
    runs of up to four of them are made anew as motion ("repair"). Raises ValueError for anything else.
    """

    cuts: Cuts = "hold"
    cut_threshold: float = THRESHOLD
    held: Held = "keep"

    def __post_init__(self) -> None:
        if self.cuts not in get_args(Cuts):
            raise ValueError(f"there is no way {self.cuts!r} to treat cuts: use {', '.join(get_args(Cuts))}")
        if self.held not in get_args(Held):
            raise ValueError(f"there is no way {self.held!r} to treat held frames: use {' or '.join(get_args(Held))}")
        if not 0 < self.cut_threshold <= 100:
            raise ValueError(f"the cut threshold is {self.cut_threshold:g}: it is a percentage above 0, up to 100")


@dataclass(frozen=True)
class Span:
    """From a frame that stays to the next one that does."""

    kind: Literal["motion", "still", "cut", "end"]
    frames: tuple[Frame, ...]  # the two, and between them those to make anew; at the end the last one alone

    @property
    def held(self) -> int:
        """How many frames of the span repeat its first."""
        return 1 if self.kind == "still" else max(0, len(self.frames) - 2)


def spans(frames: Iterable[Frame], content: Content) -> Iterator[Span]:
    """Yield what lies between the frames, from the first to the last; frames are read at most seven ahead."""
    run: list[Frame] = []  # the showings of one picture that have not gone out: at least the latest
    first: Frame | None = None  # that picture; later ones are compared with it, so that slow change adds up
    still = False  # whether it stays as it is
    if content.cuts == "off":
        judged = ((frame, False) for frame in frames)
    else:
        judged = ((frame, cut is not None) for frame, cut in with_cuts(frames, content.cut_threshold))
    for frame, cut in judged:
        if first is not None and not cut and alike(first, frame):
            run.append(frame)
            still = still or len(run) > _LONGEST
            if still:
                yield from _stills(run)
                run = [frame]
            continue
        if cut:  # nothing leads from this picture to the next one, so that its repeats stay
            yield from _stills(run)
            yield Span("cut", (run[-1], frame))
        elif run:
            yield Span("motion", (*run, frame))
        run, first, still = [frame], frame, content.held == "keep"
    yield from _stills(run)
    if run:
        yield Span("end", (run[-1],))


def _stills(run: list[Frame]) -> Iterator[Span]:
    return (Span("still", pair) for pair in pairwise(run))
