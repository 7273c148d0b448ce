"""The public interpolation benchmarks, recognised by the folders and files in which they are published.

| benchmark | folders and files | what is made | variants | factors |
|---|---|---|---|---|
| Vimeo-90K triplet | tri_testlist.txt, sequences/00001/0001/im1.png .. im3 | im2 | test, train | 2 |
| Vimeo-90K septuplet | sep_testlist.txt, sequences/00001/0001/im1.png .. im7 | im4; im2 .. im6 | test, train | 2, 6 |
| SNU-FILM | test-easy.txt, three paths a line; also in eval_modes/ | the second | easy, medium, hard, extreme | 2 |
| X4K1000FPS | test/Type1/TEST01/0000.png .. 0032.png | 0004, 0008 .. 0028 of 0000, 0032 | 4k, 2k (halved) | 8, 2, 4 |
| Xiph | BoxingPractice/001.png or BoxingPractice-001.png .. | every other frame | 2k (halved), 4k (the centre) | 2 |
| DAVIS | JPEGImages/480p/bear/00000.jpg .. | every other frame | | any |
| Vimeo-90K without a list | */im1, im2, im3 or */im1 .. im7 | as above | | 2, or 6 |
| UCF101 | */frame_00, frame_01_gt, frame_02 | frame_01_gt | | 2 |
| Middlebury OTHER | */NAME/frame10, frame11 and */NAME/frame10i11 | frame10i11 | | 2 |

The first variant and factor are the default. A septuplet's im4 is made of im3 and im5, which is what methods of two
frames get where those of four get im1, im3, im5 and im7; with factor 6 all between its ends are made of im1 and im7.
Sources: Xue 2019, arXiv:1711.09078 (Vimeo-90K); Kalluri 2023, arXiv:2012.08512 (the septuplets' im4); Choi 2020,
doi:10.1609/aaai.v34i07.6693 (SNU-FILM); Sim 2021, arXiv:2103.16206 (X4K1000FPS); Niklaus 2020, arXiv:2003.05534 (Xiph,
49 frames of each of 8 clips); Xu 2019, arXiv:1911.00627 (DAVIS); Liu 2017, arXiv:1702.02463 (UCF101); Baker 2011,
doi:10.1007/s11263-010-0390-2 (Middlebury).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from vfi.media.images import read_image
from vfi.triplets.triplet import DataError, Triplet, Triplets

SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm")
_XIPH = (
    "BoxingPractice", "Crosswalk", "DrivingPOV", "FoodMarket", "FoodMarket2", "RitualDance", "SquareAndTimelapse",
    "Tango",
)  # fmt: skip
_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class _Member:
    """A triplet by its files."""

    name: str
    before: Path
    middle: Path
    after: Path
    time: Fraction = _HALF

    @property
    def files(self) -> tuple[Path, Path, Path]:
        return self.before, self.middle, self.after


@dataclass(frozen=True)
class _Layout:
    """How a benchmark is recognised in a folder, and how its triplets are found there."""

    recognise: Callable[[Path], bool]
    gather: Callable[[Path, str, int], list[_Member]]  # from the folder, the variant and the factor
    places: tuple[str, ...] = (".",)  # where it may begin below the folder that is named
    variants: tuple[str, ...] = ()  # the first is the default
    factors: tuple[int, ...] = (2,)  # the first is the default; none: any, and 2 is the default
    views: tuple[str, ...] = ()  # the variants that are seen otherwise than as they are, see `_VIEWS`


def open_benchmark(root: Path, variant: str | None = None, factor: int | None = None) -> Triplets:
    """Return the triplets of a benchmark by its folder; all its files are known to be there, none is read yet.

    Raises DataError that names what is missing if the folder is none of those known or not whole, or if the benchmark
    has no such variant or factor; while reading, DataError or MediaError that names the file that does not fit or is
    damaged.
    """
    for name, layout in _LAYOUTS.items():
        for place in layout.places:
            if layout.recognise(root / place):
                return _open(name, layout, root / place, variant, factor)
    raise DataError(f"{root} is laid out like no known benchmark: give the folder of {BENCHMARKS}, a list or a video")


def _open(name: str, layout: _Layout, root: Path, variant: str | None, factor: int | None) -> Triplets:
    if variant is not None and variant not in layout.variants:
        way_out = f"use {' or '.join(layout.variants)}" if layout.variants else "leave it out"
        raise DataError(f"{name} has no variant {variant!r}: {way_out}")
    if factor is not None and (factor not in layout.factors if layout.factors else factor < 2):
        way_out = " or ".join(map(str, layout.factors)) or "2 or more"
        raise DataError(f"{name} cannot be made with a factor of {factor}: use {way_out}")
    chosen = variant or next(iter(layout.variants), "")
    step = factor or next(iter(layout.factors), 2)
    members = layout.gather(root, chosen, step)
    if not members:
        raise DataError(f"{root} holds no triplet of {name}: check that it is unpacked whole")
    files = dict.fromkeys(path for member in members for path in member.files)
    missing = [path for path in files if not path.is_file()]
    if missing:
        what = "is missing" if len(missing) == 1 else f"and {len(missing) - 1} more of {name} are missing"
        raise DataError(f"{missing[0]} {what}: complete its folder, or unpack the benchmark anew")
    what = ", ".join([name, *([chosen] if chosen else []), f"factor {step}"])
    view = _VIEWS[chosen] if chosen in layout.views else _whole
    return Triplets(what, len(members), partial(_read, members, view))


def _read(members: Sequence[_Member], view: Callable[[np.ndarray], np.ndarray]) -> Iterator[Triplet]:
    kept: dict[Path, np.ndarray] = {}  # the outer frames, which neighbours share
    for member in members:
        before, middle, after = (kept[path] if path in kept else view(_read_member(path)) for path in member.files)
        kept = {member.before: before, member.after: after}
        for path, image in ((member.middle, middle), (member.after, after)):
            if image.shape != before.shape:
                raise DataError(f"{path} and {member.before} differ in size: get them anew, all three of one size")
        yield Triplet(member.name, before, middle, after, member.time)


def _read_member(path: Path) -> np.ndarray:
    image = read_image(path)
    if image.dtype != np.uint8:
        raise DataError(f"{path} has 16 bits per sample: convert it to 8")
    return image


def _whole(image: np.ndarray) -> np.ndarray:
    return image


def _halved(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    return cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)


def _centre(image: np.ndarray) -> np.ndarray:
    """The middle half of the height and of the width."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[height // 4 : height - height // 4, width // 4 : width - width // 4])


