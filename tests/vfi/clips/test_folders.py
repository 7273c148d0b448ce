import shutil

import cv2
import numpy as np
import pytest

from vfi.clips import find_clips
from vfi.clips.clip import CorpusError


def frames(folder, names):
    """Small images, each of its own colour."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full((4, 6, 3), 9, np.uint8))


def vimeo(root, prefix, count, train, test):
    for name in (*train, *test):
        frames(root / "sequences" / name, [f"im{i}.png" for i in range(1, count + 1)])
    (root / f"{prefix}_trainlist.txt").write_text("\n".join(train) + "\n\n")
    (root / f"{prefix}_testlist.txt").write_text("\n".join(test) + "\n")


def found(tmp_path, *sources):
    """The clips' names below tmp_path, and their lengths."""
    clips, _ = find_clips(sources or [tmp_path], tmp_path / "cache")
    return [(clip.name.removeprefix(f"{tmp_path}/"), len(clip)) for clip in clips]


@pytest.mark.parametrize(("prefix", "count"), [("tri", 3), ("sep", 7)])
def test_vimeo_gives_what_its_training_list_names(tmp_path, prefix, count):
    vimeo(tmp_path / "vimeo", prefix, count, ["00001/0001", "00003/0002"], ["00002/0001"])
    assert found(tmp_path) == [
        ("vimeo/sequences/00001/0001/im1.png", count),
        ("vimeo/sequences/00003/0002/im1.png", count),
    ]


def test_a_list_of_ones_own_picks_out_of_vimeo(tmp_path):
    vimeo(tmp_path, "sep", 7, ["00001/0001", "00001/0002"], [])
    (tmp_path / "mine.txt").write_text("00001/0002")
    assert found(tmp_path, tmp_path / "mine.txt") == [("sequences/00001/0002/im1.png", 7)]


def test_a_vimeo_that_is_not_whole_names_what_is_missing(tmp_path):
    vimeo(tmp_path, "sep", 7, ["00001/0001", "00001/0002"], ["00001/0003"])
    (tmp_path / "sequences" / "00001" / "0002" / "im7.png").unlink()
    with pytest.raises(CorpusError, match=r"00001/0002 has 6 frames, not im1 to im7"):
        found(tmp_path)
    shutil.rmtree(tmp_path / "sequences" / "00001" / "0002")
    with pytest.raises(CorpusError, match=r"lists 00001/0002 but .* does not exist"):
        found(tmp_path)
    (tmp_path / "sep_trainlist.txt").unlink()
    with pytest.raises(CorpusError, match="lacks the list of what to train on"):
        found(tmp_path)


def test_every_folder_of_consecutive_frames_is_a_clip_and_those_to_test_on_are_left_out(tmp_path):
    for part in ("train", "test", "val"):
        frames(tmp_path / "GoPro" / part / "GOPR0372_07_00", [f"{i:06}.png" for i in range(47, 52)])
    frames(tmp_path / "X4K" / "002" / "occ008.320", [f"{i:04}.png" for i in range(65)])
    frames(tmp_path / "X4K" / "test", [f"{i}.jpg" for i in range(4)])  # no folder train beside it
    frames(tmp_path / "X4K" / ".trash", [f"{i}.jpg" for i in range(4)])
    assert found(tmp_path) == [
        ("GoPro/train/GOPR0372_07_00/000047.png", 5),
        ("X4K/002/occ008.320/0000.png", 65),
        ("X4K/test/0.jpg", 4),
    ]


def test_several_kinds_of_corpus_may_lie_beside_each_other(tmp_path, film):
    (tmp_path / "films").mkdir()
    film("films/a.mkv", codec="ffv1", pix_fmt="bgr0", frames=4)
    frames(tmp_path / "films", ["poster1.png", "poster2.png", "poster3.png"])  # beside videos, no frames
    vimeo(tmp_path / "vimeo", "tri", 3, ["00001/0001"], ["00002/0001"])
    frames(tmp_path / "walk", ["1.png", "2.png", "3.png"])
    (tmp_path / "walk" / "up").symlink_to(tmp_path)  # is not followed for ever
    assert found(tmp_path) == [
        ("films/a.mkv", 4),
        ("vimeo/sequences/00001/0001/im1.png", 3),
        ("walk/1.png", 3),
    ]
    (tmp_path / "walk" / "up").unlink()
    assert found(tmp_path, tmp_path / "walk", tmp_path / "films" / "a.mkv") == [("walk/1.png", 3), ("films/a.mkv", 4)]


def test_what_holds_no_clip_says_so(tmp_path, film):
    with pytest.raises(CorpusError, match="nowhere does not exist"):
        found(tmp_path, tmp_path / "nowhere")
    frames(tmp_path / "still", ["1.png", "2.png", "9.png"])
    with pytest.raises(CorpusError, match="still holds no video"):
        found(tmp_path, tmp_path / "still")
    with pytest.raises(CorpusError, match="three frames"):
        found(tmp_path, film("short.mkv", codec="ffv1", pix_fmt="bgr0", frames=2))
    (tmp_path / "a.tar.gz").write_bytes(b"packed")
    with pytest.raises(CorpusError, match=r"a\.tar\.gz is compressed"):
        found(tmp_path, tmp_path / "a.tar.gz")
