import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vfi.triplets import DataError, count_triplets, open_triplets, read_triplets

SHARED = Path(__file__).resolve().parents[4] / "shared" / "corpus"


def numbered(number, size=(24, 32)):
    """An image that tells its number by its level."""
    return np.full((*size, 3), 10 * number, np.uint8)


def write_clip(path, frames=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        for i in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(i), "rgb24")))
        container.mux(stream.encode())


def levels(triplet):
    """The numbers of a triplet's three images."""
    return [int(image[0, 0, 0]) // 10 for image in (triplet.before, triplet.middle, triplet.after)]


@pytest.fixture
def listed(tmp_path):
    """A list beside its clips; call it with the list's text."""
    write_clip(tmp_path / "val" / "a.mkv")
    write_clip(tmp_path / "val" / "b.mkv")

    def write(text):
        (tmp_path / "list.csv").write_text(text)
        return tmp_path / "list.csv"

    return write


def test_a_list_gives_the_frames_it_numbers_from_zero(listed):
    source = listed("clip,first,middle,last\na.mkv,0,1,2\na.mkv,4,6,9\nb.mkv,1,2,3\n")
    triplets = list(read_triplets(source))
    assert [levels(t) for t in triplets] == [[0, 1, 2], [4, 6, 9], [1, 2, 3]]
    assert [t.time for t in triplets] == [Fraction(1, 2), Fraction(2, 5), Fraction(1, 2)]
    assert triplets[0].before.shape == (24, 32, 3)
    assert len({t.name for t in triplets}) == 3


def test_a_list_with_several_targets_gives_a_triplet_for_each(listed):
    triplets = list(read_triplets(listed("clip,first,last,targets\na.mkv,2,6,3 4 5\n")))
    assert [levels(t) for t in triplets] == [[2, 3, 6], [2, 4, 6], [2, 5, 6]]
    assert [t.time for t in triplets] == [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]


def test_triplets_out_of_order_and_overlapping_keep_the_order_of_the_list(listed):
    source = listed("clip,first,middle,last\na.mkv,5,6,7\na.mkv,0,1,2\na.mkv,1,6,7\n")
    assert [levels(t) for t in read_triplets(source)] == [[5, 6, 7], [0, 1, 2], [1, 6, 7]]


def test_the_first_triplet_comes_before_the_rest_is_read(listed):
    source = listed("clip,first,middle,last\na.mkv,0,1,2\nmissing.mkv,0,1,2\n")
    assert levels(next(read_triplets(source))) == [0, 1, 2]


@pytest.mark.parametrize("folder", ["val", "mine", "."])
def test_clips_lie_in_val_or_in_a_folder_named_like_the_list_or_beside_it(tmp_path, folder):
    write_clip(tmp_path / folder / "a.mkv")
    (tmp_path / "mine.csv").write_text("clip,first,middle,last\na.mkv,0,1,2\n")
    assert levels(next(read_triplets(tmp_path / "mine.csv"))) == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clip,first,middle,last\nc.mkv,0,1,2\n", "c.mkv"),
        ("clip,first,middle,last\na.mkv,0,1,50\n", "10 frames"),
        ("clip,first,middle,last\na.mkv,2,1,3\n", "line 2"),
        ("clip,first,middle,last\na.mkv,0,x,3\n", "line 2"),
        ("clip,first,middle,last\na.mkv,0\n", "line 2"),
        ("clip,first,middle,last\n", "no triplet"),
        ("video,start\na.mkv,0\n", "clip,first,middle,last"),
        ("", "clip,first,middle,last"),
    ],
)
def test_a_list_that_cannot_be_followed_is_an_error_that_says_where(listed, text, said):
    with pytest.raises(DataError, match=said):
        list(read_triplets(listed(text)))


def test_a_clip_that_is_no_video_is_an_error(listed, tmp_path):
    (tmp_path / "val" / "a.mkv").write_bytes(b"no video")
    with pytest.raises(DataError, match=r"a\.mkv cannot be decoded"):
        list(read_triplets(listed("clip,first,middle,last\na.mkv,0,1,2\n")))


def test_counting_agrees_with_reading(listed):
    source = listed("clip,first,last,targets\na.mkv,2,6,3 4 5\nb.mkv,0,2,1\n")
    assert count_triplets(source) == len(list(read_triplets(source))) == 4


def test_a_list_takes_neither_a_variant_nor_a_factor(listed):
    source = listed("clip,first,middle,last\na.mkv,0,1,2\n")
    with pytest.raises(DataError, match="leave it out"):
        open_triplets(source, variant="easy")
    with pytest.raises(DataError, match="leave out the factor"):
        open_triplets(source, factor=4)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the corpus is not here")
def test_the_average_of_real_triplets_scores_as_published(tmp_path):
    head = (SHARED / "val.csv").read_text().splitlines()[:3]
    (tmp_path / "val.csv").write_text("\n".join(head))
    clip = head[1].split(",")[0]
    shutil.copy(SHARED / "val" / clip, tmp_path)
    for triplet, known in zip(read_triplets(tmp_path / "val.csv"), (33.52, 33.916), strict=True):
        average = np.floor((triplet.before.astype(float) + triplet.after) / 2 + 0.5)
        error = np.square(average - triplet.middle).mean()
        assert 10 * np.log10(255**2 / error) == pytest.approx(known, abs=1e-3)
