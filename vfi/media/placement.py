"""Where the times of a source come to lie in the output: a part of it may be taken, and played slower."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

Audio = Literal["stretch", "mute", "drop"]


@dataclass(frozen=True)
class SlowMotion:
    """How a film is played slower.

    speed: times its own, above 0 and below 1; audio: its sound is made longer at its pitch ("stretch"), becomes silence
    ("mute") or is left out ("drop"). Raises ValueError for anything else.
    """

    speed: Fraction
    audio: Audio = "stretch"

    def __post_init__(self) -> None:
        if not 0 < self.speed < 1:
            raise ValueError(
                f"the speed is {self.speed}: slow motion needs one above 0 and below 1, such as 1/4; for more frames at"
                " the film's own speed there is vfi upsample"
            )
        if self.audio not in get_args(Audio):
            raise ValueError(f"there is no way {self.audio!r} to treat sound: use {', '.join(get_args(Audio))}")


@dataclass(frozen=True)
class Placement:
    """What of a source goes to the output, and when.

    >>> Placement(Fraction(10), Fraction(5), True, Fraction(1, 2)).ticks(12_000, Fraction(1, 1000))
    4000
    """

    origin: Fraction  # seconds on the source's clock: what becomes 0
    length: Fraction | None = None  # seconds of the source from there on; None: all that is left
    cut: bool = False  # whether there is anything before it, to be left out
    speed: Fraction = Fraction(1)  # times the source's

    def since(self, stamp: int, time_base: Fraction) -> Fraction:
        """Return the seconds of the source from the origin to a stamp."""
        return stamp * time_base - self.origin

    def ticks(self, stamp: int, time_base: Fraction) -> int:
        """Return the stamp in the output that a stamp of the source becomes, in the same unit."""
        return round((stamp - round(self.origin / time_base)) / self.speed)
