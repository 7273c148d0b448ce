"""A part of a film: asked for in seconds, found as pictures and as places on the file's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vfi.media.errors import MediaError, WishError
from vfi.media.timeline import Timeline


@dataclass(frozen=True)
class Excerpt:
    """What is read of a film; all but ``offset`` on the file's own clock, in seconds."""

    timeline: Timeline  # of its pictures
    first: int  # pictures of the film before it
    origin: Fraction  # its own time 0
    end: Fraction | None  # what begins here or later is no longer of it; None: it ends with the file
    offset: Fraction  # seconds from the film's start to the origin

    def middle(self, seconds: Fraction) -> Part:
        """Return the part of so many seconds from a picture near the middle on, all of it if it is no longer."""
        film = self.timeline
        spare = max(film.duration - seconds, Fraction(0))
        first = min(film.number_at(film.start + spare / 2), film.frames - 1)
        start = film.pictures(first, film.frames).start
        return Part(start - self.origin + self.offset, start - self.origin + self.offset + min(seconds, film.duration))


@dataclass(frozen=True)
class Part:
    """Which frames of a film are taken: those from ``start`` on and before ``end``, in seconds; None for all.

    Raises MediaError if it ends before it starts.
    """

    start: Fraction | None = None
    end: Fraction | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise WishError(
                f"the part ends at {float(self.end):g} s but starts at {float(self.start):g} s: put the end behind it"
            )

    def __str__(self) -> str:
        return (
            f"from {'the start' if self.start is None else self.start} to {'the end' if self.end is None else self.end}"
        )

    def __bool__(self) -> bool:
        return self.start is not None or self.end is not None

    def of(self, film: Timeline, start: Fraction, path: Path) -> Excerpt:
        """Return the part of a film that starts at ``start`` on its own clock; ``path`` is what errors call it.

        The excerpt begins with its first picture and lasts to the end of its last one, so that all that goes with
        them stays with them; where the film's first or last picture is in it, it reaches to the time asked for.
        Raises MediaError if a part holds fewer than two pictures.
        """
        first = 0 if self.start is None else film.number_at(start + self.start)
        beyond = film.frames if self.end is None else film.number_at(start + self.end)
        if self and beyond - first < 2:  # a whole film may be short
            some, begins = ("a single frame" if beyond - first == 1 else "no frame"), film.start - start
            raise MediaError(
                f"{path} has {some} in the part asked for, and two are needed; it lasts from {float(begins):g} to"
                f" {float(begins + film.duration):g} s: change the start or the end"
            )
        pictures = film.pictures(first, beyond)
        origin = pictures.start if first else start + (self.start or 0)
        end = None if self.end is None else pictures.end
        if end is not None and self.end is not None and beyond == film.frames:
            end = max(end, start + self.end)
        return Excerpt(pictures, first, origin, end, origin - start)
