"""A training corpus: random crops of triplets from clips.

Each sample is a pure function of a seed and its number, so that a resumed run sees exactly what an uninterrupted one
would have seen, and large batches and several processes what many small ones would.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from flow.dis import dis_flow
from flow.synthetic import random_scene
from vfi.clips import Clip, CorpusError, Excerpt, find_clips
from vfi.triplets import Triplet

__all__ = ["Batch", "Corpus", "CorpusError", "Sampling", "teacher_flows"]
_TRIES = 64  # at clips, to find one where enough moves


@dataclass(frozen=True)
class Sampling:
    """How triplets are drawn."""

    batch: int = 8
    crop: int = 192  # pixels a side, after `shrink`
    shrink: int = 1  # crops are taken this much larger and shrunk: more motion and context for the price
    spans: tuple[int, ...] = (2, 2, 2, 3, 4)  # frames from first to last, or what a clip has; repeat = weight
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


class _Sample(NamedTuple):
    """One crop of a batch; images (H, W, 3) uint8 RGB."""

    before: np.ndarray
    middle: np.ndarray
    after: np.ndarray
    t: float
    known: tuple[np.ndarray, np.ndarray] | None = None  # the true flows (4, H, W) and where they hold (2, H, W)


class _Crop(NamedTuple):
    """A square part of three frames, of which the middle one is still to be read."""

    clip: Clip
    middle: int
    t: float
    size: tuple[int, ...]  # height and width of the frames
    region: tuple[slice, slice]
    before: np.ndarray
    after: np.ndarray


class Corpus:
    """Clips from which random triplets are cropped."""

    def __init__(
        self,
        sources: Sequence[Path],
        cache: Path,
        *,
        hold_out: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Find the clips of all sources, see `vfi.clips.folders`; videos are decoded, or found decoded in ``cache``.

        hold_out: if there is but a single clip, its last tenth is kept unseen; progress is called with the videos done
        and all of them. Raises CorpusError that says what is missing or damaged.
        """
        self.clips, self.fingerprint = find_clips(sources, cache, progress)
        self.held_out: list[Clip] = []
        unseen = len(self.clips[0]) // 10 if hold_out and len(self.clips) == 1 else 0
        if unseen >= 3:
            whole = self.clips[0]
            seen = len(whole) - unseen
            self.clips, self.held_out = [Excerpt(whole, 0, seen)], [Excerpt(whole, seen, unseen)]
        self.frames = sum(len(clip) for clip in self.clips)
        # A clip's variety grows more slowly than its length.
        self._chances = np.cumsum(np.sqrt([len(clip) for clip in self.clips]))
        self._chances /= self._chances[-1]

    def summary(self) -> dict[str, Any]:
        """Return what it is made of, for the record."""
        return {"clips": len(self.clips), "frames": self.frames, **self.fingerprint.summary()}

    def held_out_triplets(self) -> Iterator[Triplet]:
        """Yield every triplet of neighbours in what is held out."""
        for number, clip in enumerate(self.held_out):
            for i in range(1, len(clip) - 1):
                name = f"held-out-{number}-{i}"
                yield Triplet(name, clip[i - 1], clip[i], clip[i + 1], Fraction(1, 2))

    def batch(self, sampling: Sampling, seed: int, number: int) -> Batch:
        """Return a batch by its number, counted from 0; batch 3 of 8 samples holds those from number 24 on."""
        first = number * sampling.batch
        samples = [self._sample(sampling, np.random.default_rng([seed, first + i])) for i in range(sampling.batch)]
        before = _to_tensor([sample.before for sample in samples])
        middle = _to_tensor([sample.middle for sample in samples])
        after = _to_tensor([sample.after for sample in samples])
        t = torch.tensor([sample.t for sample in samples], dtype=torch.float32).view(-1, 1, 1, 1)
        if not sampling.teacher:
            return Batch(before, middle, after, t)
        taught = [sample.known or teacher_flows(sample.before, sample.middle, sample.after) for sample in samples]
        flows, valid = (torch.from_numpy(np.stack(parts)) for parts in zip(*taught, strict=True))
        return Batch(before, middle, after, t, flows, valid)

    def _clip(self, rng: np.random.Generator) -> Clip:
        return self.clips[int(np.searchsorted(self._chances, rng.random(), side="right"))]

    def _sample(self, sampling: Sampling, rng: np.random.Generator) -> _Sample:
        if rng.random() < sampling.synthetic:
            return self._synthetic_sample(sampling, rng)
        crop = self._find_crop(sampling, rng)
        images = [crop.before, _read(crop.clip, crop.middle, crop.size)[crop.region], crop.after]
        return _augment(images, crop.t, sampling.crop, rng)

    def _find_crop(self, sampling: Sampling, rng: np.random.Generator) -> _Crop:
        """Return a random crop in which something moves; if there is hardly any, the first that was looked at."""
        fallback: _Crop | None = None
        for _ in range(_TRIES):
            clip = self._clip(rng)
            span = min(int(rng.choice(sampling.spans)), len(clip) - 1)
            first = int(rng.integers(len(clip) - span))
            middle = first + int(rng.integers(1, span))
            before = clip[first]
            height, width = size = before.shape[:2]
            after = _read(clip, first + span, size)
            side = min(sampling.crop * sampling.shrink, height, width)
            for _ in range(3):
                y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
                region = slice(y, y + side), slice(x, x + side)
                crop = _Crop(clip, middle, (middle - first) / span, size, region, before[region], after[region])
                change = np.abs(crop.before[::4, ::4].astype(np.int16) - crop.after[::4, ::4]).mean()
                # The more changes, the more there is to learn: calm crops are kept less often.
                if sampling.static < change < sampling.cut and rng.random() < max(0.2, change / 12):
                    return crop
                fallback = fallback or crop
        assert fallback is not None
        return fallback

    def _synthetic_sample(self, sampling: Sampling, rng: np.random.Generator) -> _Sample:
        clips = [self._clip(rng) for _ in range(3)]
        textures = [clip[int(rng.integers(len(clip)))] for clip in clips]
        t = float(rng.uniform(0.1, 0.9))
        scene = random_scene(textures, (sampling.crop, sampling.crop), rng, largest=sampling.largest, own=t)
        flows = np.concatenate([scene.flow(t, end).transpose(2, 0, 1) for end in (0.0, 1.0)])
        before, middle, after = map(scene.picture, (0.0, t, 1.0))
        return _Sample(before, middle, after, t, (flows, np.ones((2, *flows.shape[1:]), np.float32)))


