import gzip
import io
import tarfile

import cv2
import numpy as np
import pytest

from vfi.clips.clip import CorpusError
from vfi.clips.films import Film, decode
from vfi.clips.shards import read_shard
from vfi.media import MediaError


def picture(seed):
    """An image (12, 16, 3) uint8 RGB and its PNG file."""
    image = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)
    return image, cv2.imencode(".png", image[..., ::-1])[1].tobytes()


@pytest.fixture
def shard(tmp_path):
    """shard(name=bytes, ...) -> a .tar with these members."""

    def write(members, name="shard-000000.tar"):
        with tarfile.open(tmp_path / name, "w") as tar:
            for member, data in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return tmp_path / name

    return write


def test_a_sample_is_a_clip_of_its_numbered_images(shard):
    members = {f"00001/{key}.im{i}.png": picture(10 * key + i)[1] for key in (1, 2) for i in (3, 1, 2)}
    members |= {"00001/1.json": b"{}", "00001/1.flow.npy": b"other", "README": b"words", "./3.cover.png": b"one alone"}
    clips = list(read_shard(shard(members)))
    assert [len(clip) for clip in clips] == [3, 3]
    for key, clip in zip((1, 2), clips, strict=True):
        for i in range(3):
            assert np.array_equal(clip[i], picture(10 * key + i + 1)[0])


def test_images_of_several_samples_are_no_clip(shard):
    # By the convention 001, 002 and 003 are keys: three pictures that have nothing to do with each other.
    with pytest.raises(CorpusError, match=r"holds no clip: name the frames of each KEY\.im1\.png"):
        list(read_shard(shard({f"{i:03}.png": picture(i)[1] for i in (1, 2, 3)})))


def test_a_video_in_a_shard_is_decoded_like_any_other(shard, film, tmp_path):
    path = film("a.mkv", codec="ffv1", pix_fmt="bgr0", size=(64, 48), frames=5)
    packed = shard({"words.txt": b"dive", "dive.mkv": path.read_bytes(), "walk.mkv": path.read_bytes()})
    found = list(read_shard(packed))
    assert all(isinstance(one, Film) for one in found)
    alone, inside = decode(Film(path), tmp_path / "cache"), [decode(one, tmp_path / "cache") for one in found]
    assert len({clip.file for clip in inside}) == 2
    assert all(np.array_equal(clip[i], alone[i]) for clip in inside for i in range(5))


def test_a_damaged_picture_is_named(shard):
    members = {f"a.{i}.png": picture(i)[1] for i in range(3)} | {"a.1.png": b"no picture"}
    (clip,) = read_shard(shard(members))
    with pytest.raises(MediaError, match=r"shard-000000\.tar, a\.1\.png, is no image"):
        clip[1]


def test_a_shard_that_is_not_whole_is_told(shard, tmp_path):
    whole = shard({f"a.{i}.png": picture(i)[1] for i in range(3)}).read_bytes()
    broken = {"cut": whole[:1000], "packed": gzip.compress(whole), "empty": b"", "other": b"words" * 1000}
    for name, content in broken.items():
        path = tmp_path / f"{name}.tar"
        path.write_bytes(content)
        with pytest.raises(CorpusError, match=rf"{name}\.tar is no whole, uncompressed \.tar"):
            list(read_shard(path))