_VIEWS = {"2k": _halved, "4k": _centre}


def _has_list(prefix: str) -> Callable[[Path], bool]:
    return lambda root: any((root / f"{prefix}_{part}list.txt").is_file() for part in ("test", "train"))


def _vimeo(prefix: str) -> Callable[[Path, str, int], list[_Member]]:
    def gather(root: Path, variant: str, factor: int) -> list[_Member]:
        names = (line.strip() for line in _lines(root / f"{prefix}_{variant}list.txt"))
        of_one = _of_septuplet if prefix == "sep" else _of_triplet
        return [member for name in names if name for member in of_one(name, root / "sequences" / name, ".png", factor)]

    return gather


def _half_way(name: str, folder: Path, suffix: str, *stems: str) -> list[_Member]:
    before, middle, after = (folder / f"{stem}{suffix}" for stem in stems)
    return [_Member(name, before, middle, after)]


def _of_triplet(name: str, folder: Path, suffix: str, factor: int) -> list[_Member]:
    return _half_way(name, folder, suffix, "im1", "im2", "im3")


def _of_septuplet(name: str, folder: Path, suffix: str, factor: int) -> list[_Member]:
    if factor == 2:
        return _half_way(name, folder, suffix, "im3", "im4", "im5")
    first, *inner, last = (folder / f"im{i}{suffix}" for i in range(1, 8))
    return [
        _Member(f"{name}/{path.stem}", first, path, last, Fraction(i, factor)) for i, path in enumerate(inner, start=1)
    ]


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"{path} does not exist: unpack the benchmark whole, or use another variant")
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text: get the list anew") from error


_SNU = ("easy", "medium", "hard", "extreme")


