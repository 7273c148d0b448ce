import cv2
import numpy as np
import pytest

from vfi.clips.images import ImageClip, find_runs
from vfi.media import MediaError


def test_a_missing_number_ends_a_run_and_runs_of_two_are_left_out():
    names = [f"{i:05}.jpg" for i in (0, 1, 2, 4, 5, 7, 8, 9, 10)]
    assert find_runs(names) == [tuple(names[:3]), tuple(names[5:])]


def test_numbers_are_counted_and_not_spelt():
    assert find_runs(["im11.png", "im9.png", "im10.png"]) == [("im9.png", "im10.png", "im11.png")]


def test_other_beginnings_and_endings_are_other_clips():
    names = [f"{name}{i}{ending}" for name in ("a_", "clip2_") for ending in (".png", ".JPG") for i in (1, 2, 3)]
    assert [len(run) for run in find_runs(names)] == [3] * 4
    assert find_runs(["1.txt", "2.txt", "3.txt", "a.png", "b.png", "c.png"]) == []


def test_frames_are_read_when_they_are_asked_for(tmp_path):
    images = np.random.default_rng(0).integers(0, 2**16, (3, 8, 10, 3), np.uint16)
    for i, image in enumerate(images):
        cv2.imwrite(str(tmp_path / f"{i}.png"), image[..., ::-1])
    clip = ImageClip(str(tmp_path), ("0.png", "1.png", "2.png"))
    assert len(clip) == 3
    assert np.array_equal(clip[1], np.rint(images[1] / 257).astype(np.uint8))  # 16 bits, rounded
    (tmp_path / "2.png").write_bytes(b"no picture")
    with pytest.raises(MediaError, match=r"2\.png is no image"):
        clip[2]
