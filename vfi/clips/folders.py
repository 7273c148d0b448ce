"""What clips there are below a folder.

| what | as it lies there | of a clip |
|---|---|---|
| videos | any files that end in .mp4, .mkv, ... | one file |
| frames (GoPro, X4K1000FPS, DAVIS, ...) | train/GOPR0372_07_00/000047.png, train/002/occ008.320/0000.png | one folder |
| Vimeo-90K triplet | tri_trainlist.txt, sequences/00001/0001/im1.png .. im3.png | a line of the list |
| Vimeo-90K septuplet | sep_trainlist.txt, sequences/00001/0001/im1.png .. im7.png | a line of the list |
| WebDataset | any files that end in .tar, see `vfi.clips.shards` | one sample |

They may lie beside each other and at any depth; symbolic links are followed. Images beside videos or shards are taken
for their posters; frames that lack a number in between are two clips. Where there is a folder ``train``, those beside
it that are called test or val are left out, and of Vimeo-90K what its list leaves out.
Sources: Xue 2019, arXiv:1711.09078 (Vimeo-90K); Nah 2017, arXiv:1612.02177 (GoPro); Sim 2021, arXiv:2103.16206
(X4K1000FPS).
"""

import os
from collections.abc import Iterator
from pathlib import Path

from vfi.batch import VIDEO_SUFFIXES
from vfi.clips.clip import Clip, CorpusError, Fingerprint
from vfi.clips.films import Film
from vfi.clips.images import ImageClip, find_runs
from vfi.clips.shards import read_shard
from vfi.flow_inputs import IMAGE_SUFFIXES

_FRAMES = {"tri": 3, "sep": 7}  # of a clip of Vimeo-90K, by how its list's name begins
_HELD_OUT = {"test", "val", "valid", "validation"}
_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_ENDINGS = (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES, *_COMPRESSED, ".tar", ".txt")  # of files that may matter


def walk(source: Path, fingerprint: Fingerprint) -> Iterator[Clip | Film]:
    """Yield the clips of a video, a shard, a list of Vimeo-90K or a folder, and the videos to decode, by name.

    Raises CorpusError if it does not exist or holds none, or something there is not whole.
    """
    if not source.exists():
        raise CorpusError(f"{source} does not exist: give a video, or a folder of videos, frames or .tar shards")
    if source.is_dir():
        found = _walk_folder(source, source, fingerprint, set())
    elif source.suffix.lower() == ".txt":
        found = _read_list(source, source.parent, fingerprint)
    else:
        found = _read_file(source, source.name, source.stat().st_size, fingerprint)
    first = next(found, None)
    if first is None:
        raise CorpusError(
            f"{source} holds no video, no .tar, and no folder of three images or more that are numbered one after"
            " another: name another folder"
        )
    yield first
    yield from found


def _read_file(path: Path, name: str, size: int, fingerprint: Fingerprint) -> Iterator[Clip | Film]:
    """A video or a shard."""
    if path.name.lower().endswith(_COMPRESSED):
        raise CorpusError(f"{path} is compressed, so that nothing can be read in its middle: decompress it to a .tar")
    fingerprint.add(name, size)
    if path.suffix.lower() == ".tar":
        yield from read_shard(path)
    else:
        yield Film(path)


def _walk_folder(
    folder: Path, root: Path, fingerprint: Fingerprint, above: set[tuple[int, int]]
) -> Iterator[Clip | Film]:
    stat = folder.stat()
    place = stat.st_dev, stat.st_ino
    if place in above:  # a link that leads back up
        return
    folders, files = _list_folder(folder)
    lists = [name for prefix in _FRAMES for name in (f"{prefix}_trainlist.txt", f"{prefix}_testlist.txt")]
    if any(name in files for name in lists):
        training = [name for name in lists if name in files and "train" in name]
        if not training:
            raise CorpusError(f"{folder} lacks the list of what to train on: put tri_ or sep_trainlist.txt there")
        for name in training:
            yield from _read_list(folder / name, root, fingerprint)
        return
    whole = [name for name in files if name.lower().endswith((*VIDEO_SUFFIXES, ".tar", *_COMPRESSED))]
    for name in whole:
        path = folder / name
        yield from _read_file(path, path.relative_to(root).as_posix(), files[name], fingerprint)
    if not whole:
        yield from _image_clips(folder, files, root, fingerprint)
    for name in folders:
        if not ("train" in folders and name.lower() in _HELD_OUT):
            yield from _walk_folder(folder / name, root, fingerprint, above | {place})


def _image_clips(folder: Path, files: dict[str, int], root: Path, fingerprint: Fingerprint) -> Iterator[ImageClip]:
    within = folder.relative_to(root)
    for names in find_runs(files):
        for name in names:
            fingerprint.add(f"{within}/{name}", files[name])
        yield ImageClip(str(folder), names)


def _read_list(path: Path, root: Path, fingerprint: Fingerprint) -> Iterator[ImageClip]:
    """The clips that a list of Vimeo-90K names, from the folder sequences beside it."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is no text: get the list anew") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise CorpusError(f"{path} is empty: write the name of a clip on each line, such as 00001/0001")
    wanted = _FRAMES.get(path.name[:3])
    for name in names:
        folder = path.parent / "sequences" / name
        try:
            files = _list_folder(folder)[1]
        except (FileNotFoundError, NotADirectoryError):
            raise CorpusError(f"{path} lists {name} but {folder} does not exist: unpack the set whole") from None
        clips = list(_image_clips(folder, files, root, fingerprint))
        if len(clips) != 1 or (wanted is not None and len(clips[0]) != wanted):
            found = " and ".join(str(len(clip)) for clip in clips) or "no"
            raise CorpusError(f"{folder} has {found} frames, not im1 to im{wanted or 'N'}: unpack the set anew")
        yield clips[0]


def _list_folder(folder: Path) -> tuple[list[str], dict[str, int]]:
    """The folders in it, and the files that may matter with their bytes, by name; hidden ones are left out."""
    folders, files = [], {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif entry.name.lower().endswith(_ENDINGS):
                files[entry.name] = entry.stat().st_size
    return sorted(folders), dict(sorted(files.items()))