def _is_snu(root: Path) -> bool:
    return any((root / f"test-{variant}.txt").is_file() for variant in _SNU)


def _snu(root: Path, variant: str, factor: int) -> list[_Member]:
    source = root / f"test-{variant}.txt"
    members = []
    for number, line in enumerate(_lines(source), start=1):
        if not line.strip():
            continue
        paths = line.split()
        if len(paths) != 3:
            raise DataError(f"{source}, line {number}, has {len(paths)} words: give three paths")
        before, middle, after = (_placed(root, Path(path)) for path in paths)
        members.append(_Member(Path(*middle.parts[-3:]).with_suffix("").as_posix(), before, middle, after))
    return members


def _placed(root: Path, listed: Path) -> Path:
    """Where a listed file is: the lists name it from wherever their authors kept the set, data/SNU-FILM/test/..."""
    parts = listed.parts
    tails = [Path(*parts[i:]) for i in range(listed.is_absolute(), len(parts))]
    places = (base / tail for tail in tails for base in (root, root.parent))
    # A file that is nowhere is missed where its own authors unpack the set.
    home = root.parent if root.name == "eval_modes" else root
    missed = home / Path(*parts[parts.index("test") :]) if "test" in parts else home / tails[0]
    return next((place for place in places if place.is_file()), missed)


def _is_x4k(root: Path) -> bool:
    return next(root.glob("Type*/*/"), None) is not None


