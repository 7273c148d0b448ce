import shutil
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vfi.triplets import DataError, count_triplets, read_triplets

SHARED = Path(__file__).resolve().parents[3] / "shared" / "corpus"


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


def write_images(folder, *names, size=(24, 32)):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names, start=1):
        cv2.imwrite(str(folder / name), numbered(number, size))


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


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".ppm"])
@pytest.mark.parametrize("depth", [".", "00001", "sequences/00001"])
def test_vimeo_folders_are_found_at_any_depth(tmp_path, suffix, depth):
    for item in ("0001", "0002"):
        write_images(tmp_path / depth / item, *(f"im{i}{suffix}" for i in (1, 2, 3)))
    triplets = list(read_triplets(tmp_path))
    assert [levels(t) for t in triplets] == [[1, 2, 3]] * 2
    assert [t.name for t in triplets] == [str(Path(depth) / item) for item in ("0001", "0002")]


def test_ucf101_folders_keep_their_known_frame_in_the_middle(tmp_path):
    write_images(tmp_path / "1", "frame_00.png", "frame_01_gt.png", "frame_02.png")
    assert [levels(t) for t in read_triplets(tmp_path)] == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("given", "known"), [("input", "gt"), ("input-color", "gt-interp"), ("other-data", "other-gt")]
)
def test_middlebury_takes_the_known_frame_from_its_other_tree(tmp_path, given, known):
    for item in ("Urban", "Dimetrodon"):
        write_images(tmp_path / given / item, "frame10.png", "frame11.png")
        write_images(tmp_path / known / item, "frame10i11.png")
    triplets = list(read_triplets(tmp_path))
    assert [(t.name, levels(t)) for t in triplets] == [("Dimetrodon", [1, 1, 2]), ("Urban", [1, 1, 2])]


def test_a_triplet_folder_itself_is_one_triplet(tmp_path):
    write_images(tmp_path / "scene", "im1.png", "im2.png", "im3.png")
    assert [t.name for t in read_triplets(tmp_path / "scene")] == ["scene"]


def test_colours_are_red_green_blue(tmp_path):
    write_images(tmp_path / "a", "im1.png", "im3.png")
    cv2.imwrite(str(tmp_path / "a" / "im2.png"), np.full((24, 32, 3), (0, 0, 200), np.uint8))  # OpenCV writes BGR
    assert next(read_triplets(tmp_path)).middle[0, 0].tolist() == [200, 0, 0]


def test_counting_agrees_with_reading(listed, tmp_path):
    source = listed("clip,first,last,targets\na.mkv,2,6,3 4 5\nb.mkv,0,2,1\n")
    write_images(tmp_path / "images" / "x", "im1.png", "im2.png", "im3.png")
    for data in (source, tmp_path / "images"):
        assert count_triplets(data) == len(list(read_triplets(data)))


@pytest.mark.parametrize("kind", ["missing", "empty", "file"])
def test_no_triplets_is_an_error_that_names_the_layouts(tmp_path, kind):
    source = tmp_path / kind
    if kind == "empty":
        source.mkdir()
    if kind == "file":
        source.write_bytes(b"")
    with pytest.raises(DataError, match=r"Vimeo.*UCF101.*Middlebury"):
        count_triplets(source)


def test_an_incomplete_triplet_is_an_error(tmp_path):
    write_images(tmp_path / "a", "im1.png", "im2.png")
    with pytest.raises(DataError, match="complete its folder"):
        list(read_triplets(tmp_path))


def test_images_of_several_sizes_are_an_error(tmp_path):
    write_images(tmp_path / "a", "im1.png", "im2.png")
    write_images(tmp_path / "a", "im3.png", size=(24, 30))
    with pytest.raises(DataError, match="differ in size"):
        list(read_triplets(tmp_path))


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
