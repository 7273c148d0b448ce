import sys
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from vfi.isolate import isolated
from vfi.media import Color, MediaError
from vfi.minterpolate import minterpolate
from vfi.remake import Gap

GAPS = [
    Gap(np.full((32, 48, 3), level, np.uint8), np.full((32, 48, 3), level + 10, np.uint8), (Fraction(1, 2),))
    for level in (50, 60, 70)
]


def test_a_method_answers_from_its_process_as_it_does_here_and_its_memory_is_its_own():
    remake = partial(minterpolate, "yuv444p", Color(), "minterpolate")
    held = np.ones(2**29, np.uint8)  # half a gigabyte of ours
    apart, here = list(isolated(remake, iter(GAPS))), list(remake(iter(GAPS)))
    assert len(apart) == len(here) == len(GAPS)
    for one, other in zip(apart, here, strict=True):
        assert np.array_equal(one.images[0], other.images[0])
        assert 2**23 < one.peak < held.nbytes
        assert other.peak is None


def cannot_read(asked):
    raise MediaError(f"{next(asked)} cannot be read")


def test_a_sentence_about_a_file_comes_through():
    with pytest.raises(MediaError, match=r"^film\.mp4 cannot be read$"):
        list(isolated(cannot_read, iter(["film.mp4"])))


def test_what_a_method_raises_is_raised_here():
    uneven = Gap(GAPS[0].before, GAPS[0].after, (Fraction(1, 3),))
    with pytest.raises(MediaError, match="constant frame rate"):
        list(isolated(partial(minterpolate, "yuv444p", Color(), "minterpolate"), iter([uneven])))


def test_a_process_that_ends_by_itself_is_told_not_waited_for():
    with pytest.raises(MemoryError, match="code 1"):
        list(isolated(sys.exit, iter(GAPS)))
