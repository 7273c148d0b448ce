"""A training corpus: videos decoded once into memory-mapped files, and random crops of triplets from them.

Sampling is a pure function of a seed and a step, so that a resumed run sees exactly what an
uninterrupted one would have seen.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import torch
from torch import Tensor

from flow.dis import dis_flow
from flow.synthetic import random_scene
from vfi.triplets import Triplet

VIDEO_SUFFIXES = {".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".ts", ".mpg", ".mpeg", ".y4m", ".ogv"}


class CorpusError(ValueError):
    """The corpus cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Sampling:
    """How triplets are drawn."""

    batch: int = 8
    crop: int = 192  # pixels a side, after `shrink`
    shrink: int = 1  # crops are taken this much larger and shrunk: more motion and context for the price
    spans: tuple[int, ...] = (
        2,
        2,
        2,
        3,
        4,
    )  # frames from the first to the last of a triplet; repeat = weight
    static: float = 1.5  # 8-bit levels: crops whose ends differ less are skipped
    cut: float = 45.0  # 8-bit levels: and those whose ends differ more
    teacher: bool = True  # whether to compute the flows the network should find
    synthetic: float = 0.0  # share of scenes with exactly known motion, made of the corpus's frames
    largest: float = 0.25  # displacement in these, as a fraction of the crop's side


class Batch(NamedTuple):
    """Crops on which to learn; images (B, 3, H, W) float32 in [0, 1]."""

    before: Tensor
    middle: Tensor
    after: Tensor
    t: Tensor  # (B, 1, 1, 1) in (0, 1)
    flows: Tensor | None = None  # (B, 4, H, W) pixels: middle->before and middle->after by DIS
    valid: Tensor | None = None  # (B, 2, H, W) in {0, 1}: where those flows explain the middle
    start: Tensor | None = None  # (B, 4, h, w) pixels: before->after and back, what a model may start from

    def to(self, device: torch.device) -> "Batch":
        return Batch._make(None if part is None else part.to(device, non_blocking=True) for part in self)


