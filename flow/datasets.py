"""Pairs of frames whose flow is known: the public data sets in their own folders, lists of files, and made-up scenes.

A data set is a sequence that reads a sample when it is asked for it. `open_dataset` recognises these by their folders:

| data set | folders and files | split | variants |
|---|---|---|---|
| FlyingChairs | data/00001_img1.ppm, _img2.ppm, _flow.flo | FlyingChairs_train_val.txt, a line of 1 or 2 a pair | |
| ChairsSDHom | data/{train,test}/{t0,t1}/00001.png, flow/00001.pfm | train, test | |
| FlyingThings3D | frames_cleanpass/TRAIN/A/0000/left/0006.png, optical_flow/TRAIN/... | TRAIN, TEST | clean, final |
| MPI-Sintel | training/clean/alley_1/frame_0001.png, training/flow/alley_1/frame_0001.flo | scenes | clean, final |
| KITTI 2012 | training/colored_0 (or image_0)/000000_10.png, _11.png, flow_occ/000000_10.png | pairs | occ, noc |
| KITTI 2015 | training/image_2/000000_10.png, _11.png, flow_occ/000000_10.png | pairs | occ, noc |

A text file names a pair a line, ``frame0 frame1 flow``, relative to its own folder. ``synthetic:FOLDER`` makes scenes
of a folder of pictures, see `flow.synthetic`. Where a data set has no split of its own, or lacks the held-out part of
it, whole scenes are held out: neighbouring frames on both sides of the split would flatter the model.
"""

import re
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

import cv2
import numpy as np

from flow.files import read_flow
from flow.synthetic import random_scene

