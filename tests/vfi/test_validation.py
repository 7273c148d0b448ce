from fractions import Fraction

import numpy as np
import pytest

from vfi.interpolator import Interpolator
from vfi.media import read_image
from vfi.models import build_model
from vfi.page import SMALL
from vfi.triplets import Triplet, Triplets
from vfi.validation import ROWS, Validation, draw_sheet


def triplets(count, told=True):
    """Frames that brighten steadily, so that their mean is the middle one; the last one's middle is another."""

    def read():
        for i in range(count):
            before, middle, after = (np.full((30, 40, 3), 10 * i + level, np.uint8) for level in (10, 20, 30))
            yield Triplet(f"clip/{i}", before, middle + 40 * (i == count - 1), after, Fraction(1, 2))

    return Triplets("ramps", count if told else None, read)


@pytest.mark.parametrize(("count", "told"), [(7, True), (7, False), (1, True)])
def test_scores_are_those_of_all_triplets_and_a_sheet_is_kept_for_each_step(tmp_path, count, told):
    validate = Validation(Interpolator(build_model("blend"), "cpu"), triplets(count, told), tmp_path / "samples")
    scores = [validate(build_model("blend"), step) for step in (5, 10)]
    assert scores[0] == scores[1]
    assert scores[0]["ie"] == pytest.approx(40 / count)
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["0000005.png", "0000010.png"]
    height = read_image(tmp_path / "samples" / "0000005.png").shape[0]
    assert height == len(draw_sheet([])) + min(ROWS, count) * (len(draw_sheet([(next(iter(triplets(1))),
        np.zeros((30, 40, 3), np.uint8))])) - len(draw_sheet([])))  # fmt: skip


def test_a_row_shows_before_made_truth_and_error():
    images = [np.full((180, 320, 3), level, np.uint8) for level in (50, 100, 150)]
    made = images[1].copy()
    made[:, :160] += 30
    sheet = draw_sheet([(Triplet("clip/1", *images, Fraction(1, 2)), made)])
    columns = [sheet[18 + 90, 4 + i * (SMALL + 4) :][:SMALL] for i in range(4)]
    assert [column[-1].tolist() for column in columns[:3]] == [[50] * 3, [100] * 3, [100] * 3]
    assert columns[1][0].tolist() == [130] * 3
    left, right = columns[3][0].sum(), columns[3][-1].sum()
    assert left > 400 > 10 > right
