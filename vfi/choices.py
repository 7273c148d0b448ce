"""What can be chosen of the models and how they compute, checked without torch, whose import takes seconds."""

from collections.abc import Collection
from typing import Literal, get_args

from flow.checkpoint import find_checkpoint
from flow.choices import NETWORKS

MODELS = ("flow-fusion", "flow-free", "classical", "blend")  # kinds, the keys of vfi.models.VFI_MODELS
UNTRAINED = ("classical", "blend")  # they have no weights
BACKENDS = ("auto", "torch", "openvino", "onnx")
Fallback = Literal["soft", "blend", "hold", "off"]
"""What comes in where a frame is not to be trusted: what the weights say, only the blend of its neighbours, only the
nearer one of them, or nothing."""
Course = Literal["curved", "straight"]
"""How things move between two frames: as the frames before and after tell, or straight on at an even speed."""
SMALLEST_TILE = 64  # pixels a side


def check_any_model(name: str) -> None:
    """Raise what `check_model` does; flow networks are models, too."""
    if name not in UNTRAINED:
        find_checkpoint(name, "model", (*MODELS, *NETWORKS), UNTRAINED)


def check_model(name: str, besides: Collection[str] = ()) -> None:
    """Raise UnknownNameError that lists what there is, if the name is that of no model and of no file.

    ``besides``: names that the caller takes as well.
    """
    if name not in (*UNTRAINED, *besides):
        find_checkpoint(name, "model", MODELS, (*UNTRAINED, *besides))


def check_backend(name: str) -> None:
    """Raise ValueError for what names no backend."""
    if name not in BACKENDS:
        raise ValueError(f"unknown backend {name!r}: use {', '.join(BACKENDS)}")


def check_fallback(name: str) -> None:
    """Raise ValueError for what names no fallback."""
    if name not in get_args(Fallback):
        raise ValueError(f"unknown fallback {name!r}: use {', '.join(get_args(Fallback))}")


def check_course(name: str) -> None:
    """Raise ValueError for what names no course."""
    if name not in get_args(Course):
        raise ValueError(f"unknown course {name!r}: use {' or '.join(get_args(Course))}")


def parse_tile(tile: str | int) -> int | None:
    """Return the side of tiles in pixels, None for ``auto`` and ``off``; raises ValueError for anything else."""
    if tile in ("auto", "off"):
        return None
    if not str(tile).isdecimal() or int(tile) < SMALLEST_TILE:
        raise ValueError(f"unknown tile {tile!r}: use auto, off, or a side of {SMALLEST_TILE} pixels or more")
    return int(tile)
