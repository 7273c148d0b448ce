from typing import ClassVar

import cv2
import numpy as np
import pytest

from flow.datasets import DatasetError, KeptDataset, SyntheticDataset, open_dataset, open_datasets
from flow.files import FlowFileError, write_flow

SIZE = (12, 16)


def picture(path, seed=0, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    assert cv2.imwrite(str(path), image[..., ::-1])
    return image


def mask(path, at):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros(SIZE, np.uint8)
    image[at] = 255
    cv2.imwrite(str(path), image)


def motion(path, dx=1.0, size=SIZE, valid=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    flow = np.zeros((*size, 2), np.float32)
    flow[..., 0] = dx
    write_flow(path, flow, valid)


def chairs(root, pairs=4, split="1\n2\n1\n1\n"):
    for n in range(1, pairs + 1):
        picture(root / "data" / f"{n:05}_img1.ppm", n)
        picture(root / "data" / f"{n:05}_img2.ppm", n + 100)
        motion(root / "data" / f"{n:05}_flow.flo", n)
    if split:
        (root / "FlyingChairs_train_val.txt").write_text(split)
    return root


def homographies(root, parts=("train",)):
    for part in parts:
        for n in range(3):
            picture(root / "data" / part / "t0" / f"{n:05}.png", n)
            picture(root / "data" / part / "t1" / f"{n:05}.png", n + 100)
            motion(root / "data" / part / "flow" / f"{n:05}.pfm", n)
    return root


def things(root, parts=("TRAIN", "TEST"), passes=("clean", "final"), past=True):
    for part in parts:
        for scene in ("A/0000", "B/0001"):
            for number in range(6, 9):
                for side in ("left", "right"):
                    for v in passes:
                        picture(root / f"frames_{v}pass" / part / scene / side / f"{number:04}.png", number)
                    flows = root / "optical_flow" / part / scene
                    name = f"{number:04}_{side[0].upper()}.pfm"
                    motion(flows / "into_future" / side / f"OpticalFlowIntoFuture_{name}", number)
                    if past:
                        motion(flows / "into_past" / side / f"OpticalFlowIntoPast_{name}", -number)
    return root


def sintel(root, scenes=("alley_1", "bamboo_2", "cave_4"), masks=False):
    for scene in scenes:
        for number in range(1, 4):
            name = f"{scene}/frame_{number:04}"
            for v in ("clean", "final"):
                picture(root / "training" / v / f"{name}.png", number)
            if number < 3:
                motion(root / "training" / "flow" / f"{name}.flo", number)
                if masks:
                    mask(root / "training" / "invalid" / f"{name}.png", (0, 0))
                    mask(root / "training" / "occlusions" / f"{name}.png", (5, 6))
    return root


def kitti(root, camera):
    known = np.ones(SIZE, bool)
    known[0] = False
    for n in range(5):
        picture(root / "training" / camera / f"{n:06}_10.png", n)
        picture(root / "training" / camera / f"{n:06}_11.png", n + 100)
        motion(root / "training" / "flow_occ" / f"{n:06}_10.png", n, valid=known)
        motion(root / "training" / "flow_noc" / f"{n:06}_10.png", n, valid=known & (np.arange(SIZE[1]) > 7))
    return root


def names(dataset):
    return [pair.name for pair in dataset.pairs]


def in_one_sentence(error):
    message = str(error.value)
    assert "\n" not in message
    return message


def test_chairs_are_read_as_they_were_written(tmp_path):
    dataset = open_dataset(chairs(tmp_path))
    assert dataset.name == "FlyingChairs"
    assert len(dataset) == 4
    sample = dataset[1]
    np.testing.assert_array_equal(sample.frame0, picture(tmp_path / "again.ppm", 2))
    np.testing.assert_array_equal(sample.frame1, picture(tmp_path / "again.ppm", 102))
    assert sample.frame0.dtype == np.uint8
    assert (sample.flow == [2, 0]).all()
    assert sample.valid.all()
    assert sample.occluded is None


def test_the_official_split_of_chairs_is_followed(tmp_path):
    chairs(tmp_path / "FlyingChairs_release")
    for root in (tmp_path / "FlyingChairs_release", tmp_path / "FlyingChairs_release" / "data", tmp_path):
        assert names(open_dataset(root, "train")) == ["00001", "00003", "00004"]
        assert names(open_dataset(root, "val")) == ["00002"]


@pytest.mark.parametrize("split", ["1\n2\n", "1\n2\n3\n1\n"])
def test_a_split_file_that_does_not_fit_is_told(tmp_path, split):
    chairs(tmp_path, split=split)
    assert len(open_dataset(tmp_path)) == 4
    with pytest.raises(DatasetError) as error:
        open_dataset(tmp_path, "train")
    assert "FlyingChairs_train_val.txt" in in_one_sentence(error)


def test_a_split_file_of_one_s_own_goes_before_the_official_one(tmp_path):
    chairs(tmp_path, pairs=3, split="1\n" * 3)
    mine = tmp_path / "mine.txt"
    mine.write_text("2\n1\n2\n")
    for split, names in (("train", ["00002"]), ("val", ["00001", "00003"]), ("all", ["00001", "00002", "00003"])):
        dataset = open_dataset(tmp_path, split, split_file=mine)
        assert [pair.name for pair in dataset.pairs] == names
    mine.write_text("2\n1\n")
    for file in (mine, tmp_path / "none.txt"):
        with pytest.raises(DatasetError, match=file.name):
            open_dataset(tmp_path, "val", split_file=file)
    with pytest.raises(DatasetError, match="leave it out"):
        open_dataset(f"synthetic:{tmp_path}", "val", split_file=mine)


def test_without_an_official_split_a_share_is_held_out(tmp_path):
    chairs(tmp_path, pairs=10, split="")
    train, val = (names(open_dataset(tmp_path, split, held_out=0.3)) for split in ("train", "val"))
    assert len(val) == 3
    assert sorted(train + val) == names(open_dataset(tmp_path))
    assert names(open_dataset(tmp_path, "val", held_out=0.3)) == val


def test_homographies_are_read(tmp_path):
    dataset = open_dataset(homographies(tmp_path))
    assert dataset.name == "ChairsSDHom"
    assert len(dataset) == 3
    assert (dataset[2].flow == [2, 0]).all()
    assert len(open_dataset(tmp_path, "val")) == 1  # of the training part, as long as there is no other
    homographies(tmp_path, ["test"])
    assert [name.split("/")[0] for name in names(open_dataset(tmp_path, "val"))] == ["test"] * 3


def test_things_go_into_the_future_and_into_the_past(tmp_path):
    dataset = open_dataset(things(tmp_path))
    # 2 parts, 2 scenes, 2 sides, 2 passes, 2 gaps, 2 directions; a flow beyond the last frame has no pair.
    assert len(dataset) == 64
    assert len(open_dataset(tmp_path, "train")) == len(open_dataset(tmp_path, "val", variant="clean")) * 2 == 32
    by_name = {pair.name: number for number, pair in enumerate(dataset.pairs)}
    ahead = dataset[by_name["clean/TRAIN/A/0000/into_future/left/0006"]]
    back = dataset[by_name["clean/TRAIN/A/0000/into_past/left/0007"]]
    assert (ahead.flow == [6, 0]).all()
    assert (back.flow == [-7, 0]).all()
    np.testing.assert_array_equal(ahead.frame0, back.frame1)
    np.testing.assert_array_equal(ahead.frame1, back.frame0)


def test_things_without_the_past_or_a_pass_are_whole(tmp_path):
    assert len(open_dataset(things(tmp_path, ["TRAIN"], ["final"], past=False))) == 8
    with pytest.raises(DatasetError, match="frames_cleanpass"):
        open_dataset(tmp_path, variant="clean")


def test_sintel_has_two_passes_and_whole_scenes_on_either_side_of_a_split(tmp_path):
    sintel(tmp_path)
    assert len(open_dataset(tmp_path)) == 12
    assert len(open_dataset(tmp_path / "training", variant="final")) == 6
    train, val = (open_dataset(tmp_path, split, held_out=0.3).pairs for split in ("train", "val"))
    assert len(train) + len(val) == 12
    assert not {pair.scene for pair in train} & {pair.scene for pair in val}


def test_sintel_masks_are_heeded_where_there_are_any(tmp_path):
    assert open_dataset(sintel(tmp_path))[0].valid.all()
    sample = open_dataset(sintel(tmp_path, masks=True))[0]
    assert np.argwhere(~sample.valid).tolist() == [[0, 0]]
    assert np.argwhere(sample.occluded).tolist() == [[5, 6]]


@pytest.mark.parametrize("camera", ["image_2", "colored_0", "image_0"])
def test_kitti_is_sparse(tmp_path, camera):
    kitti(tmp_path, camera)
    sample = open_dataset(tmp_path)[3]
    assert not sample.valid[0].any()
    assert sample.valid[1:].all()
    assert (sample.flow[1:] == [3, 0]).all()
    assert open_dataset(tmp_path, variant="noc")[3].valid.sum() == (SIZE[0] - 1) * (SIZE[1] - 8)
    assert len(open_dataset(tmp_path, "val", held_out=0.2)) == 1


def test_a_list_names_files_beside_it(tmp_path):
    picture(tmp_path / "in" / "a.png", 1)
    picture(tmp_path / "in" / "b.jpg", 2)
    motion(tmp_path / "truth.npz", 3)
    (tmp_path / "pairs.txt").write_text(f"# frames and flow\n\nin/a.png {tmp_path / 'in' / 'b.jpg'} truth.npz\n")
    dataset = open_dataset(tmp_path / "pairs.txt")
    assert len(dataset) == 1
    assert (dataset[0].flow == [3, 0]).all()
    with pytest.raises(DatasetError, match="cannot be split"):
        open_dataset(tmp_path / "pairs.txt", "train")


@pytest.mark.parametrize("text", ["a.png b.png\n", "", "a b c d\n", "\xff\xfe"])
def test_a_list_that_is_none_is_told(tmp_path, text):
    (tmp_path / "pairs.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetError) as error:
        open_dataset(tmp_path / "pairs.txt")
    assert "pairs.txt" in in_one_sentence(error)


def test_a_made_up_sample_is_a_function_of_seed_and_number(tmp_path):
    files = [tmp_path / f"{n}.png" for n in range(3)]
    for n, file in enumerate(files):
        picture(file, n, (80, 90))
    one, two = (SyntheticDataset(files, (40, 50), length=9, seed=5) for _ in range(2))
    one[3]  # what was read before has no say
    for a, b in ((one[7], two[7]), (one[2], two[2])):
        np.testing.assert_array_equal(a.frame0, b.frame0)
        np.testing.assert_array_equal(a.frame1, b.frame1)
        np.testing.assert_array_equal(a.flow, b.flow)
        assert a.frame0.shape == (40, 50, 3)
    assert not np.array_equal(one[7].frame0, one[2].frame0)
    assert not np.array_equal(one[7].frame0, SyntheticDataset(files, (40, 50), seed=6)[7].frame0)
    with pytest.raises(IndexError):
        one[9]


def test_made_up_scenes_to_validate_on_are_of_other_pictures(tmp_path):
    for n in range(5):
        picture(tmp_path / "pictures" / "deep" / f"{n}.png", n, (80, 90))
    source = f"synthetic:{tmp_path / 'pictures'}"
    train, val = (open_dataset(source, split, size=(32, 48)) for split in ("train", "val"))
    assert not set(train.pictures) & set(val.pictures)
    assert val[0].frame0.shape == (32, 48, 3)
    assert len(open_dataset(source).pictures) == 5


def test_kept_samples_are_read_again_once_enough_others_were_asked_for():
    class Counted:
        name = "counted"
        read: ClassVar[list[int]] = []

        def __len__(self):
            return 9

        def __getitem__(self, index):
            self.read.append(index)
            return index

    kept = KeptDataset(Counted(), 2)
    assert [kept[i] for i in (3, 4, 3, 5, 3, 4)] == [3, 4, 3, 5, 3, 4]
    assert Counted.read == [3, 4, 5, 4]  # 3 was asked for since
    assert (len(kept), kept.name) == (9, "counted")


def test_data_sets_are_joined(tmp_path):
    chairs(tmp_path / "chairs")
    kitti(tmp_path / "kitti", "image_2")
    joined = open_datasets([tmp_path / "chairs", tmp_path / "kitti"])
    assert joined.name == "FlyingChairs + KITTI 2015"
    assert [joined[i].name for i in range(len(joined))] == [f"0000{n}" for n in range(1, 5)] + [
        f"00000{n}" for n in range(5)
    ]
    with pytest.raises(IndexError):
        joined[9]


def test_an_unknown_tree_is_told_what_there_is(tmp_path):
    (tmp_path / "holiday" / "2019").mkdir(parents=True)
    picture(tmp_path / "holiday" / "2019" / "a.png")
    with pytest.raises(DatasetError) as error:
        open_dataset(tmp_path / "holiday")
    message = in_one_sentence(error)
    assert "holiday" in message
    for name in (
        "FlyingChairs",
        "ChairsSDHom",
        "FlyingThings3D",
        "MPI-Sintel",
        "KITTI 2012",
        "KITTI 2015",
        "synthetic",
    ):
        assert name in message


@pytest.mark.parametrize(
    ("make", "file"),
    [
        (chairs, "data/00003_flow.flo"),
        (chairs, "data/00003_img2.ppm"),
        (homographies, "data/train/flow/00001.pfm"),
        (things, "optical_flow/TRAIN/A/0000/into_future/left/OpticalFlowIntoFuture_0007_L.pfm"),
        (sintel, "training/flow/bamboo_2/frame_0002.flo"),
        (lambda root: kitti(root, "image_2"), "training/flow_occ/000002_10.png"),
        (lambda root: kitti(root, "image_2"), "training/image_2/000002_11.png"),
    ],
)
def test_a_missing_file_is_named_on_opening(tmp_path, make, file):
    make(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(DatasetError) as error:
        open_dataset(tmp_path)
    assert str(tmp_path / file) in in_one_sentence(error).replace("/data/../", "/")


@pytest.mark.parametrize("file", ["00002_img1.ppm", "00002_img2.ppm", "00002_flow.flo"])
@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"<html>"])
def test_a_damaged_file_is_named_when_its_sample_is_read(tmp_path, file, damage):
    dataset = open_dataset(chairs(tmp_path))
    path = tmp_path / "data" / file
    path.write_bytes(damage(path.read_bytes()))
    assert dataset[0].valid.all()
    with pytest.raises((DatasetError, FlowFileError)) as error:
        dataset[1]
    assert file in in_one_sentence(error)


@pytest.mark.parametrize("file", ["00002_img2.ppm", "00002_flow.flo"])
def test_a_file_of_another_size_is_named(tmp_path, file):
    dataset = open_dataset(chairs(tmp_path))
    path = tmp_path / "data" / file
    (motion if path.suffix == ".flo" else picture)(path, size=(12, 17))
    with pytest.raises(DatasetError) as error:
        dataset[1]
    assert f"{file} is 17 x 12" in in_one_sentence(error)


@pytest.mark.parametrize(
    "arguments", [{"split": "test"}, {"variant": "clean"}, {"held_out": 0.0}, {"split": "val", "held_out": 1.5}]
)
def test_a_wrong_choice_is_told(tmp_path, arguments):
    with pytest.raises(ValueError, match=r"split|variant|held out"):
        open_dataset(chairs(tmp_path), **arguments)


@pytest.mark.parametrize("source", ["nowhere", "synthetic:nowhere"])
def test_what_does_not_exist_is_told(source):
    with pytest.raises(DatasetError, match="nowhere"):
        open_dataset(source)


def test_a_folder_without_pictures_makes_no_scenes(tmp_path):
    with pytest.raises(DatasetError, match="no pictures"):
        open_dataset(f"synthetic:{tmp_path}")