def _to_tensor(images: Sequence[np.ndarray]) -> Tensor:
    """Images (H, W, 3) uint8 as (B, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div_(255)


def _read(clip: Clip, index: int, size: tuple[int, ...]) -> np.ndarray:
    """A frame that must be as large as another one of its clip."""
    frame = clip[index]
    if frame.shape[:2] != size:
        height, width = frame.shape[:2]
        raise CorpusError(
            f"frame {index + 1} of the clip {clip.name} is {width}x{height} and others are {size[1]}x{size[0]}: bring"
            " them to one size, or give them numbers that do not follow each other"
        )
    return frame


def _augment(images: list[np.ndarray], t: float, side: int, rng: np.random.Generator) -> _Sample:
    """Three crops at the size that the model sees, at random turned round in time and space and in their colours."""
    if len(images[0]) != side:
        way = cv2.INTER_AREA if len(images[0]) > side else cv2.INTER_CUBIC
        images = [cv2.resize(image, (side, side), interpolation=way) for image in images]
    if rng.random() < 0.5:
        images, t = images[::-1], 1 - t
    horizontal, vertical, transposed = rng.random(3) < 0.5
    channels = rng.permutation(3)
    for i, image in enumerate(images):
        image = image[:: -1 if vertical else 1, :: -1 if horizontal else 1, channels]
        images[i] = np.ascontiguousarray(image.transpose(1, 0, 2) if transposed else image)
    return _Sample(images[0], images[1], images[2], t)


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
