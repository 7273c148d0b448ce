"""What adaptation gains on whole clips: the tables of benchmarks/README.md.

    python benchmarks/adapt.py CLIPS --every 4 --budget 60
    python benchmarks/adapt.py CLIPS --only drums --parts confidence fusion all low-rank
    python benchmarks/adapt.py CLIPS --only drums tennis --keep 4

CLIPS is a folder of videos. With ``--keep 4`` every fourth frame makes a film of its own, of large jumps, to learn;
the frames half way between those it has, which were left out of it, then tell what new frames gain. ``--cpu-time``
counts the processor's seconds, for a machine that has other work: run it with OMP_NUM_THREADS=1.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2

from vfi.adapt import Adaptation, Parts, adapt
from vfi.batch import find_inputs
from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.media import VideoReader
from vfi.triplets import DataError, Triplet


def main() -> None:
    """Print a row for every clip and kind of parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every so many of the clips, in order of name")
    parser.add_argument("--only", nargs="+", default=[""], help="take those with one of these in their names")
    parser.add_argument("--model", default="flow-fusion")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds")
    parser.add_argument("--parts", nargs="+", default=["confidence"])
    parser.add_argument("--keep", type=int, default=1, help="make a film of every so many frames, an even number")
    parser.add_argument("--cpu-time", action="store_true")
    arguments = parser.parse_args()
    if arguments.cpu_time:
        cv2.setNumThreads(1)  # or the seconds of several cores would add up
    clock = time.process_time if arguments.cpu_time else time.monotonic
    found = find_inputs([arguments.clips]).found
    chosen = [clip for clip in found if any(part in clip.name for part in arguments.only)]
    new = " new frames: PSNR | gain |" if arguments.keep > 1 else ""
    print(f"| clip | parts | PSNR | gain | SSIM gain | round trips: gain | steps | kept |{new}")
    print("|---|---|---|---|---|---|---|---|" + "---|---|" * bool(new))
    gains = []
    with TemporaryDirectory() as folder:
        for clip in chosen[:: arguments.every]:
            film = clip if arguments.keep == 1 else thinned(clip, arguments.keep, Path(folder))
            for parts in arguments.parts:
                original = Interpolator.load(arguments.model)
                try:
                    lesson = adapt(film, original, budget=arguments.budget, parts=parts, clock=clock)
                except DataError as error:
                    print(error, file=sys.stderr)
                    continue
                gains.append(lesson.gain if lesson.kept else 0.0)
                print(
                    row(clip.stem, parts, lesson) + (new and on_new_frames(clip, arguments.keep, original, lesson)),
                    flush=True,
                )
    print(f"mean gain of what is used, the original where that was kept: {fmean(gains):+.3f} dB over {len(gains)}")


def row(name: str, parts: Parts, found: Adaptation) -> str:
    ssim = found.after.ssim - found.before.ssim
    kept = "adapted" if found.kept else "original"
    scores = f"{found.before.psnr:.2f} | {found.gain:+.2f} | {ssim:+.4f} | {found.trip_gain:+.2f}"
    return f"| {name} | {parts} | {scores} | {found.steps} | {kept} |"


def on_new_frames(clip: Path, keep: int, original: Interpolator, found: Adaptation) -> str:
    """Return how well the frames are made that the film never had."""
    before = evaluate(original, left_out(clip, keep)).psnr
    gain = evaluate(found.interpolator, left_out(clip, keep)).psnr - before if found.kept else 0.0
    return f" {before:.2f} | {gain:+.2f} |"


def left_out(clip: Path, keep: int) -> Iterator[Triplet]:
    """Yield what is half way between the frames that are kept, one of every two gaps."""
    with VideoReader(clip) as reader:
        images = [frame.rgb for frame in reader]
    for first in range(0, len(images) - keep, 2 * keep):
        yield Triplet(str(first), images[first], images[first + keep // 2], images[first + keep], Fraction(1, 2))


def thinned(clip: Path, keep: int, folder: Path) -> Path:
    """Write a film of every so many frames, without loss."""
    film = folder / f"{clip.stem}.mkv"
    with VideoReader(clip) as reader, av.open(str(film), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=12)
        (stream.width, stream.height), stream.pix_fmt = reader.size, "bgr0"
        for number, frame in enumerate(reader):
            if number % keep == 0:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.rgb, "rgb24")))
        container.mux(stream.encode())
    return film


if __name__ == "__main__":
    main()
