from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from vfi.media import MediaError
from vfi.triplets import DataError, count_triplets, open_triplets, read_triplets

HALF = Fraction(1, 2)


def numbered(number, size=(24, 32)):
    """An image that tells its number by its level."""
    return np.full((*size, 3), 5 * number, np.uint8)


def write_images(folder, *names, first=1, size=(24, 32)):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names, start=first):
        cv2.imwrite(str(folder / name), numbered(number, size))


def levels(triplet):
    """The numbers of a triplet's three images."""
    return [int(image[0, 0, 0]) // 5 for image in (triplet.before, triplet.middle, triplet.after)]


def found(source, **chosen):
    triplets = open_triplets(source, **chosen)
    read = list(triplets)
    assert triplets.count == len(read)
    assert len({t.name for t in read}) == len(read)
    return [(t.name, levels(t), t.time) for t in read]


@pytest.fixture
def vimeo(tmp_path):
    """Vimeo-90K: call it with tri or sep."""

    def make(kind):
        count = {"tri": 3, "sep": 7}[kind]
        root = tmp_path / {"tri": "vimeo_triplet", "sep": "vimeo_septuplet"}[kind]
        for name in ("00001/0001", "00001/0002", "00002/0001"):
            write_images(root / "sequences" / name, *(f"im{i}.png" for i in range(1, count + 1)))
        (root / f"{kind}_testlist.txt").write_text("00002/0001\n00001/0002\n\n")
        (root / f"{kind}_trainlist.txt").write_text("00001/0001\n")
        return root

    return make


def test_vimeo_triplets_are_those_of_the_test_list_in_its_order(vimeo):
    root = vimeo("tri")
    assert found(root) == [("00002/0001", [1, 2, 3], HALF), ("00001/0002", [1, 2, 3], HALF)]
    assert found(root.parent) == found(root)
    assert found(root, variant="train") == [("00001/0001", [1, 2, 3], HALF)]
    assert open_triplets(root).name == "Vimeo-90K triplet, test, factor 2"


def test_vimeo_septuplets_are_their_middle_or_all_between_their_ends(vimeo):
    root = vimeo("sep")
    assert found(root) == [("00002/0001", [3, 4, 5], HALF), ("00001/0002", [3, 4, 5], HALF)]
    assert found(root, variant="train", factor=6) == [
        (f"00001/0001/im{i + 1}", [1, i + 1, 7], Fraction(i, 6)) for i in range(1, 6)
    ]
    with pytest.raises(DataError, match="Vimeo-90K septuplet cannot be made with a factor of 3: use 2 or 6"):
        open_triplets(root, factor=3)


def test_septuplets_are_not_taken_for_triplets_without_their_list(vimeo):
    assert [item[1] for item in found(vimeo("sep") / "sequences")] == [[3, 4, 5]] * 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".ppm"])
@pytest.mark.parametrize("depth", [".", "00001", "sequences/00001"])
def test_vimeo_folders_without_a_list_are_found_at_any_depth(tmp_path, suffix, depth):
    for item in ("0001", "0002"):
        write_images(tmp_path / depth / item, *(f"im{i}{suffix}" for i in (1, 2, 3)))
    assert found(tmp_path) == [(str(Path(depth) / item), [1, 2, 3], HALF) for item in ("0001", "0002")]


def test_a_triplet_folder_itself_is_one_triplet(tmp_path):
    write_images(tmp_path / "scene", "im1.png", "im2.png", "im3.png")
    assert [t.name for t in read_triplets(tmp_path / "scene")] == ["scene"]


def test_ucf101_keeps_its_known_frame_in_the_middle_and_the_order_of_its_numbers(tmp_path):
    root = tmp_path / "ucf101_interp_ours"
    for item in ("1", "2", "11"):
        write_images(root / item, "frame_00.png", "frame_01_gt.png", "frame_02.png", "frame_01_ours.png")
    assert found(root) == [(item, [1, 2, 3], HALF) for item in ("1", "2", "11")]


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("other-color-twoframes/other-data", "other-gt-interp"),
        ("other-data", "other-gt-interp"),
        ("input", "gt"),
    ],
)
def test_middlebury_takes_the_known_frame_from_its_other_tree(tmp_path, given, known):
    for item in ("Urban2", "Dimetrodon"):
        write_images(tmp_path / given / item, "frame10.png", "frame11.png")
        write_images(tmp_path / known / item, "frame10i11.png", first=9)
    write_images(tmp_path / "eval-data" / "Mequon", "frame10.png", "frame11.png")  # its middle is not published
    assert found(tmp_path) == [("Dimetrodon", [1, 9, 2], HALF), ("Urban2", [1, 9, 2], HALF)]


