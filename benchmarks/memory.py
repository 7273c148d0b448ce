"""Show that memory does not grow with the film: peak of a ten-minute film against that of a one-minute one.

    python benchmarks/memory.py [--minutes 1 10]

Both films are made here: 640x360, 25 frames per second, with sound. Each is upsampled twofold with the average of
the two neighbours, in a process of its own, whose peak resident memory is read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 25
SIZE = (640, 360)


def make_film(path: Path, seconds: int) -> None:
    """Write a film of moving noise, so that the encoder has work, with a tone."""
    texture = np.random.default_rng(0).integers(0, 256, (SIZE[1], 2 * SIZE[0], 3), np.uint8)
    texture = (texture // 4 + np.linspace(0, 190, 2 * SIZE[0])[None, :, None]).astype(np.uint8)
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.options = {"preset": "ultrafast", "crf": "23"}
        sound: Any = output.add_stream("aac", rate=48000)
        for second in range(seconds):
            for index in range(second * RATE, (second + 1) * RATE):
                left = 3 * index % SIZE[0]
                image = np.ascontiguousarray(texture[:, left : left + SIZE[0]])
                output.mux(video.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            wave = np.sin(440 * 2 * np.pi * np.arange(48000) / 48000).astype(np.float32) / 5
            tone = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
            tone.sample_rate, tone.pts, tone.time_base = 48000, second * 48000, Fraction(1, 48000)
            output.mux(sound.encode(tone))
        output.mux(video.encode(None))
        output.mux(sound.encode(None))


def blend(before: np.ndarray, after: np.ndarray, times: Sequence[Fraction]) -> list[np.ndarray]:
    """The rounded average of two frames."""
    return [((before.astype(np.uint16) + after + 1) // 2).astype(before.dtype) for _ in times]


def upsample_and_report(source: Path) -> None:
    """Upsample and print the frames made, the seconds taken and the peak memory in KiB as JSON."""
    import resource

    from vfi.media import Encoding
    from vfi.pipeline import upsample
    from vfi.timing import Factor

    start = time.monotonic()
    output = source.with_name(f"{source.stem}_2x.mp4")
    summary = upsample(source, output, blend, Factor(Fraction(2)), encoding=Encoding(preset="veryfast"))
    output.unlink()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"frames": summary.frames_out, "seconds": time.monotonic() - start, "peak": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, nargs=2, default=(1, 10))
    parser.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.report:
        upsample_and_report(arguments.report)
        return
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in arguments.minutes:
            source = Path(folder) / f"{minutes}min.mp4"
            make_film(source, 60 * minutes)
            command = [sys.executable, __file__, "--report", str(source)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            peaks.append(found["peak"])
            print(
                f"{minutes:3} min: {found['frames']} frames in {found['seconds']:.0f} s,"
                f" peak {found['peak'] / 1024:.1f} MiB"
            )
    print(f"growth: {100 * (peaks[1] / peaks[0] - 1):+.1f} %")


if __name__ == "__main__":
    main()
