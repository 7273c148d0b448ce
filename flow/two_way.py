"""Two-way flow: from two frames the flows 0->1 and 1->0, by any estimator of the table.

Projected to a time between the frames (`flow.projection`), they are what classical interpolation warps by, and
where `IntermediateFlow` can start from.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import torch
from torch import Tensor

from flow.batch_matching import match_lost_of_batch
from flow.dis import dis_flow, refine_on_half
from flow.estimator import FlowEstimator, two_way_by
from flow.inverse_search import inverse_search
from flow.matching import Patches, match_lost
from flow.scale import to_image

TwoWay = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Frames (B, 3, H, W) in [0, 1] -> flows 0->1 and 1->0, (B, 2, H, W) float32 in pixels."""


def dis_two_way(frame0: Tensor, frame1: Tensor, dense: bool = False) -> tuple[Tensor, Tensor]:
    """Return DIS flows both ways, computed on the CPU from 8-bit frames.

    What DIS loses, because it moves too far, is found by `flow.matching`, and DIS refines that. dense: down to every
    pixel, of large frames that networks will look at coarsely (`flow.scale`).
    """
    find = _found_densely if dense else _found
    pairs = zip(*([Patches(to_image(frame)) for frame in frames] for frames in (frame0, frame1)), strict=True)
    ways = [way for first, second in pairs for way in ((first, second), (second, first))]
    with ThreadPoolExecutor(2) as pool:  # DIS itself hardly gains from a second core
        flows = list(pool.map(lambda pair: find(*pair), ways))
    forward, backward = (
        torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).to(frame0.device) for found in (flows[::2], flows[1::2])
    )
    return forward, backward


def torch_dis_two_way(frame0: Tensor, frame1: Tensor, dense: bool = False) -> tuple[Tensor, Tensor]:
    """Return what `dis_two_way` does, by `flow.inverse_search` where the frames are; a GPU never waits for the host."""
    with torch.no_grad(), torch.autocast(frame0.device.type, enabled=False):
        first, second = torch.cat([frame0, frame1]).float(), torch.cat([frame1, frame0]).float()
        stride, finest = (3, 0) if dense else (2, 1)
        flow = inverse_search(first, second, stride, finest_scale=finest)
        guess, matched = match_lost_of_batch(first * 255, second * 255, flow)
        again = inverse_search(first, second, stride, finest_scale=finest, start=guess)
        forward, backward = torch.where(matched, again, flow).chunk(2)
    return forward, backward


def _found(first: Patches, second: Patches) -> np.ndarray:
    """Return the flow from one image to another."""
    find = partial(dis_flow, first.image, second.image, patch_stride=2)
    _, matched = _found_of_halves(first, second, partial(dis_flow, patch_stride=2, descents=12))
    return find() if matched is None else find(guess=_enlarged(matched, first.image), descents=8)


def _found_densely(first: Patches, second: Patches) -> np.ndarray:
    """Return the flow of large frames as networks look at it: on a grid half as fine."""
    # Of frames of 720 lines that were made half as large for it, DIS down to every pixel finds as much as it does down
    # to half of them of the frames themselves, and sparse patches are enough.
    coarse = partial(dis_flow, patch_stride=3, finest_scale=0, descents=12, refinements=0)
    fine = partial(dis_flow, patch_stride=5, finest_scale=0, descents=4, refinements=0)
    flow, matched = _found_of_halves(first, second, coarse)
    guess = _enlarged(flow if matched is None else matched, first.image)
    return refine_on_half(first.image, second.image, fine(first.image, second.image, guess=guess))


def _found_of_halves(
    first: Patches, second: Patches, find: Callable[..., np.ndarray]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the flow of images half as large, and with what it lost, if anything was.

    Where much moves that takes half of the time of finding, and finding again, in the images themselves.
    """
    halves = first.half, second.half
    flow = find(*(half.image for half in halves))
    return flow, match_lost(*halves, flow)


def _enlarged(flow: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return a flow (h, w, 2) as that of an image as large as this one."""
    height, width = image.shape[:2]
    times = np.array([width, height], np.float32) / np.array(flow.shape[1::-1], np.float32)
    return cv2.resize(flow, (width, height)) * times


TWO_WAY: dict[str, TwoWay] = {"dis": dis_two_way, "dis-torch": torch_dis_two_way}
_DENSE: dict[str, TwoWay] = {
    "dis": partial(dis_two_way, dense=True),
    "dis-torch": partial(torch_dis_two_way, dense=True),
}


def two_way_estimator(name: str, dense: bool = False) -> TwoWay:
    """Return an estimator of the table, or its dense like (`flow.scale`); raises ValueError that lists those known."""
    if name not in TWO_WAY:
        raise ValueError(f"unknown two-way flow {name!r}: use one of {', '.join(TWO_WAY)}")
    return (_DENSE if dense else TWO_WAY)[name]


def find_two_way(name: str, device: str = "auto", precision: str = "auto") -> TwoWay:
    """Return an estimator of the table, or one made of a flow network: a shipped one's name, or a checkpoint's file.

    device, precision: of a network, as `FlowEstimator` takes them. Raises ValueError that lists what there is.
    """
    if name in TWO_WAY:
        return TWO_WAY[name]
    return two_way_by(FlowEstimator.load(name, device, precision, besides=TWO_WAY))