@pytest.fixture(params=["data/SNU-FILM/", "./", "/home/someone/snufilm/"])
def snu(tmp_path, request):
    """SNU-FILM, whose lists name the frames from where its authors kept them."""
    clip = "test/GOPRO_test/GOPR0384_11_00"
    write_images(tmp_path / clip, *(f"{i:06d}.png" for i in range(1, 18)))
    for variant, step in (("easy", 1), ("medium", 2), ("hard", 4), ("extreme", 8)):
        lines = [" ".join(f"{request.param}{clip}/{9 + i:06d}.png" for i in (-step, 0, step))]
        (tmp_path / f"test-{variant}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.parametrize(("variant", "step"), [(None, 1), ("medium", 2), ("hard", 4), ("extreme", 8)])
def test_snu_film_has_four_lists(snu, variant, step):
    assert found(snu, variant=variant) == [("GOPRO_test/GOPR0384_11_00/000009", [9 - step, 9, 9 + step], HALF)]


def test_the_lists_of_snu_film_may_lie_in_a_folder_of_their_own(snu):
    (snu / "eval_modes").mkdir()
    for path in snu.glob("test-*.txt"):
        path.rename(snu / "eval_modes" / path.name)
    assert [item[1] for item in found(snu, variant="hard")] == [[5, 9, 13]]
    (snu / "test/GOPRO_test/GOPR0384_11_00/000013.png").unlink()
    with pytest.raises(DataError, match=f"{snu}/test/GOPRO_test/GOPR0384_11_00/000013.png is missing"):
        open_triplets(snu, variant="hard")


def test_an_unknown_variant_is_an_error_that_lists_those_there_are(snu):
    with pytest.raises(DataError, match="SNU-FILM has no variant 'difficult': use easy or medium or hard or extreme"):
        open_triplets(snu, variant="difficult")
    (snu / "test-hard.txt").unlink()
    with pytest.raises(DataError, match=r"test-hard\.txt does not exist"):
        open_triplets(snu, variant="hard")


def test_a_line_without_three_paths_is_an_error(snu):
    (snu / "test-easy.txt").write_text("a.png b.png\n")
    with pytest.raises(DataError, match=r"test-easy\.txt, line 1, has 2 words"):
        open_triplets(snu)


@pytest.fixture
def x4k(tmp_path):
    for scene in ("Type1/TEST01_003_f0433", "Type2/TEST06_001_f0273"):
        write_images(tmp_path / "test" / scene, *(f"{i:04d}.png" for i in range(33)), first=0)
    return tmp_path


def test_x4k_makes_seven_frames_between_the_first_and_the_last(x4k):
    seven = [([0, 4 * i, 32], Fraction(i, 8)) for i in range(1, 8)]
    assert [item[1:] for item in found(x4k)] == seven * 2
    assert found(x4k)[0][0] == "Type1/TEST01_003_f0433/0004"
    assert found(x4k / "test") == found(x4k)
    assert [item[1:] for item in found(x4k, factor=2)] == [([0, 16, 32], HALF)] * 2


def test_x4k_is_halved_for_2k(x4k):
    assert next(iter(open_triplets(x4k))).middle.shape == (24, 32, 3)
    assert next(iter(open_triplets(x4k, variant="2k"))).middle.shape == (12, 16, 3)


@pytest.fixture(params=["folders", "one folder"])
def xiph(tmp_path, request):
    """Xiph's clips, FFmpeg counting their frames from 1; what shows is the place of a pixel."""
    rows, columns = np.indices((24, 32))
    for clip in ("FoodMarket", "FoodMarket2"):
        for i in range(1, 7):
            apart = request.param == "folders"
            path = tmp_path / clip / f"{i:03d}.png" if apart else tmp_path / f"{clip}-{i:03d}.png"
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), np.stack([rows, columns, np.full_like(rows, 5 * i)], axis=2).astype(np.uint8))
    return tmp_path


def test_xiph_makes_every_other_frame_of_each_clip(xiph):
    made = [item[1] for item in found(xiph)]
    assert made == [[1, 2, 3], [3, 4, 5]] * 2  # 49 of 100
    assert [t.name.split("/")[0] for t in open_triplets(xiph)] == ["FoodMarket"] * 2 + ["FoodMarket2"] * 2


def test_xiph_is_halved_for_2k_and_cropped_for_4k(xiph):
    small, crop = (next(iter(open_triplets(xiph, variant=v))).middle for v in (None, "4k"))
    assert small.shape == crop.shape == (12, 16, 3)
    assert small[:, 0, 2].tolist() == pytest.approx(np.arange(0.5, 24, 2), abs=0.5)  # the mean of two rows
    assert crop[:, 0, 2].tolist() == list(range(6, 18))
    assert crop[0, :, 1].tolist() == list(range(8, 24))


