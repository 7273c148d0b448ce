"""What `vfi.upsample` would do with a file, told without decoding it."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vfi.media import CONTAINERS, Encoding
from vfi.media.encoding import choose_encoder
from vfi.media.errors import reading
from vfi.media.probe import Probe
from vfi.media.streams import holdable, label, made_anew
from vfi.media.survey import open_input
from vfi.media.writer import check_output
from vfi.timing import Timing


@dataclass(frozen=True)
class Forecast:
    """What would be written."""

    output: Path
    frames: int
    rate: Fraction | None  # frames per second, None if variable
    codec: str
    pix_fmt: str
    options: dict[str, str]  # of the encoder
    copied: tuple[str, ...]  # streams carried over untouched
    left_out: tuple[str, ...]  # streams that the container cannot hold
    notes: tuple[str, ...]  # what the user should know, a sentence each

    def __str__(self) -> str:
        """Return it as a line for a reader, and one for every note."""
        rate = "variable rate" if self.rate is None else f"{float(self.rate):.6g} fps"
        parts = [f"{self.output.name}: {self.frames} frames, {rate}, {self.codec} {self.pix_fmt}"]
        parts += [f"{key} {value}" for key, value in self.options.items() if key in ("crf", "preset")]
        line = f"would write {', '.join(parts)}"
        for verb, streams in (("copies", self.copied), ("leaves out", self.left_out)):
            line += f"; {verb} {', '.join(streams)}" if streams else ""
        return "\n".join([line, *(f"note: {note}" for note in self.notes)])


def forecast(found: Probe, output: Path, timing: Timing, encoding: Encoding | None = None) -> Forecast:
    """Return what would become of a probed file; raises MediaError, with the reason, if it would be refused."""
    video = found.fit_video()
    assert video.frames is not None  # of a whole file
    assert video.duration is not None
    check_output(output, found.path, overwrite=False)
    encoder = choose_encoder(encoding or Encoding(), video.info, output)
    with reading(found.path), open_input(found.path) as container:
        main = container.streams[video.index]
        others = [s for s in container.streams if s.index != video.index and not made_anew(s, main)]
        held = [s for s in others if holdable(s, CONTAINERS[output.suffix.lower()], encoder)]
        return Forecast(
            output=output,
            frames=timing.count(video.frames, video.duration),
            rate=timing.rate(None if video.variable else video.rate),
            codec=encoder.codec,
            pix_fmt=encoder.pix_fmt,
            options=encoder.options,
            copied=tuple(map(label, held)),
            left_out=tuple(label(s) for s in others if s not in held),
            notes=(*found.notes, *encoder.notes),
        )
