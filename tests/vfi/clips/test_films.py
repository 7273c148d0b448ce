import os
from pathlib import Path

import av
import numpy as np
import pytest

from vfi.clips.clip import CorpusError
from vfi.clips.films import Film, decode


def test_every_frame_is_there_and_decoded_but_once(film, tmp_path):
    path, cache = film("a.mkv", codec="ffv1", pix_fmt="bgr0", size=(64, 48), frames=7), tmp_path / "cache"
    with av.open(str(path)) as container:
        true = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    clip = decode(Film(path), cache)
    assert len(clip) == 7
    assert all(np.array_equal(clip[i], frame) for i, frame in enumerate(true))
    made = {file: file.stat().st_mtime_ns for file in cache.iterdir()}
    assert decode(Film(path), cache) == clip
    assert {file: file.stat().st_mtime_ns for file in cache.iterdir()} == made


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux to count open files")
def test_clips_hold_no_file_open(film, tmp_path):
    clips = [
        decode(Film(film(f"{i}.mkv", codec="ffv1", pix_fmt="bgr0", size=(32, 32), frames=3)), tmp_path)
        for i in range(3)
    ]
    before = len(os.listdir("/proc/self/fd"))
    read = [clip[1][:4] * 1 for clip in clips]
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(read) == 3


@pytest.mark.parametrize("content", [b"", b"this is no video"])
def test_a_broken_video_is_named_and_leaves_nothing_in_the_cache(tmp_path, content):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(content)
    with pytest.raises(CorpusError, match=r"broken\.mp4 cannot be decoded"):
        decode(Film(broken), tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_video_that_changes_its_size_is_refused(film, tmp_path):
    parts = [film(f"{i}.ts", codec="mpeg2video", size=size, frames=4) for i, size in enumerate([(64, 48), (96, 64)])]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(CorpusError, match="changes its picture size"):
        decode(Film(both), tmp_path / "cache")


def test_a_cache_that_cannot_be_is_named(film, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CorpusError, match="choose another --cache"):
        decode(Film(film(frames=3)), tmp_path / "cache")