def find_videos(source: Path) -> list[Path]:
    """Return the video files of a folder, sorted, or the file itself."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise CorpusError(f"{source} does not exist: give a video or a folder of videos")
    videos = sorted(path for path in source.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if not videos:
        raise CorpusError(f"{source} holds no video ({', '.join(sorted(VIDEO_SUFFIXES))})")
    return videos


def decode_to_memory_map(path: Path, cache: Path) -> np.ndarray:
    """Return the frames of a video (N, H, W, 3) uint8 RGB, mapped from a file that is made once in ``cache``."""
    stat = path.stat()
    key = hashlib.sha256(f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}".encode()).hexdigest()[:16]
    done = list(cache.glob(f"{key}-*x*.rgb"))
    if not done:
        cache.mkdir(parents=True, exist_ok=True)
        partial = cache / f"{key}.{os.getpid()}.part"
        try:
            with av.open(str(path)) as container, partial.open("wb") as raw:
                if not container.streams.video:
                    raise CorpusError(f"{path} has no video stream")
                for frame in container.decode(video=0):
                    image = frame.to_ndarray(format="rgb24")
                    raw.write(np.ascontiguousarray(image).data)
            done = [cache / f"{key}-{image.shape[1]}x{image.shape[0]}.rgb"]
            partial.replace(done[0])
        except (av.FFmpegError, UnboundLocalError) as error:
            raise CorpusError(f"{path} cannot be decoded ({error}): remove it from the corpus") from error
        finally:
            partial.unlink(missing_ok=True)
    width, height = map(int, done[0].stem.split("-")[1].split("x"))
    return np.memmap(done[0], np.uint8, "r").reshape(-1, height, width, 3)


class Corpus:
    """Videos from which random triplets are cropped."""

    def __init__(
        self,
        videos: Sequence[Path],
        cache: Path,
        *,
        hold_out: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Decode the videos, or find them decoded in ``cache``; hold_out keeps their last tenth unseen."""
        self.clips: list[np.ndarray] = []
        self.held_out: list[np.ndarray] = []
        for done, path in enumerate(videos):
            if progress:
                progress(done, len(videos))
            clip = decode_to_memory_map(path, cache)
            unseen = len(clip) // 10 if hold_out else 0
            if unseen >= 3:
                self.held_out.append(clip[-unseen:])
                clip = clip[:-unseen]
            if len(clip) >= 3:
                self.clips.append(clip)
        if not self.clips:
            raise CorpusError("no video has the three frames a triplet needs: add longer ones")
        self.frames = sum(len(clip) for clip in self.clips)
        # A clip's variety grows more slowly than its length.
        weights = np.sqrt([len(clip) for clip in self.clips])
        self.weights = weights / weights.sum()

    def held_out_triplets(self) -> Iterator[Triplet]:
        """Yield every triplet of neighbours in what is held out."""
        for number, clip in enumerate(self.held_out):
            for i in range(1, len(clip) - 1):
                name = f"held-out-{number}-{i}"
                yield Triplet(name, clip[i - 1], clip[i], clip[i + 1], Fraction(1, 2))

    def batch(self, sampling: Sampling, seed: int, step: int) -> Batch:
        """Return the batch of a step: the same seed and step give the same crops."""
        rng = np.random.default_rng([seed, step])
        samples = [self._sample(sampling, rng) for _ in range(sampling.batch)]
        images = [
            torch.from_numpy(np.stack([sample[i] for sample in samples])).permute(0, 3, 1, 2).float().div_(255)
            for i in range(3)
        ]
        t = torch.tensor([sample[3] for sample in samples], dtype=torch.float32).view(-1, 1, 1, 1)
        if not sampling.teacher:
            return Batch(images[0], images[1], images[2], t)
        taught = [teacher_flows(*sample[:3]) if sample[4] is None else sample[4] for sample in samples]
        flows, valid = (torch.from_numpy(np.stack(parts)) for parts in zip(*taught, strict=True))
        return Batch(images[0], images[1], images[2], t, flows, valid)

    def _sample(self, sampling: Sampling, rng: np.random.Generator) -> tuple:
        """Before, middle, after, t, and the true flows (4, H, W) with where they hold (2, H, W) if they are known."""
        if rng.random() < sampling.synthetic:
            return self._synthetic_sample(sampling, rng)
        side = sampling.crop * sampling.shrink
        fallback: tuple | None = None
        for _ in range(64):
            clip = self.clips[rng.choice(len(self.clips), p=self.weights)]
            span = min(int(rng.choice(sampling.spans)), len(clip) - 1)
            first = int(rng.integers(len(clip) - span))
            middle = first + int(rng.integers(1, span))
            height, width = min(side, clip.shape[1]), min(side, clip.shape[2])
            for _ in range(3):
                y = int(rng.integers(clip.shape[1] - height + 1))
                x = int(rng.integers(clip.shape[2] - width + 1))
                region = (slice(y, y + height), slice(x, x + width))
                ends = clip[first][region], clip[first + span][region]
                change = np.abs(ends[0][::4, ::4].astype(np.int16) - ends[1][::4, ::4]).mean()
                found = (ends[0], clip[middle][region], ends[1], (middle - first) / span)
                fallback = fallback or found
                # The more changes, the more there is to learn: calm crops are kept less often.
                if sampling.static < change < sampling.cut and rng.random() < max(0.2, change / 12):
                    return self._augment(found, sampling, rng)
        assert fallback is not None
        return self._augment(fallback, sampling, rng)

    @staticmethod
    def _augment(sample: tuple, sampling: Sampling, rng: np.random.Generator) -> tuple:
        *images, t = sample
        size = (sampling.crop, sampling.crop)
        if images[0].shape[:2] != size:
            images = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
        if rng.random() < 0.5:
            images, t = images[::-1], 1 - t
        horizontal, vertical, transposed = rng.random(3) < 0.5
        channels = rng.permutation(3)
        for i, image in enumerate(images):
            image = image[:: -1 if vertical else 1, :: -1 if horizontal else 1, channels]
            images[i] = np.ascontiguousarray(image.transpose(1, 0, 2) if transposed else image)
        return (*images, t, None)

    def _synthetic_sample(self, sampling: Sampling, rng: np.random.Generator) -> tuple:
        clips = [self.clips[rng.choice(len(self.clips), p=self.weights)] for _ in range(3)]
        textures = [clip[rng.integers(len(clip))] for clip in clips]
        t = float(rng.uniform(0.1, 0.9))
        scene = random_scene(textures, (sampling.crop, sampling.crop), rng, largest=sampling.largest, own=t)
        flows = np.concatenate([scene.flow(t, end).transpose(2, 0, 1) for end in (0.0, 1.0)])
        return *map(scene.picture, (0.0, t, 1.0)), t, (flows, np.ones((2, *flows.shape[1:]), np.float32))


def teacher_flows(before: np.ndarray, middle: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return DIS flows (4, H, W) from the middle to both neighbours, and where they hold (2, H, W).

    They hold where the neighbour, looked up along the flow, is within 6 % of the middle frame.
    """
    height, width = middle.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    flows, valid = [], []
    for neighbour in (before, after):
        flow = dis_flow(middle, neighbour)
        warped = cv2.remap(
            neighbour, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        )
        error = np.abs(warped.astype(np.int16) - middle).mean(2)
        flows.append(flow.transpose(2, 0, 1))
        valid.append((error < 0.06 * 255).astype(np.float32))
    return np.concatenate(flows), np.stack(valid)
