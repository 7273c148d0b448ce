"""DIS of `flow.inverse_search`, for GPUs, beside OpenCV's: error of the flow, quality of the frames, and cost.

    python benchmarks/inverse_search.py --photos PHOTOS --list TRIPLETS.csv --every 4

PHOTOS is a folder of pictures that scenes with known motion are cut from, TRIPLETS.csv what `vfi eval --data` takes.
Both run on the CPU in float32. Counted are operations of PyTorch that compute (each is a kernel on a GPU), and the
bytes that these read and write, of both flows of a pair with all that is matched.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from flow.datasets import open_dataset
from flow.dis import dis_flow
from flow.inverse_search import inverse_search
from flow.metrics import measure_flow
from flow.two_way import torch_dis_two_way
from vfi.interpolator import Interpolator
from vfi.metrics import psnr
from vfi.models.classical import Classical
from vfi.models.flow_fusion import FlowFusion
from vfi.triplets import open_triplets

SETTINGS = {"stride 2": (2, 1), "stride 3": (3, 1), "stride 3, every pixel": (3, 0)}  # patch stride, finest scale
SIZES = ((640, 360), (960, 540))


def main() -> None:
    """Print a table for each of what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=30, help="pairs at most, spread evenly")
    parser.add_argument("--list", type=Path)
    parser.add_argument("--every", type=int, default=4, help="item of the list")
    parser.add_argument("--models", nargs="*", default=["classical", "flow-fusion"])
    arguments = parser.parse_args()
    if arguments.photos:
        print_errors(arguments.photos, arguments.split, arguments.limit)
    if arguments.list:
        for name in arguments.models:
            print_quality(name, arguments.list, arguments.every)
    print_cost()


def print_errors(photos: Path, split: str, limit: int) -> None:
    """End-point errors on made-up scenes, a row per setting."""
    dataset = open_dataset(f"synthetic:{photos}", split=split)
    count = min(limit, len(dataset))
    errors: dict[str, list[tuple[float, float]]] = {name: [] for name in SETTINGS}
    for sample in (dataset[i * len(dataset) // count] for i in range(count)):
        tensors = [tensor(image) for image in (sample.frame0, sample.frame1)]
        for name, (stride, finest) in SETTINGS.items():
            theirs = dis_flow(sample.frame0, sample.frame1, stride, None, finest)
            with torch.inference_mode():
                ours = inverse_search(*tensors, stride, None, finest)[0].permute(1, 2, 0).numpy()
            pair = (measure_flow(flow, sample.flow, sample.valid).epe for flow in (theirs, ours))
            errors[name].append(tuple(pair))  # type: ignore[arg-type]
    print("DIS alone | EPE by OpenCV, px | by inverse_search, px | difference | better on")
    for name, pairs in errors.items():
        theirs, ours = np.mean(pairs, axis=0)
        wins = sum(b < a for a, b in pairs)
        print(f"{name} | {theirs:.3f} | {ours:.3f} | {100 * (ours / theirs - 1):+.1f} % | {wins} of {count} pairs")


def print_quality(model: str, source: Path, every: int) -> None:
    """PSNR of the frames made of either flow."""
    theirs, ours = (Interpolator.load(model, backend="torch") for _ in range(2))
    backbone = ours.model.classical if isinstance(ours.model, FlowFusion) else ours.model
    assert isinstance(backbone, Classical)
    backbone.follow(
        lambda *frames: torch_dis_two_way(*frames),
        lambda *frames: torch_dis_two_way(*frames, dense=True),
    )
    scores = []
    for index, triplet in enumerate(open_triplets(source)):
        if index % every == 0:
            frames = triplet.before, triplet.after, [triplet.time]
            scores.append([psnr(made(*frames)[0], triplet.middle) for made in (theirs, ours)])
    before, after = np.mean(scores, axis=0)
    gains = np.diff(scores)
    print(
        f"{model}: {before:.3f} dB by OpenCV's flow, {after:.3f} dB by this ({after - before:+.3f}, from "
        f"{gains.min():+.2f} to {gains.max():+.2f}) on {len(scores)} frames",
        flush=True,
    )


def print_cost() -> None:
    """Operations and bytes of a pair, a row per size; of tensors without values, at which nothing could look."""
    print("both flows of | operations | traffic, GB")
    for width, height in SIZES:
        for dense in (False, True):
            with FakeTensorMode():
                frames = [torch.empty(1, 3, height, width) for _ in range(2)]
                with Counting() as counted:
                    torch_dis_two_way(frames[0], frames[1], dense=dense)
            of = f"{width}x{height}{', down to every pixel' if dense else ''}"
            print(f"{of} | {sum(counted.operations.values())} | {counted.traffic / 1e9:.1f}")


class Counting(TorchDispatchMode):
    """Counts what computes, and what it reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: Counter[str] = Counter()
        self.traffic = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Count one operation, unless it only looks at memory in another way."""
        result = func(*args, **(kwargs or {}))
        tensors = [value for value in tree_leaves((args, result)) if isinstance(value, torch.Tensor)]
        if not func.is_view and func.overloadpacket.__name__ != "_unsafe_view":
            self.operations[func.overloadpacket.__name__] += 1
            self.traffic += sum(value.numel() * value.element_size() for value in tensors)
        return result


def tensor(image: np.ndarray) -> torch.Tensor:
    """Return an image (H, W, 3) uint8 as (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


if __name__ == "__main__":
    main()
