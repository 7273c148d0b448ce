"""How large and how long a visitor's files may be, told before any work."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vfi.media import MediaError, VideoReader
from vfi.timing import Factor, TargetRate, Timing

FASTEST = 1000  # frames per second that may be asked for
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?|\d{1,8}/[1-9]\d{0,7}")  # short: a Fraction of 1e999999999 takes hours


@dataclass(frozen=True)
class Limits:
    """The largest file in bytes and the longest film in seconds."""

    bytes: int = 500_000_000
    seconds: int = 600

    def check_file(self, path: Path) -> None:
        """Raise MediaError if the file is gone or too large."""
        if not path.is_file():
            raise MediaError(f"{path} has been cleaned away: upload it again")
        size = path.stat().st_size
        if size > self.bytes:
            raise MediaError(f"{path} has {size / 1e6:.1f} MB and the limit here is {self.bytes / 1e6:g} MB: cut it")

    def check_film(self, path: Path) -> str:
        """Return what a film is like, in a line; raises MediaError if it is too large, too long, or no whole video."""
        self.check_file(path)
        with VideoReader(path) as reader:
            seconds, times = float(reader.duration), reader.timeline
            if seconds > self.seconds:
                raise MediaError(f"{path} lasts {seconds:.1f} s and the limit here is {self.seconds} s: cut it")
            rate = "variable rate" if times.rate is None else f"{float(times.rate):.6g} fps"
            width, height = reader.size
            return f"{path.name}: {width}x{height}, {rate}, {times.frames} frames, {seconds:.3f} s"


def parse_timing(factor: str, fps: str | None) -> Timing:
    """Return the timing for a factor such as 2 or, if it is given, a rate such as 60 or 60000/1001.

    Raises ValueError if the rate is no number or beyond `FASTEST`.

    >>> parse_timing("2", " "), parse_timing("2", "60000/1001")
    (Factor(factor=Fraction(2, 1)), TargetRate(target=Fraction(60000, 1001)))
    """
    if not (fps or "").strip():
        return Factor(Fraction(factor))
    text = (fps or "").strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is no frame rate: write a number such as 60 or 60000/1001")
    if Fraction(text) > FASTEST:
        raise ValueError(f"{text} frames per second are too many: {FASTEST} are the most")
    return TargetRate(Fraction(text))
