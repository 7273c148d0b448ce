"""Frame triplets to measure interpolation on: what lies between two frames is known.

They come from a list that names frames of video clips, from any video, or from a public benchmark in its own folders.
"""

from collections.abc import Iterator
from pathlib import Path

from vfi.triplets.film import open_film
from vfi.triplets.layouts import BENCHMARKS, open_benchmark
from vfi.triplets.lists import open_list
from vfi.triplets.triplet import DataError, Triplet, Triplets

__all__ = ["DataError", "Triplet", "Triplets", "count_triplets", "open_triplets", "read_triplets"]


def open_triplets(source: Path, *, variant: str | None = None, factor: int | None = None) -> Triplets:
    """Return the triplets of a list, a video or the folder of a public benchmark, without decoding any.

    variant: which part or size of a benchmark, see `vfi.triplets.layouts`; factor: of ``factor`` gaps between frames
    the inner frames are made again from the two outer ones (default: 2, every other frame; X4K1000FPS 8).
    Raises DataError or MediaError that names the file if there is nothing to read, a file is missing, or the variant
    or the factor does not fit.
    """
    if not source.exists():
        raise DataError(f"{source} does not exist: give a .csv list, a video, or the folder of {BENCHMARKS}")
    if source.is_dir():
        return open_benchmark(source, variant, factor)
    if variant is not None:
        raise DataError(f"{source} has no variant {variant!r}: leave it out, only the folder of a benchmark has some")
    if source.suffix.lower() != ".csv":
        return open_film(source, 2 if factor is None else factor)
    if factor is not None:
        raise DataError(f"{source} says itself which frames to make: leave out the factor")
    return open_list(source)


def read_triplets(source: Path) -> Iterator[Triplet]:
    """Yield the triplets of a source one by one; all else as `open_triplets` has it."""
    return iter(open_triplets(source))


def count_triplets(source: Path) -> int | None:
    """Return how many triplets `read_triplets` yields, None where only decoding can tell. Raises as it does."""
    return open_triplets(source).count
