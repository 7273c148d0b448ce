"""Clips in WebDataset shards: uncompressed .tar files, of which any frame is read where it lies.

By WebDataset's convention the members of a sample share the key, which is the path up to the first dot of its last
part; what follows that dot tells them apart. Here a sample is a clip, and its frames are numbered one after another::

    00001/0001.im1.png  00001/0001.im2.png  00001/0001.im3.png    a clip of three frames, with the key 00001/0001
    walk.000.jpg  walk.001.jpg ...                                a clip of any length, with the key walk
    dive.mp4                                                      a video, decoded into the cache as others are

Other members, such as KEY.json or KEY.flow.npy, are left alone. Reading in place, not as a stream, is what lets a
resumed training see what an uninterrupted one would have seen. Source: the documentation of webdataset.
"""

import sys
import tarfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vfi.batch import VIDEO_SUFFIXES
from vfi.clips.clip import Clip, CorpusError
from vfi.clips.films import Film
from vfi.clips.images import find_runs
from vfi.media.images import decode_image, eight_bit


@dataclass(frozen=True, slots=True)
class ShardClip:
    """Frames by their places in a .tar."""

    shard: str
    key: str
    names: tuple[str, ...]  # of the frames, after the key and a dot
    places: array  # of int64: for each frame in turn the offset of its data, and their size

    @property
    def name(self) -> str:
        return f"{self.shard}, {self.key}"

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        what = f"{self.shard}, {self.key}.{self.names[index]},"
        with open(self.shard, "rb") as file:
            file.seek(self.places[2 * index])
            data = file.read(self.places[2 * index + 1])
        return eight_bit(decode_image(np.frombuffer(data, np.uint8), what))


def read_shard(path: Path) -> Iterator[Clip | Film]:
    """Yield the samples of a shard that are clips, by their keys; only the members' headers are read.

    Raises CorpusError if it is no uncompressed .tar, is cut short, or holds no clip.
    """
    samples: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined] # else it would keep them all
                folder, slash, last = member.name.removeprefix("./").rpartition("/")
                key, dot, rest = last.partition(".")
                if member.isreg() and key and dot:
                    samples.setdefault(folder + slash + key, {})[sys.intern(rest)] = (member.offset_data, member.size)
    except tarfile.TarError as error:
        raise CorpusError(f"{path} is no whole, uncompressed .tar ({error}): unpack it, or get it anew") from error
    end, found = path.stat().st_size, False
    for key, members in sorted(samples.items()):
        if any(offset + size > end for offset, size in members.values()):
            raise CorpusError(f"{path} is cut short: get it anew")
        for names in find_runs(members):
            found = True
            yield ShardClip(str(path), key, names, array("q", [n for name in names for n in members[name]]))
        for name, (offset, size) in sorted(members.items()):
            if f".{name.rpartition('.')[2].lower()}" in VIDEO_SUFFIXES:
                found = True
                yield Film(path, f"{key}.{name}", offset, size)
    if not found:
        raise CorpusError(f"{path} holds no clip: name the frames of each KEY.im1.png, KEY.im2.png ..., or KEY.mp4")
