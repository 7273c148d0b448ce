"""What is left of outputs when the program is ended in the middle of them, as by a signal."""

import itertools
import sys
from fractions import Fraction
from pathlib import Path

import pytest

import vfi.media
from vfi.pipeline import upsample
from vfi.resumable import upsample_resumably
from vfi.timing import Factor

TWICE = Factor(Fraction(2))
WRITERS = {
    str(Path(vfi.media.__file__).with_name(name)) for name in ("pictures.py", "y4m.py", "writer.py", "pieces.py")
}
WRITERS.add(str(Path(vfi.media.__file__).with_name("animation_writer.py")))


def ended_at(line, work):
    """Do the work, ended before the given line among those that writers run before the first frame; say if it was."""
    lines = itertools.count()
    over = False

    def trace(frame, event, argument):
        nonlocal over
        code = frame.f_code
        if over or code.co_filename not in WRITERS or not code.co_qualname.split(".")[0].endswith("Writer"):
            return None
        over = code.co_name == "write"
        if event == "line" and not over and next(lines) == line:
            over = True
            raise SystemExit(143)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except SystemExit:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("output", ["out.y4m", "out.mkv", "out.gif", "out/%05d.png"])
def test_whenever_a_writer_is_ended_nothing_is_left(output, film, tmp_path, blend):
    source, folder = film(frames=2), tmp_path / "made"
    folder.mkdir()
    for ended in itertools.count():
        if not ended_at(ended, lambda: upsample(source, folder / output, blend, TWICE)):
            break
        assert list(folder.iterdir()) == [], f"ended before the line {ended}"
    assert ended > 8
    assert [path.name for path in folder.iterdir()] == [Path(output).parts[0]]


def test_whenever_a_chunk_is_ended_no_piece_of_it_is_left(film, tmp_path, blend):
    source, folder = film(frames=2), tmp_path / "work"
    options = {"made_by": {}, "workdir": folder, "restart": True}
    for ended in itertools.count():
        if not ended_at(ended, lambda: upsample_resumably(source, tmp_path / "out.mkv", blend, TWICE, **options)):
            break
        assert list(folder.glob("*.part.*")) == [], f"ended before the line {ended}"
    assert ended > 8
