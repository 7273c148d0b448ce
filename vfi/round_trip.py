"""Round trips: hidden frames made of frames that were made, half way to them.

A hidden frame's neighbours are twice as far apart as those that new frames are for, and a network may learn what is so
of such gaps alone. The frames half way from it to them are as far apart as frames of the film, and what is made of them
can be compared with it.
"""

from fractions import Fraction

from vfi.metrics import psnr
from vfi.pipeline import Between
from vfi.triplets import Triplet

_HALF = [Fraction(1, 2)]


def round_trip(between: Between, hidden: Triplet) -> float:
    """Return the PSNR, in dB, of the middle of a triplet made of those made half way from it to its neighbours."""
    first = between(hidden.before, hidden.middle, _HALF)[0]
    second = between(hidden.middle, hidden.after, _HALF)[0]
    return psnr(between(first, second, [hidden.time])[0], hidden.middle)