def _x4k(root: Path, variant: str, factor: int) -> list[_Member]:
    members = []
    for folder in sorted(path for path in root.glob("Type*/*") if path.is_dir()):
        first, *inner, last = (folder / f"{number:04d}.png" for number in range(0, 33, 32 // factor))
        scene = folder.relative_to(root).as_posix()
        members += [
            _Member(f"{scene}/{path.stem}", first, path, last, Fraction(i, factor))
            for i, path in enumerate(inner, start=1)
        ]
    return members


def _clips(root: Path) -> dict[str, list[Path]]:
    """The clips of Xiph that there are, each with its frames: a folder a clip, or all files in one."""
    found = {}
    for clip in _XIPH:
        word = re.compile(rf"(^|_){clip}($|[-_])")
        folders = sorted(path for path in root.glob(f"*{clip}*") if path.is_dir() and word.search(path.name))
        files = [path for folder in folders for path in folder.glob("*.png")]
        files = files or [path for path in root.glob(f"*{clip}*.png") if word.search(path.stem)]
        if files or folders:
            found[clip] = files
    return found


def _xiph(root: Path, variant: str, factor: int) -> list[_Member]:
    return [member for clip, frames in _clips(root).items() for member in _left_out(clip, root, frames, factor)]


def _is_davis(root: Path) -> bool:
    return (root / "JPEGImages" / "480p").is_dir()


def _davis(root: Path, variant: str, factor: int) -> list[_Member]:
    folders = sorted(path for path in (root / "JPEGImages" / "480p").iterdir() if path.is_dir())
    return [member for folder in folders for member in _left_out(folder.name, folder, [*folder.glob("*.jpg")], factor)]


def _left_out(name: str, folder: Path, frames: Sequence[Path], factor: int) -> list[_Member]:
    """The frames of a sequence that the factor leaves out, each between the two nearest that it keeps."""
    by_number = {int(found[0]): path for path in frames if (found := re.search(r"\d+$", path.stem))}
    for number, following in pairwise(sorted(by_number)):
        if following != number + 1:
            last = by_number[number]
            digits = len(last.stem) - len(last.stem.rstrip("0123456789"))
            missing = last.with_stem(f"{last.stem[:-digits]}{number + 1:0{digits}d}")
            raise DataError(f"{missing} is missing: unpack the benchmark anew")
    ordered = [by_number[number] for number in sorted(by_number)]
    if len(ordered) <= factor:
        raise DataError(f"{folder} has {len(ordered)} frames of {name}, which is too few: unpack the benchmark anew")
    return [
        _Member(f"{name}/{ordered[start + i].stem}", ordered[start], ordered[start + i], ordered[start + factor],
                Fraction(i, factor))
        for start in range(0, len(ordered) - factor, factor)
        for i in range(1, factor)
    ]  # fmt: skip


def _has(*stems: str) -> Callable[[Path], bool]:
    return lambda root: any(path for stem in stems for path in _images(root, stem))


def _images(root: Path, stem: str) -> Iterator[Path]:
    """The images of a stem in a folder or below, in no order."""
    return (path for path in root.rglob(f"{stem}.*") if path.suffix.lower() in SUFFIXES)


def _in_folders(
    *stems: str, of_one: Callable[[str, Path, str, int], list[_Member]]
) -> Callable[[Path, str, int], list[_Member]]:
    """Gather the folders that hold any of the stems; what one lacks is then known to be missing."""

    def gather(root: Path, variant: str, factor: int) -> list[_Member]:
        folders = {path.parent: path.suffix for stem in stems for path in _images(root, stem)}
        members = []
        for folder, suffix in sorted(folders.items(), key=lambda item: _natural(item[0])):
            name = folder.relative_to(root).as_posix()
            members += of_one(root.resolve().name if name == "." else name, folder, suffix, factor)
        return members

    return gather


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key that puts 2 before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in path.parts]


def _of_ucf(name: str, folder: Path, suffix: str, factor: int) -> list[_Member]:
    return _half_way(name, folder, suffix, "frame_00", "frame_01_gt", "frame_02")


def _middlebury(root: Path, variant: str, factor: int) -> list[_Member]:
    known = {path.parent.name: path for path in sorted(_images(root, "frame10i11"), reverse=True)}
    given = {path.parent.name: path for path in sorted(_images(root, "frame10"), reverse=True)}
    # The sets without known frames may lie beside it: only trees that have one are looked at.
    trees = {given[scene].parent.parent for scene in known if scene in given}
    given = {scene: path for scene, path in given.items() if path.parent.parent in trees}
    if not given:
        raise DataError(f"{root} lacks the frames to go with each other: unpack other-data and other-gt-interp into it")
    beside, truths = next(iter(given.values())), next(iter(known.values()))
    members = []
    for scene in sorted(known | given):
        before = given.get(scene, beside.parent.parent / scene / beside.name)
        middle = known.get(scene, truths.parent.parent / scene / truths.name)
        members.append(_Member(scene, before, middle, before.with_stem("frame11")))
    return members


_LAYOUTS: dict[str, _Layout] = {
    "Vimeo-90K triplet": _Layout(_has_list("tri"), _vimeo("tri"), (".", "vimeo_triplet"), ("test", "train")),
    "Vimeo-90K septuplet": _Layout(
        _has_list("sep"), _vimeo("sep"), (".", "vimeo_septuplet"), ("test", "train"), (2, 6)
    ),
    "SNU-FILM": _Layout(_is_snu, _snu, (".", "eval_modes", "SNU-FILM", "snufilm"), _SNU),
    "X4K1000FPS": _Layout(
        _is_x4k, _x4k, (".", "test", "X4K1000FPS/test"), ("4k", "2k"), (8, 2, 4, 16, 32), views=("2k",)
    ),
    "Xiph": _Layout(lambda root: bool(_clips(root)), _xiph, (".", "netflix", "xiph"), ("2k", "4k"), views=("2k", "4k")),
    "DAVIS": _Layout(_is_davis, _davis, (".", "DAVIS"), factors=()),
    # The rest lie at any depth, so that they are looked for last.
    "Vimeo-90K septuplet without its list": _Layout(
        _has("im7"), _in_folders(*(f"im{i}" for i in range(1, 8)), of_one=_of_septuplet), factors=(2, 6)
    ),
    "Vimeo-90K triplet without its list": _Layout(
        _has("im1", "im2", "im3"), _in_folders("im1", "im2", "im3", of_one=_of_triplet)
    ),
    "UCF101": _Layout(
        _has("frame_01_gt", "frame_00"), _in_folders("frame_00", "frame_01_gt", "frame_02", of_one=_of_ucf)
    ),
    "Middlebury OTHER": _Layout(_has("frame10i11", "frame10"), _middlebury),
}
BENCHMARKS = "Vimeo-90K, UCF101, Middlebury OTHER, SNU-FILM, X4K1000FPS, Xiph or DAVIS as it was unpacked"