@pytest.fixture
def davis(tmp_path):
    for sequence, count in (("bear", 9), ("camel", 6)):
        write_images(tmp_path / "JPEGImages" / "480p" / sequence, *(f"{i:05d}.jpg" for i in range(count)), first=0)
    return tmp_path


def test_davis_makes_the_frames_that_the_factor_leaves_out(davis):
    assert [item[1] for item in found(davis)] == [[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 7, 8], [0, 1, 2], [2, 3, 4]]
    assert found(davis)[0][0] == "bear/00001"
    by_four = [[0, 1, 4], [0, 2, 4], [0, 3, 4], [4, 5, 8], [4, 6, 8], [4, 7, 8], [0, 1, 4], [0, 2, 4], [0, 3, 4]]
    assert [item[1] for item in found(davis, factor=4)] == by_four
    with pytest.raises(DataError, match=r"camel has 6 frames .* too few"):
        open_triplets(davis, factor=8)


@pytest.mark.parametrize(
    ("make", "lost"),
    [
        ("tri", "sequences/00001/0002/im2.png"),
        ("sep", "sequences/00002/0001/im5.png"),
        ("ucf", "7/frame_01_gt.png"),
        ("ucf", "7/frame_02.png"),
        ("middlebury", "other-data/Urban2/frame11.png"),
        ("middlebury", "other-data/Urban2/frame10.png"),
        ("middlebury", "other-gt-interp/Urban2/frame10i11.png"),
        ("snu", "test/YouTube_test/0000/00001.png"),
        ("x4k", "test/Type2/TEST06_001_f0273/0032.png"),
        ("davis", "JPEGImages/480p/bear/00003.jpg"),
        ("xiph", "BoxingPractice-003.png"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_a_member_missing_or_broken_is_an_error_that_names_its_file(tmp_path, request, make, lost, damage):
    root = tmp_path
    if make in ("tri", "sep"):
        root = request.getfixturevalue("vimeo")(make)
    elif make in ("x4k", "davis"):
        root = request.getfixturevalue(make)
    elif make == "snu":
        write_images(root / "test/YouTube_test/0000", "00000.png", "00001.png", "00002.png")
        (root / "test-easy.txt").write_text(
            " ".join(f"data/SNU-FILM/test/YouTube_test/0000/0000{i}.png" for i in range(3))
        )
    elif make == "ucf":
        write_images(root / "7", "frame_00.png", "frame_01_gt.png", "frame_02.png")
    elif make == "xiph":
        write_images(root, *(f"BoxingPractice-{i:03d}.png" for i in range(1, 7)))
    else:
        for scene in ("Urban2", "Urban3"):
            write_images(root / "other-data" / scene, "frame10.png", "frame11.png")
            write_images(root / "other-gt-interp" / scene, "frame10i11.png")
    (root / lost).unlink()
    if damage == "missing":
        with pytest.raises(DataError, match=f"{root / lost} is missing"):
            open_triplets(root)
    else:
        (root / lost).write_bytes(b"\x89PNG\r\n")
        with pytest.raises(MediaError, match=f"{root / lost} is no image"):
            list(open_triplets(root))


def test_colours_are_red_green_blue(tmp_path):
    write_images(tmp_path / "a", "im1.png", "im3.png")
    cv2.imwrite(str(tmp_path / "a" / "im2.png"), np.full((24, 32, 3), (0, 0, 200), np.uint8))  # OpenCV writes BGR
    assert next(read_triplets(tmp_path)).middle[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_no_triplets_is_an_error_that_names_the_layouts(tmp_path, kind):
    source = tmp_path / kind
    if kind == "empty":
        source.mkdir()
    with pytest.raises(DataError, match=r"Vimeo.*UCF101.*Middlebury.*SNU-FILM.*X4K1000FPS.*Xiph.*DAVIS"):
        count_triplets(source)


def test_images_of_several_sizes_are_an_error_that_names_one(tmp_path):
    write_images(tmp_path / "a", "im1.png", "im2.png")
    write_images(tmp_path / "a", "im3.png", size=(24, 30))
    with pytest.raises(DataError, match=r"im3\.png and .*im1\.png differ in size"):
        list(read_triplets(tmp_path))


def test_deep_images_are_an_error_that_names_one(tmp_path):
    write_images(tmp_path / "a", "im1.png", "im3.png")
    cv2.imwrite(str(tmp_path / "a" / "im2.png"), np.zeros((24, 32, 3), np.uint16))
    with pytest.raises(DataError, match=r"im2\.png has 16 bits"):
        list(read_triplets(tmp_path))
