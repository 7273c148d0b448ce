"""What happens between a film's frames: motion, a cut, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Literal, get_args

from vfi.choices import Course, check_course
from vfi.cuts import REACH, THRESHOLD, with_cuts
from vfi.held import alike, unlike
from vfi.media import Frame

Cuts = Literal["hold", "blend", "off"]
Held = Literal["keep", "repair"]

_LONGEST = 5  # showings of one picture that may be animation on fives; a picture shown more often stands still
_SETTLING = 32  # every so many frames, what `spans` knows depends no more on what was long before,
_CALM = 12  # if in so many frames nothing changed much: more than `_LONGEST`, so that the picture stands still


@dataclass(frozen=True)
class Content:
    """How the content of a film decides on its new frames.

    cuts: new frames in the gap of a cut hold the nearer frame ("hold") or blend the two ("blend"); "off" looks for no
    cuts; cut_threshold: percent, see `vfi.cuts`; held: frames that repeat the one before stay as they are ("keep"), or
    runs of up to four of them are made anew as motion ("repair"); course: see `Course`. Raises ValueError for anything
    else.
    """

    cuts: Cuts = "hold"
    cut_threshold: float = THRESHOLD
    held: Held = "keep"
    course: Course = "curved"

    def __post_init__(self) -> None:
        if self.cuts not in get_args(Cuts):
            raise ValueError(f"there is no way {self.cuts!r} to treat cuts: use {', '.join(get_args(Cuts))}")
        if self.held not in get_args(Held):
            raise ValueError(f"there is no way {self.held!r} to treat held frames: use {' or '.join(get_args(Held))}")
        check_course(self.course)
        if not 0 < self.cut_threshold <= 100:
            raise ValueError(f"the cut threshold is {self.cut_threshold:g}: it is a percentage above 0, up to 100")


@dataclass(frozen=True)
class Span:
    """From a frame that stays to the next one that does."""

    kind: Literal["motion", "still", "cut", "end"]
    frames: tuple[Frame, ...]  # the two, and between them those to make anew; at the end the last one alone
    number: int  # of the first of them in the film, from 0

    @property
    def gaps(self) -> range:
        """The gaps of the film that it covers; each has the number of the frame before it."""
        return range(self.number, self.number + max(1, len(self.frames) - 1))

    def repeats(self, gap: int) -> bool:
        """Tell whether the frame after a gap repeats the first of the span."""
        return self.kind == "still" or gap < self.gaps[-1]


def spans(frames: Iterable[Frame], content: Content, number: int = 0) -> Iterator[Span]:
    """Yield what lies between the frames, from the first to the last; frames are read at most seven ahead.

    ``number`` is that of the first frame in the film, from 0. What follows frame n comes out the same whether the
    frames begin with the film or with frame ``settled_from(n)``.
    """
    run: list[Frame] = []  # the showings of one picture that have not gone out: at least the latest
    first: Frame | None = None  # that picture; later ones are compared with it, so that slow change adds up
    still = False  # whether it stays as it is
    calm, previous = 0, None  # how many frames in a row hardly differ from the one before
    if content.cuts == "off":
        judged = ((frame, False) for frame in frames)
    else:
        judged = ((frame, cut is not None) for frame, cut in with_cuts(frames, content.cut_threshold))
    for at, (frame, cut) in enumerate(judged, number):
        calm = 0 if cut or previous is None or unlike(previous, frame) else calm + 1
        previous = frame
        if first is not None and not cut and alike(first, frame):
            run.append(frame)
            # A picture may stand still for an hour: now and then it is taken for a new one, whatever came before.
            settles = calm >= _CALM and at % _SETTLING == 0
            still = still or settles or len(run) > _LONGEST
            if still:
                yield from _stills(run, at)
                run = [frame]
            if settles:
                first = frame
            continue
        if cut:  # nothing leads from this picture to the next one, so that its repeats stay
            yield from _stills(run, at - 1)
            yield Span("cut", (run[-1], frame), at - 1)
        elif run:
            yield Span("motion", (*run, frame), at - len(run))
        run, first = [frame], frame
        still = content.held == "keep" or (calm >= _CALM and at % _SETTLING == 0)
    if run:
        yield from _stills(run, at)
        yield Span("end", (run[-1],), at)


def settled_from(number: int) -> int:
    """Return from which frame on a film must be seen to tell what leads to frame ``number``, and all that follows.

    It comes out as if all had been seen. Either a frame in the run-up to the last settling differs so much from the one
    before that any run of repeats ends there, or none does, and a new one begins at the settling. The first cuts found
    may be none: too little is known.
    """
    return max(0, (number - _LONGEST) // _SETTLING * _SETTLING - _CALM + 1 - REACH)


def looped_spans(frames: Iterable[Frame], content: Content, end: Fraction | None = None) -> Iterator[Span]:
    """Yield what lies between the frames of a loop: the last span leads to the first frame, shown again at its end.

    end: seconds; None for where the last frame's duration reaches.
    """
    return (span for span in spans(_closed(frames, end), content) if span.kind != "end")


def _closed(frames: Iterable[Frame], end: Fraction | None) -> Iterator[Frame]:
    first = last = None
    for frame in frames:
        first, last = first or frame, frame
        yield frame
    if first is not None and last is not None:
        over = last.time + last.duration if end is None else end
        yield replace(first.again(over), duration=Fraction(0))


def _stills(run: list[Frame], last: int) -> Iterator[Span]:
    """Yield the spans of a run that stays as it is; ``last`` is the number of its last frame."""
    return (Span("still", pair, last - len(run) + i) for i, pair in enumerate(pairwise(run), 1))
