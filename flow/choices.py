"""What can be chosen of how to compute, checked without torch, whose import takes seconds."""

import re
from collections.abc import Collection

from flow.checkpoint import find_checkpoint

# Kinds of flow networks, the keys of flow.models.FLOW_MODELS.
NETWORKS = (
    "flownets", "flownets-bn", "flownetc", "flownetc-bn", "flownet2-s", "flownet2-c", "flownet2-sd", "flownet2-cs",
    "flownet2-css", "flownet2",
)  # fmt: skip
TWO_WAY = ("dis", "dis-torch")  # flow both ways without a network, the keys of flow.two_way.TWO_WAY
PRECISIONS = ("float32", "bfloat16", "float16", "int8")
SCALES = (1, 2, 4, 8)  # how many times smaller frames may be when their flow is estimated


def check_network(name: str, besides: Collection[str] = ()) -> None:
    """Raise UnknownNameError that lists what there is, if the name is that of no shipped flow network and of no file.

    ``besides``: names that the caller takes as well.
    """
    if name not in besides:
        find_checkpoint(name, "flow model", NETWORKS, besides)


def check_device(name: str) -> None:
    """Raise ValueError for what names no device; whether there is such a one is for `flow.device` to tell."""
    if not re.fullmatch(r"auto|cpu|(cuda|mps|xpu)(:\d+)?", name):
        raise ValueError(f"unknown device {name!r}: use auto, cpu or cuda")


def check_precision(name: str) -> None:
    """Raise ValueError for what names no precision."""
    if name != "auto" and name not in PRECISIONS:
        raise ValueError(f"unknown precision {name!r}: use auto, {', '.join(PRECISIONS)}")


def parse_flow_scale(text: str) -> int | None:
    """Return how many times smaller frames are when their flow is estimated; None to choose by their size.

    Raises ValueError that lists what there is.

    >>> parse_flow_scale("1/2"), parse_flow_scale("0.25"), parse_flow_scale("auto")
    (2, 4, None)
    """
    known = {"auto": None} | {name: n for n in SCALES for name in (f"1/{n}", f"{1 / n:g}")}
    if text not in known:
        raise ValueError(f"unknown flow scale {text!r}: use auto, 1, {', '.join(f'1/{n}' for n in SCALES[1:])}")
    return known[text]
