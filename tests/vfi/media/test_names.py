import os
from fractions import Fraction
from pathlib import Path

import pytest

from vfi.media import Encoding
from vfi.media.names import kin, temporary_name
from vfi.pipeline import upsample
from vfi.resumable import upsample_resumably
from vfi.timing import Factor

TWICE = Factor(Fraction(2))


@pytest.mark.parametrize("stem", ["a" * 250, "ü" * 125, "\udcff" * 250])
def test_no_name_is_longer_than_file_systems_allow(stem):
    path = Path("films") / f"{stem}.mkv"
    for name in (kin(path, "", ".partial.mkv"), temporary_name(path), temporary_name(path, "0123")):
        assert len(os.fsencode(name.name)) <= 255
        assert name.parent == path.parent
        assert name.suffix == ".mkv"


@pytest.mark.parametrize("ending", [".mkv", ".gif", ".y4m"])
def test_a_name_may_be_as_long_as_file_systems_allow(ending, film, tmp_path, blend):
    output = tmp_path / ("x" * (255 - len(ending)) + ending)
    upsample(film(frames=3), output, blend, TWICE)
    assert output.exists()
    if ending == ".mkv":
        upsample_resumably(film(frames=3), output, blend, TWICE, made_by={}, overwrite=True, encoding=Encoding(crf=40))
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
