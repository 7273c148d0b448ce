"""What `vfi.upsample` would do with a file, told without decoding it."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vfi.media import CONTAINERS, Encoding
from vfi.media.animation import ANIMATIONS
from vfi.media.animation_writer import check_rate
from vfi.media.companions import Fate, fate
from vfi.media.encoding import choose_encoder
from vfi.media.errors import reading
from vfi.media.open import check_sink, is_pictures
from vfi.media.probe import Probe
from vfi.media.streams import label, made_anew
from vfi.media.survey import open_input
from vfi.timing import Timing


@dataclass(frozen=True)
class Forecast:
    """What would be written."""

    output: Path
    frames: int
    rate: Fraction | None  # frames per second, None if variable
    codec: str | None  # the encoder's name; None where there is none to choose
    pix_fmt: str | None
    options: dict[str, str]  # of the encoder
    copied: tuple[str, ...]  # streams carried over untouched
    converted: tuple[str, ...]  # texts that the container has other words for
    left_out: tuple[str, ...]  # streams that the container cannot hold
    notes: tuple[str, ...]  # what the user should know, a sentence each

    def __str__(self) -> str:
        """Return it as a line for a reader, and one for every note."""
        rate = "variable rate" if self.rate is None else f"{float(self.rate):.6g} fps"
        parts = [f"{self.output}: {self.frames} frames, {rate}"]
        parts += [f"{self.codec} {self.pix_fmt}"] if self.codec else []
        parts += [f"{key} {value}" for key, value in self.options.items() if key in ("crf", "preset")]
        line = f"would write {', '.join(parts)}"
        for verb, streams in (("copies", self.copied), ("converts", self.converted), ("leaves out", self.left_out)):
            line += f"; {verb} {', '.join(streams)}" if streams else ""
        return "\n".join([line, *(f"note: {note}" for note in self.notes)])


def forecast(found: Probe, output: Path, timing: Timing, encoding: Encoding | None = None) -> Forecast:
    """Return what would become of a probed file; raises MediaError, with the reason, if it would be refused."""
    video = found.fit_video()
    assert video.frames is not None  # of a whole file
    assert video.duration is not None
    check_sink(output, found.path, overwrite=True)
    suffix, rate = output.suffix.lower(), timing.rate(None if video.variable else video.rate)
    if suffix in ANIMATIONS and rate is not None:
        check_rate(output, rate, 1 / rate)
    encoder = choose_encoder(encoding or Encoding(), video.info, output) if suffix in CONTAINERS else None
    exists = (f"{output} exists: it is replaced with --overwrite only.",) if output.exists() else ()
    fates: dict[Fate, list[str]] = {"copied": [], "converted": [], "left out": []}
    if not is_pictures(found.path):
        with reading(found.path), open_input(found.path) as container:
            main = container.streams[video.index]
            for stream in container.streams:
                if stream.index != video.index and not made_anew(stream, main):
                    becomes = fate(stream, CONTAINERS[suffix], encoder) if encoder else "left out"
                    fates[becomes].append(label(stream))
    return Forecast(
        output=output,
        frames=timing.count(video.frames, video.duration),
        rate=rate,
        codec=encoder.codec if encoder else None,
        pix_fmt=encoder.pix_fmt if encoder else None,
        options=encoder.options if encoder else {},
        copied=tuple(fates["copied"]),
        converted=tuple(fates["converted"]),
        left_out=tuple(fates["left out"]),
        notes=(*found.notes, *(encoder.notes if encoder else ()), *exists),
    )
