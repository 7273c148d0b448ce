"""Triplets to learn one film from, each with the motion that a model starts from, and batches of crops of them."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vfi.corpus import Batch
from vfi.triplets import Triplet


@dataclass(frozen=True, eq=False)
class Example:
    """A triplet, and what is known of its motion."""

    triplet: Triplet
    start: Tensor | None  # (1, 4, h, w): the flows both ways that a model starts from, None if from nothing
    scale: int  # how many times smaller the flows' grid is than the images

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.triplet.before.shape[0], self.triplet.before.shape[1]

    @property
    def change(self) -> float:
        """By how much the two outer frames differ, in 8-bit levels."""
        before, after = self.triplet.before[::4, ::4], self.triplet.after[::4, ::4]
        return float(np.abs(before.astype(np.int16) - after).mean())

    def cut(self, top: int, left: int, lines: int, columns: int) -> "Example":
        """Return a part, a view; where it begins is rounded down to the flows' grid."""
        top, left = top - top % self.scale, left - left % self.scale
        place = slice(top, top + lines), slice(left, left + columns)
        whole, start = self.triplet, self.start
        if start is not None:
            rows, across = (slice(s.start // self.scale, -(-s.stop // self.scale)) for s in place)
            start = start[..., rows, across]
        part = replace(whole, before=whole.before[place], middle=whole.middle[place], after=whole.after[place])
        return Example(part, start, self.scale)

    def centre(self, side: int) -> "Example":
        """Return the part in the middle, ``side`` pixels wide and high, or as far as the images reach."""
        height, width = self.size
        lines, columns = min(side, height), min(side, width)
        return self.cut((height - lines) // 2, (width - columns) // 2, lines, columns)

    def mirrored(self, across: bool, down: bool) -> "Example":
        """Return it with left and right exchanged, or top and bottom, or both."""
        turn = slice(None, None, -1 if down else 1), slice(None, None, -1 if across else 1)
        whole, start = self.triplet, self.start
        if start is not None:
            start = start.flip([dim for dim, turns in ((2, down), (3, across)) if turns])
            start = start * start.new_tensor([-1 if across else 1, -1 if down else 1] * 2).view(1, 4, 1, 1)
        turned = replace(whole, before=whole.before[turn], middle=whole.middle[turn], after=whole.after[turn])
        return Example(turned, start, self.scale)

    def reversed(self) -> "Example":
        """Return it with time running backward."""
        whole = self.triplet
        start = None if self.start is None else self.start[:, [2, 3, 0, 1]]
        turned = replace(whole, before=whole.after, after=whole.before, time=1 - whole.time)
        return Example(turned, start, self.scale)


def crop_batch(examples: list[Example], crops: int, side: int, rng: np.random.Generator) -> Batch:
    """Return random crops, each of them also with time and both directions reversed.

    What a few frames have by chance, a hand's shake to the left, and would teach as if it always were so, its opposite
    cancels. Of two random places the one that changes more is taken. The examples are of one size.
    """
    found: list[Example] = []
    for _ in range(crops):
        places = []
        for _ in range(2):
            example = examples[rng.integers(len(examples))]
            lines, columns = (min(side, length) for length in example.size)
            top, left = (
                int(rng.integers(length - part + 1))
                for length, part in zip(example.size, (lines, columns), strict=True)
            )
            places.append(example.cut(top, left, lines, columns))
        crop = max(places, key=lambda place: place.change)
        across, down = rng.random(2) < 0.5
        found += [crop.mirrored(across, down), crop.mirrored(not across, not down).reversed()]
    return as_batch(found)


def as_batch(examples: list[Example]) -> Batch:
    """Return examples of one size as a batch."""
    before, middle, after = (
        torch.from_numpy(np.stack([getattr(e.triplet, name) for e in examples])).permute(0, 3, 1, 2).float().div_(255)
        for name in ("before", "middle", "after")
    )
    times = torch.tensor([float(example.triplet.time) for example in examples]).view(-1, 1, 1, 1)
    starts = [example.start for example in examples if example.start is not None]
    return Batch(before, middle, after, times, start=torch.cat(starts) if starts else None)