SPLITS = ("all", "train", "val")
SYNTHETIC = "synthetic:"
PICTURES = (".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".webp", ".tif", ".tiff")
_CHAIRS_SPLIT = "FlyingChairs_train_val.txt"
_KEPT_BYTES = 2**28  # of decoded pictures, of which scenes are cut
_CUT_OF = 4  # pictures that one scene is cut of


class DatasetError(ValueError):
    """A data set cannot be read; the message names the file or folder and the way out."""


@dataclass(frozen=True)
class Sample:
    """A pair of frames and the true flow from the first to the second."""

    name: str
    frame0: np.ndarray  # (H, W, 3) uint8 RGB
    frame1: np.ndarray
    flow: np.ndarray  # (H, W, 2) float32 in pixels, dx (right) then dy (down); 0 where unknown
    valid: np.ndarray  # (H, W) bool, where the flow is known
    occluded: np.ndarray | None = None  # (H, W) bool, where the second frame hides it, if the data set says so


class FlowDataset(Protocol):
    """What a training or an evaluation takes its samples from."""

    name: str

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@dataclass(frozen=True)
class Pair:
    """The files of a sample."""

    name: str
    frame0: Path
    frame1: Path
    flow: Path
    scene: str  # pairs of one scene are on the same side of a split
    invalid: Path | None = None  # a picture that is not black where the flow is not to be trusted
    occlusions: Path | None = None  # one that is not black where the second frame hides what the first shows

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them that there must be."""
        optional = (self.invalid, self.occlusions)
        return (self.frame0, self.frame1, self.flow, *(path for path in optional if path))


class PairDataset:
    """Samples from files, each read when it is asked for."""

    def __init__(self, name: str, pairs: Sequence[Pair]) -> None:
        """Raises DatasetError that names the first missing file, if there is any, or if there are no pairs."""
        if not pairs:
            raise DatasetError(f"{name} holds no pairs of frames: check that it is unpacked whole")
        missing = [path for pair in pairs for path in pair.files if not path.is_file()]
        if missing:
            more = f" and {len(missing) - 1} more of its files" if len(missing) > 1 else ""
            raise DatasetError(f"{name} lacks {missing[0]}{more}: unpack the data set anew")
        self.name, self.pairs = name, tuple(pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Return a sample; raises DatasetError or FlowFileError that names the file if one is damaged or misfits."""
        pair = self.pairs[index]
        frame0, frame1 = read_picture(pair.frame0), read_picture(pair.frame1)
        flow, valid = read_flow(pair.flow)
        size = frame0.shape[:2]
        _refuse_other_size(pair.frame1, frame1, pair.frame0, size)
        _refuse_other_size(pair.flow, flow, pair.frame0, size)
        if pair.invalid:
            valid &= ~_read_mask(pair.invalid, pair.frame0, size)
            flow[~valid] = 0
        occluded = _read_mask(pair.occlusions, pair.frame0, size) if pair.occlusions else None
        return Sample(pair.name, frame0, frame1, flow, valid, occluded)


class SyntheticDataset:
    """Scenes cut of pictures: sample i is a function of the seed and i alone."""

    def __init__(
        self,
        pictures: Sequence[Path],
        size: tuple[int, int] = (384, 512),
        *,
        length: int = 20_000,
        seed: int = 0,
        largest: float = 0.12,
        name: str = "synthetic",
    ) -> None:
        """Take pictures by their files; size (height, width) of the frames; length, how many samples there are.

        largest: the greatest displacement of the layers' centres, as a fraction of the width.
        Raises DatasetError if there are no pictures.
        """
        if not pictures:
            raise DatasetError(f"{name} holds no pictures to cut scenes of: they end in {', '.join(PICTURES)}")
        self.name, self.pictures, self.size, self.length = name, tuple(pictures), size, length
        self.seed, self.largest = seed, largest
        self._decoded: OrderedDict[Path, np.ndarray] = OrderedDict()
        self._lock = Lock()  # samples are made in several threads

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        """Return a sample; raises IndexError beyond the length and DatasetError if a picture is damaged."""
        if not 0 <= index < self.length:
            raise IndexError(index)
        random = np.random.default_rng([self.seed, index])
        chosen = random.choice(len(self.pictures), min(_CUT_OF, len(self.pictures)), replace=False)
        textures = [self._picture(self.pictures[i]) for i in chosen]
        # Layers are laid at the first frame's time, so that the flow from there needs no inverse.
        scene = random_scene(textures, self.size, random, largest=self.largest, own=0.0)
        return Sample(
            f"{self.name}/{index}", scene.picture(0), scene.picture(1), scene.flow(0, 1), np.ones(self.size, bool)
        )

    def _picture(self, path: Path) -> np.ndarray:
        with self._lock:
            found = self._decoded.get(path)
            if found is not None:
                self._decoded.move_to_end(path)
                return found
        found = read_picture(path)
        with self._lock:
            self._decoded[path] = found
            while len(self._decoded) > 1 and sum(picture.nbytes for picture in self._decoded.values()) > _KEPT_BYTES:
                self._decoded.popitem(last=False)
        return found


class KeptDataset:
    """A data set whose samples stay in memory until ``count`` others were asked for."""

    def __init__(self, dataset: FlowDataset, count: int) -> None:
        self.dataset, self.name, self.count = dataset, dataset.name, count
        self._kept: OrderedDict[int, Sample] = OrderedDict()
        self._lock = Lock()  # samples are asked for by several threads

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Return a sample; raises what reading it raises."""
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
        sample = self.dataset[index]
        with self._lock:
            self._kept[index] = sample
            while len(self._kept) > self.count:
                self._kept.popitem(last=False)
        return sample


class JoinedDataset:
    """Several data sets one after the other."""

    def __init__(self, parts: Sequence[FlowDataset]) -> None:
        self.parts = tuple(parts)
        self.name = " + ".join(part.name for part in parts)
        self._ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(index)
        which = int(np.searchsorted(self._ends, index, side="right"))
        return self.parts[which][index - int(self._ends[which]) + len(self.parts[which])]


def open_dataset(
    source: Path | str,
    split: str = "all",
    *,
    variant: str | None = None,
    held_out: float = 0.1,
    split_file: Path | None = None,
    size: tuple[int, int] = (384, 512),
    seed: int = 0,
) -> FlowDataset:
    """Return a data set by its folder, a list of files, or ``synthetic:FOLDER``.

    split: all, train or val; held_out: the share of pairs in val, where the data set has no split of its own; variant:
    clean or final (both if None), occ or noc (occ if None); split_file: a text with a 1 (train) or a 2 (val) for each
    pair, in the order of the split all, instead of what the data set comes with; size (height, width) and seed of
    made-up scenes, of which val has 100 from other pictures than train if there are two or more.
    Raises DatasetError if the folder is none of those known, or lacks a file or the variant, and ValueError for another
    split or share.
    Sources: Dosovitskiy 2015, arXiv:1504.06852 (FlyingChairs); Ilg 2016, arXiv:1612.01925 (ChairsSDHom); Mayer 2016,
    arXiv:1512.02134 (FlyingThings3D); Butler 2012, doi:10.1007/978-3-642-33783-3_44 (Sintel); Geiger 2012,
    doi:10.1109/CVPR.2012.6248074 and Menze 2015, doi:10.1109/CVPR.2015.7298925 (KITTI).
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: use {', '.join(SPLITS)}")
    if not 0 < held_out < 1:
        raise ValueError(f"the share held out is {held_out:g}: use one between 0 and 1")
    if str(source).startswith(SYNTHETIC):
        if split_file:
            raise DatasetError(f"{source} has no pairs of its own to split by {split_file}: leave it out")
        return _open_synthetic(Path(str(source)[len(SYNTHETIC) :]), split, held_out, size, seed)
    root = Path(source)
    if root.is_file():
        _refuse_variant(root.name, variant, ())
        pairs = _list_pairs(root)
        chosen = _by_file(pairs, split_file, split) if split_file else _divide(pairs, split, held_out)
        return PairDataset(root.name, chosen)
    if not root.is_dir():
        raise DatasetError(f"{root} does not exist: name the folder of a data set, or a list of files")
    for name, (places, recognise, gather) in _LAYOUTS.items():
        for place in places:
            if recognise(root / place):
                pairs = gather(root / place, "all" if split_file else split, variant, held_out)
                return PairDataset(name, _by_file(pairs, split_file, split) if split_file else pairs)
    raise DatasetError(
        f"{root} is laid out like no known data set: use the folder of {', '.join(_LAYOUTS)} as it was unpacked, a "
        f"text file with a line 'frame0 frame1 flow' a pair, or {SYNTHETIC}FOLDER for scenes made of its pictures"
    )


def open_datasets(
    sources: Sequence[Path | str],
    split: str = "all",
    *,
    variant: str | None = None,
    held_out: float = 0.1,
    split_file: Path | None = None,
    size: tuple[int, int] = (384, 512),
    seed: int = 0,
) -> FlowDataset:
    """Return the one data set, or several joined; everything else as `open_dataset` has it."""
    if not sources:
        raise DatasetError("no data set is named: name the folder of one")
    parts = [
        open_dataset(source, split, variant=variant, held_out=held_out, split_file=split_file, size=size, seed=seed)
        for source in sources
    ]
    return parts[0] if len(parts) == 1 else JoinedDataset(parts)


def read_picture(path: Path) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 RGB; raises DatasetError that names the file if it cannot be read."""
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _decode(path: Path, kind: int) -> np.ndarray:
    # A picture turned by its EXIF tag would no longer lie on the grid of its flow.
    image = cv2.imread(str(path), kind | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        what = "is damaged or no picture: get it anew" if path.is_file() else "does not exist: check the name"
        raise DatasetError(f"{path} {what}")
    return image


def _read_mask(path: Path, frame: Path, size: tuple[int, ...]) -> np.ndarray:
    """Where a picture is not black, (H, W) bool."""
    mask = _decode(path, cv2.IMREAD_GRAYSCALE) > 0
    _refuse_other_size(path, mask, frame, size)
    return mask


def _refuse_other_size(path: Path, array: np.ndarray, frame: Path, size: tuple[int, ...]) -> None:
    if array.shape[:2] != size:
        height, width = array.shape[:2]
        raise DatasetError(
            f"{path} is {width} x {height} pixels but {frame} is {size[1]} x {size[0]}: get the data set anew"
        )


def _refuse_variant(name: str, variant: str | None, known: Iterable[str]) -> None:
    known = tuple(known)
    if variant is not None and variant not in known:
        way_out = f"use {' or '.join(known)}" if known else "leave it out"
        raise DatasetError(f"{name} has no variant {variant!r}: {way_out}")


def _divide(pairs: list[Pair], split: str, held_out: float) -> list[Pair]:
    """The pairs of a split, whole scenes on either side; single pairs if there is but one scene."""
    if split == "all":
        return pairs
    by_pair = len({pair.scene for pair in pairs}) == 1
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.name if by_pair else pair.scene, []).append(pair)
    if len(groups) < 2:
        raise DatasetError(f"{pairs[0].frame0} is of the only pair, which cannot be split: use the split all")
    # The checksum shuffles the scenes the same way everywhere; neither the order of the disk nor a seed has a say.
    held: set[str] = set()
    count = 0
    for group in sorted(groups, key=lambda name: (zlib.crc32(name.encode()), name))[:-1]:
        if held and count + len(groups[group]) / 2 > held_out * len(pairs):
            break
        held.add(group)
        count += len(groups[group])
    return [pair for pair in pairs if ((pair.name if by_pair else pair.scene) in held) == (split == "val")]


def _by_file(pairs: list[Pair], path: Path, split: str) -> list[Pair]:
    """The pairs of a split as a file has it: a line of 1, for train, or 2 a pair, as that of FlyingChairs."""
    if not path.is_file():
        raise DatasetError(f"{path} does not exist: name a file with a 1 (train) or a 2 (val) for each pair")
    sides = path.read_text(encoding="ascii", errors="replace").split()
    if len(sides) != len(pairs) or set(sides) - {"1", "2"}:
        raise DatasetError(
            f"{path} does not hold a 1 or a 2 for each of the {len(pairs)} pairs but {len(sides)} lines: get it anew,"
            " or leave it out to split by share"
        )
    wanted = {"all": "12", "train": "1", "val": "2"}[split]
    return [pair for pair, side in zip(pairs, sides, strict=True) if side in wanted]


def _list_pairs(path: Path) -> list[Pair]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is no text: name a list with a line 'frame0 frame1 flow' a pair") from error
    pairs = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = line.split()
        if len(parts) != 3:
            raise DatasetError(f"{path}, line {number}, has {len(parts)} words: write 'frame0 frame1 flow'")
        frame0, frame1, flow = (path.parent / part for part in parts)
        pairs.append(Pair(parts[2], frame0, frame1, flow, str(frame0.parent)))
    if not pairs:
        raise DatasetError(f"{path} names no pairs: write a line 'frame0 frame1 flow' for each")
    return pairs


def _open_synthetic(folder: Path, split: str, held_out: float, size: tuple[int, int], seed: int) -> SyntheticDataset:
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder: write {SYNTHETIC}FOLDER, a folder of pictures")
    name = f"{SYNTHETIC}{folder.name}"
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if split != "all" and len(pictures) > 1:
        shuffled = sorted(pictures, key=lambda path: (zlib.crc32(path.name.encode()), path.name))
        count = max(1, min(len(shuffled) - 1, round(held_out * len(shuffled))))
        pictures = sorted(shuffled[:count] if split == "val" else shuffled[count:])
    if split == "val":
        # Another seed, so that with a single picture the scenes at least differ.
        return SyntheticDataset(pictures, size, length=100, seed=seed + 1_000_003, name=name)
    return SyntheticDataset(pictures, size, seed=seed, name=name)


def _is_chairs(base: Path) -> bool:
    return next(base.glob("*_img1.ppm"), None) is not None


def _chairs(base: Path, split: str, variant: str | None, held_out: float) -> list[Pair]:
    _refuse_variant("FlyingChairs", variant, ())
    pairs = []
    for frame0 in sorted(base.glob("*_img1.ppm")):
        stem = frame0.name[: -len("_img1.ppm")]
        pairs.append(Pair(stem, frame0, base / f"{stem}_img2.ppm", base / f"{stem}_flow.flo", stem))
    official = next((p for p in (base / _CHAIRS_SPLIT, base.parent / _CHAIRS_SPLIT) if p.is_file()), None)
    if split == "all" or official is None:
        return _divide(pairs, split, held_out)
    return _by_file(pairs, official, split)


def _is_homographies(base: Path) -> bool:
    return all((base / "train" / part).is_dir() for part in ("t0", "t1"))


def _homographies(base: Path, split: str, variant: str | None, held_out: float) -> list[Pair]:
    _refuse_variant("ChairsSDHom", variant, ())

    def part(name: str) -> list[Pair]:
        found = []
        for frame0 in sorted((base / name / "t0").glob("*.png")):
            stem = f"{name}/{frame0.stem}"
            flow = base / name / "flow" / f"{frame0.stem}.pfm"
            found.append(Pair(stem, frame0, base / name / "t1" / frame0.name, flow, stem))
        return found

    return _official(part("train"), part("test"), split, held_out)


def _is_things(base: Path) -> bool:
    return (base / "optical_flow").is_dir() and any((base / f"frames_{v}pass").is_dir() for v in ("clean", "final"))


def _things(base: Path, split: str, variant: str | None, held_out: float) -> list[Pair]:
    _refuse_variant("FlyingThings3D", variant, ("clean", "final"))
    variants = [v for v in ([variant] if variant else ["clean", "final"]) if (base / f"frames_{v}pass").is_dir()]
    if not variants:
        raise DatasetError(f"{base / f'frames_{variant}pass'} does not exist: use the other variant, or unpack it")

    def part(name: str) -> list[Pair]:
        found = []
        for v in variants:
            frames = base / f"frames_{v}pass" / name
            for folder in sorted(path for path in frames.glob("*/*/*") if path.name in ("left", "right")):
                scene, side = folder.parent.relative_to(base / f"frames_{v}pass"), folder.name
                flows = base / "optical_flow" / scene
                for first, second in _neighbours(folder.glob("*.png")):
                    for start, end, where in ((first, second, "future"), (second, first, "past")):
                        file = f"OpticalFlowInto{where.capitalize()}_{start.stem}_{side[0].upper()}.pfm"
                        flow = flows / f"into_{where}" / side / file
                        title = f"{v}/{scene.as_posix()}/into_{where}/{side}/{start.stem}"
                        # One direction alone may be unpacked, but a direction that is there must be whole.
                        if flow.parent.is_dir() or where == "future":
                            found.append(Pair(title, start, end, flow, scene.as_posix()))
        return found

    return _official(part("TRAIN"), part("TEST"), split, held_out)


def _is_sintel(base: Path) -> bool:
    return (base / "flow").is_dir() and any((base / variant).is_dir() for variant in ("clean", "final"))


def _sintel(base: Path, split: str, variant: str | None, held_out: float) -> list[Pair]:
    _refuse_variant("MPI-Sintel", variant, ("clean", "final"))
    pairs = []
    for v in [variant] if variant else ["clean", "final"]:
        for scene in sorted(path for path in (base / v).glob("*") if path.is_dir()):
            for first, second in _neighbours(scene.glob("*.png")):
                place = Path(scene.name) / first.name
                invalid, occlusions = base / "invalid", base / "occlusions"
                pairs.append(
                    Pair(
                        f"{v}/{scene.name}/{first.stem}",
                        first,
                        second,
                        (base / "flow" / place).with_suffix(".flo"),
                        scene.name,
                        invalid / place if invalid.is_dir() else None,
                        occlusions / place if occlusions.is_dir() else None,
                    )
                )
    if not pairs:
        raise DatasetError(f"{base} holds no pairs of frames: unpack clean or final into it, with a folder a scene")
    return _divide(pairs, split, held_out)


def _is_kitti(camera: str) -> Callable[[Path], bool]:
    return lambda base: (base / camera).is_dir() and any((base / f"flow_{v}").is_dir() for v in ("occ", "noc"))


def _kitti(camera: str, name: str) -> Callable[[Path, str, str | None, float], list[Pair]]:
    def gather(base: Path, split: str, variant: str | None, held_out: float) -> list[Pair]:
        _refuse_variant(name, variant, ("occ", "noc"))
        flows = base / f"flow_{variant or 'occ'}"
        pairs = []
        for frame0 in sorted((base / camera).glob("*_10.png")):
            stem = frame0.name[: -len("_10.png")]
            pairs.append(Pair(stem, frame0, frame0.with_name(f"{stem}_11.png"), flows / frame0.name, stem))
        if not pairs:
            raise DatasetError(f"{base / camera} holds no frames that end in _10.png: unpack the data set anew")
        return _divide(pairs, split, held_out)

    return gather


def _official(train: list[Pair], test: list[Pair], split: str, held_out: float) -> list[Pair]:
    if not test and train:
        return _divide(train, split, held_out)
    return {"all": train + test, "train": train, "val": test}[split]


def _neighbours(frames: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Frames whose names end in numbers one apart, first to second."""
    by_number = {int(found[0]): path for path in frames if (found := re.search(r"\d+$", path.stem))}
    return [(by_number[n], by_number[n + 1]) for n in sorted(by_number) if n + 1 in by_number]


_Gather = Callable[[Path, str, str | None, float], list[Pair]]
# Where the folders may begin below the one named, how they are recognised, and how their pairs are found.
_LAYOUTS: dict[str, tuple[tuple[str, ...], Callable[[Path], bool], _Gather]] = {
    "FlyingChairs": ((".", "data", "FlyingChairs_release/data"), _is_chairs, _chairs),
    "ChairsSDHom": ((".", "data", "ChairsSDHom/data"), _is_homographies, _homographies),
    "FlyingThings3D": ((".",), _is_things, _things),
    "MPI-Sintel": ((".", "training"), _is_sintel, _sintel),
    "KITTI 2015": ((".", "training"), _is_kitti("image_2"), _kitti("image_2", "KITTI 2015")),
    "KITTI 2012 in colour": ((".", "training"), _is_kitti("colored_0"), _kitti("colored_0", "KITTI 2012")),
    "KITTI 2012 in grey": ((".", "training"), _is_kitti("image_0"), _kitti("image_0", "KITTI 2012")),
}
