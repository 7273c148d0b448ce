"""Video frame interpolation.

>>> from fractions import Fraction
>>> from vfi import Factor
>>> Factor(Fraction(2)).rate(Fraction(24))
Fraction(48, 1)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vfi.devices import Devices, find_devices
    from vfi.interpolator import Interpolator
    from vfi.media import Encoding, Frame, MediaError, Part, SlowMotion
    from vfi.media.probe import Probe, probe
    from vfi.media.verify import Written
    from vfi.pipeline import Summary, interpolate, upsample
    from vfi.report import ResultReport, report_result
    from vfi.resumable import Stopped, upsample_resumably
    from vfi.spans import Content
    from vfi.timing import Factor, TargetRate

_HOME = {
    "Content": "vfi.spans",
    "Devices": "vfi.devices",
    "Encoding": "vfi.media",
    "Factor": "vfi.timing",
    "Frame": "vfi.media",
    "Interpolator": "vfi.interpolator",
    "MediaError": "vfi.media",
    "Part": "vfi.media",
    "Probe": "vfi.media.probe",
    "ResultReport": "vfi.report",
    "SlowMotion": "vfi.media",
    "Stopped": "vfi.resumable",
    "Summary": "vfi.pipeline",
    "TargetRate": "vfi.timing",
    "Written": "vfi.media.verify",
    "find_devices": "vfi.devices",
    "interpolate": "vfi.pipeline",
    "probe": "vfi.media.probe",
    "report_result": "vfi.report",
    "upsample": "vfi.pipeline",
    "upsample_resumably": "vfi.resumable",
}

__all__ = [
    "Content",
    "Devices",
    "Encoding",
    "Factor",
    "Frame",
    "Interpolator",
    "MediaError",
    "Part",
    "Probe",
    "ResultReport",
    "SlowMotion",
    "Stopped",
    "Summary",
    "TargetRate",
    "Written",
    "find_devices",
    "interpolate",
    "probe",
    "report_result",
    "upsample",
    "upsample_resumably",
]


def __getattr__(name: str) -> Any:
    # Looked up on first use: importing torch takes seconds, and vfi.media does without it.
    if name not in _HOME:
        raise AttributeError(f"module 'vfi' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
