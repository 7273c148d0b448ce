"""Video frame interpolation.

>>> from fractions import Fraction
>>> from vfi import Factor
>>> Factor(Fraction(2)).rate(Fraction(24))
Fraction(48, 1)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vfi.interpolator import Interpolator
    from vfi.media import Encoding, Frame, MediaError
    from vfi.pipeline import Summary, interpolate, upsample
    from vfi.spans import Content
    from vfi.timing import Factor, TargetRate

_HOME = {
    "Content": "vfi.spans",
    "Interpolator": "vfi.interpolator",
    "Encoding": "vfi.media",
    "Frame": "vfi.media",
    "MediaError": "vfi.media",
    "Summary": "vfi.pipeline",
    "interpolate": "vfi.pipeline",
    "upsample": "vfi.pipeline",
    "Factor": "vfi.timing",
    "TargetRate": "vfi.timing",
}

__all__ = [
    "Content",
    "Encoding",
    "Factor",
    "Frame",
    "Interpolator",
    "MediaError",
    "Summary",
    "TargetRate",
    "interpolate",
    "upsample",
]


def __getattr__(name: str) -> Any:
    # Looked up on first use: importing torch takes seconds, and vfi.media does without it.
    if name not in _HOME:
        raise AttributeError(f"module 'vfi' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
