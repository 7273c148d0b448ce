"""A model for images as they come: numpy arrays in, numpy arrays out, of any size and depth."""

import copy
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, TypeGuard, get_args

import numpy as np
import torch
from torch import Tensor, nn

from flow.checksums import digest
from flow.choices import parse_flow_scale
from flow.course import Neighbour, follow
from flow.device import choose_device, choose_precision
from flow.memory import is_out_of_memory
from flow.models import FLOW_MODELS
from flow.overlay import dragged_in_images
from flow.scale import Scale, coarsen, shrink_image, to_image
from flow.two_way import TWO_WAY, TwoWay, find_two_way, two_way_estimator
from flow.window import enlarge_flow
from vfi import blending, compositing
from vfi.backends import BYTES_PER_PIXEL, PIXELS, Backend, choose_backend, choose_dtype
from vfi.choices import UNTRAINED, Fallback
from vfi.compositing import Image
from vfi.models import VFI_MODELS, load_model
from vfi.models.blend import Blend
from vfi.models.classical import Classical
from vfi.models.flow_fusion import FlowFusion
from vfi.models.mixture import Composition, Frames, Mixture
from vfi.tile_plan import TilePlan
from vfi.tiles import Mixing, Tiled, place_tile

TIMES = (1, 2, 4)  # that frames may be larger than what networks look at, as far as it matters how many


class Made(NamedTuple):
    """An image made between two others."""

    image: Image  # like those on either side of it
    confidence: float | None  # mean over its pixels, 0 to 1; None for a model that does not know its own


def knows_confidence(model: nn.Module) -> TypeGuard[FlowFusion]:
    """Whether a model tells how far its frames are to be trusted."""
    return isinstance(model, FlowFusion) and model.confidence is not None


class Interpolator:
    """Makes the images between two images.

    >>> halves = Interpolator.load("blend")(
    ...     np.zeros((4, 6, 3), np.uint8), np.full((4, 6, 3), 100, np.uint8), [Fraction(1, 2)]
    ... )
    >>> halves[0].shape, int(halves[0].max())
    ((4, 6, 3), 50)
    """

    def __init__(
        self,
        model: nn.Module,
        device: str = "auto",
        precision: str = "auto",
        flow_scale: str = "auto",
        flow: str | TwoWay | None = None,
        fallback: str | None = None,
        backend: str = "torch",
        tile: str | int = "auto",
        memory: int | None = None,
    ) -> None:
        """Take a model to a device.

        device: auto, cpu, cuda, cuda:1, ...; precision: auto, float32, bfloat16, float16 on a GPU, or int8 by OpenVINO
        or onnx, see `vfi.backends`;
        flow_scale: size at which motion is estimated and networks run, auto (as `flow.scale` chooses), 1, 1/2, 1/4 or
        1/8;
        flow: the two-way flow that the model starts from, by the name that `find_two_way` takes or as a function; None
        for the model's own; fallback: what comes in where the model does not trust its frame, see `Fallback`; None for
        the model's own way; backend: what computes the frames, torch, openvino, onnx or auto, see `vfi.backends`;
        tile: side in pixels of the tiles that large frames are made of, auto (as planned for the memory there is, see
        `vfi.tiles`) or off; on the CPU only flow-free needs any; memory: bytes that the process, or on a
        GPU the model, is to take at most, None for what is free. Raises ValueError for anything else.
        """
        self.device = choose_device(device)
        self.backend = choose_backend(backend, model, self.device, precision)
        multiplied = choose_dtype(self.backend, precision, self.device, model)
        self.precision = str(multiplied).removeprefix("torch.")
        # What PyTorch computes after all, beside another backend.
        besides = "float32" if self.backend == "onnx" or precision == "int8" else precision
        self.dtype = choose_precision(besides, self.device)
        if (scale := parse_flow_scale(flow_scale)) is not None:
            if not isinstance(model, Mixing):
                raise ValueError("this model estimates no motion: leave out the flow scale")
            model.flow_scale = scale
        if flow is not None:
            backbone = model.classical if isinstance(model, FlowFusion) else model
            if not isinstance(backbone, Classical):
                raise ValueError("this model has no two-way flow to start from: leave out the flow")
            if isinstance(flow, str) and flow in TWO_WAY:
                backbone.follow(two_way_estimator(flow), two_way_estimator(flow, dense=True))
            else:
                backbone.follow(find_two_way(flow, device, besides) if isinstance(flow, str) else flow)
        if fallback is not None:
            if not knows_confidence(model):
                raise ValueError("this model does not know its confidence: leave out the fallback")
            if fallback not in get_args(Fallback):
                raise ValueError(f"unknown fallback {fallback!r}: use {', '.join(get_args(Fallback))}")
            model.fallback = fallback  # type: ignore[assignment]
        # Convolutions run faster with a pixel's channels side by side.
        self.model = model.to(self.device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._networks = self._outside(self.model)
        self._pixels = PIXELS if backend == "auto" else range(sys.maxsize)  # of frames that it computes
        self._plan = TilePlan(self.model, self.device, tile, memory)

    @classmethod
    def load(
        cls,
        name: str,
        device: str = "auto",
        precision: str = "auto",
        flow_scale: str = "auto",
        flow: str | TwoWay | None = None,
        fallback: str | None = None,
        backend: str = "auto",
        tile: str | int = "auto",
        memory: int | None = None,
    ) -> "Interpolator":
        """Use a shipped model by its name, or a checkpoint by its file."""
        return cls(load_model(name), device, precision, flow_scale, flow, fallback, backend, tile, memory)

    @staticmethod
    def identity(
        name: str,
        precision: str = "auto",
        flow_scale: str = "auto",
        flow: str | None = None,
        fallback: str | None = None,
        backend: str = "auto",
    ) -> dict[str, str]:
        """Return in words what the images of the interpolator that `load` gives depend on, apart from the device."""
        return {
            "model": digest(name, "model", VFI_MODELS, UNTRAINED),
            "flow": "of the model" if flow is None else digest(flow, "flow model", FLOW_MODELS, TWO_WAY),
            "flow scale": flow_scale,
            "precision": precision,
            "fallback": fallback or "of the model",
            "backend": backend,
        }

    def __call__(
        self, before: np.ndarray, after: np.ndarray, times: Sequence[Fraction], start: Tensor | None = None
    ) -> list[np.ndarray]:
        """Return one image for every time in (0, 1); 0 is ``before``, 1 is ``after``.

        before, after: (H, W, 3) RGB, uint8 or uint16, the full range; the results are like them. start: what `start`
        or `curved` returned for them, if it is known. Raises ValueError if they differ in size or depth.
        """
        return [made.image for made in self.make(before, after, times, start)]  # type: ignore[misc]

    @torch.inference_mode()
    def make(
        self, before: Image, after: Image, times: Sequence[Fraction], start: Tensor | None = None
    ) -> Iterator[Made]:
        """Yield what `__call__` returns, each when it is asked for, and how far it is to be trusted.

        Of a size that it `composes`, images may be as video stores them, and the new ones are so, too.
        """
        if before.shape != after.shape or before.dtype != after.dtype:
            raise ValueError(
                f"the two images differ: {before.shape[1]}x{before.shape[0]} {before.dtype} and "
                f"{after.shape[1]}x{after.shape[0]} {after.dtype}; bring them to one size and depth"
            )
        size = (before.shape[0], before.shape[1])
        if self.device.type == "cpu" and isinstance(self.model, Mixing):
            yield from self._composed(self.model, before, after, times, start)
            return
        assert isinstance(before, np.ndarray)
        assert isinstance(after, np.ndarray)
        if self.device.type == "cpu" and isinstance(self.model, Blend):
            yield from (Made(blending.blend_images(before, after, time), None) for time in times)
            return
        if self._networks and self._suits(size):  # which there are on the CPU alone
            frames = self.tensor(before), self.tensor(after)
            for time in times:
                yield Made(self.image(self._networks[1].frame(frames, float(time)), before.dtype), None)
            return
        done = 0
        while done < len(times):
            try:
                for made in self._attempt(before, after, times[done:], start):
                    yield made
                    done += 1
            except Exception as error:  # torch, OpenCV and numpy have one each
                if not is_out_of_memory(error) or not self._plan.shrink(before.shape[:2]):
                    raise
            # What the failed attempt held is free only here, without its traceback.
            if self.device.type == "cuda" and done < len(times):
                torch.cuda.empty_cache()

    def composes(self, height: int, width: int) -> bool:
        """Tell whether it takes images of a size as video stores them, see `vfi.media.yuv`."""
        larger = isinstance(self.model, Mixing) and self.model.scale_of(height, width).times > 1
        return larger and self.device.type == "cpu"

    def _composed(
        self,
        model: Mixing,
        before: Image,
        after: Image,
        times: Sequence[Fraction],
        start: Tensor | None,
    ) -> Iterator[Made]:
        """Yield the images on the CPU: those larger than networks look at are composed of what these find."""
        small, scale = self._small(model, before, after)
        flows = model.start_of(small, scale) if start is None else start
        (network, _), dragged, pair = self._network(scale, before.shape), None, None
        if network is None or flows is None:
            with self.autocast():
                pair = model.prepare_small(small, flows, scale)  # type: ignore[arg-type]
        elif scale.coarse:
            dragged = _dragged(small, flows)
            small, flows = coarsen(small, flows)
        for time in times:
            t = self.time(time)
            with self.autocast():
                if pair is not None:
                    mixture: Mixture = model.mixture_at(pair, t)  # type: ignore[arg-type]
                    found = mixture.composition() if scale.times > 1 else mixture.made.clamp(0, 1)
                    confidence = mixture.confidence
                else:
                    found, confidence = network.found(small, flows, t)  # type: ignore[union-attr, arg-type]
            image: Image
            if isinstance(found, Composition):
                found = found if dragged is None else found._replace(dragged=dragged)
                image = compositing.compose_image(found, before, after)
            else:
                image = self.image(found, before.dtype)
            yield Made(image, None if confidence is None else confidence.mean().item())

    def _attempt(
        self, before: np.ndarray, after: np.ndarray, times: Sequence[Fraction], start: Tensor | None
    ) -> Iterator[Made]:
        """Yield the images, whole or tile by tile as planned."""
        side = self._plan.side((before.shape[0], before.shape[1]))
        if side is None:
            with self.autocast():
                frames = self.tensor(before), self.tensor(after)
                pair = self.model.prepare(*frames) if start is None else self.model.prepare(*frames, start)
            del frames
            for time in times:
                with self.autocast():
                    made = self._at(pair, self.time(time), before.dtype)
                yield made
            return
        with self.autocast():
            tiled = Tiled(self.model, (before, after), self.tensor, side, start)
        for time in times:
            with self.autocast():
                made = self._tile_by_tile(tiled, self.time(time), before.dtype)
            yield made

    def _outside(self, model: nn.Module) -> dict[int, Backend]:
        """Return what computes a model outside PyTorch, if anything does, by how many times larger frames are."""
        if self.backend == "torch":
            return {}
        kinds = TIMES if isinstance(model, Mixing) else (1,)
        precision = getattr(torch, self.precision)
        return {times: Backend(model, self.backend, precision, times) for times in kinds}

    def _network(self, scale: Scale, shape: Sequence[int]) -> tuple[Backend | None, tuple[int, int]]:
        """Return what is to look at frames (H, W, 3) outside PyTorch, if anything is, and at what size."""
        size = -(-shape[0] // scale.times), -(-shape[1] // scale.times)
        suits = self._networks and self._suits(size, scale.times)
        return self._networks[min(scale.times, max(TIMES))] if suits else None, size

    def autocast(self) -> torch.autocast:
        """Return the precision in which PyTorch computes the model, as a context."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _suits(self, size: tuple[int, int], times: int = 1) -> bool:
        """Tell whether a network outside PyTorch is to look at a size (height, width); frames are ``times`` larger."""
        looked_at = size[0] * size[1]
        few = looked_at * times**2 < self._pixels.start
        return not few and looked_at < self._pixels.stop and self._plan.fits_whole(size, BYTES_PER_PIXEL)

    def _at(self, pair: Any, t: Tensor, dtype: np.dtype) -> Made:
        if not isinstance(self.model, FlowFusion):
            return Made(self.image(self.model.synthesize(pair, t), dtype), None)
        frame, confidence = self.model.fuse(pair, self.model.motion(pair, t), t)
        return Made(self.image(frame.clamp(0, 1), dtype), None if confidence is None else confidence.mean().item())

    def with_model(self, model: nn.Module, learning: bool = False) -> "Interpolator":
        """Return the same with a model of other weights; while it is ``learning``, PyTorch computes it."""
        other = copy.copy(self)
        other.model = model
        other._networks = {} if learning else self._outside(model)
        return other

    def _tile_by_tile(self, tiled: Tiled, t: Tensor, dtype: np.dtype) -> Made:
        tiles, confidence = tiled.make(t)
        image = np.zeros((*tiled.size, 3), dtype)
        for tile, made in tiles:
            place_tile(image, tile, made[0].float().mul(np.iinfo(dtype).max).permute(1, 2, 0).cpu().numpy())
        return Made(image, None if confidence is None else confidence.mean().item())

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the work so far, a sentence each."""
        return self._plan.notes

    @torch.no_grad()
    def start(self, before: Image, after: Image) -> Tensor | None:
        """Return the flows both ways that the model starts from, as `FlowFusion.start` does; None if it has none.

        They are (1, 4, h, w) in pixels of the flow scale. Another thread may call it for the next images meanwhile.
        """
        if not isinstance(self.model, Mixing):
            return None
        if self.device.type == "cpu":
            small, scale = self._small(self.model, before, after)
            network, size = self._network(scale, before.shape)
            if network is not None:
                network.open_ahead(size)
            return self.model.start_of(small, scale)
        assert isinstance(before, np.ndarray)
        assert isinstance(after, np.ndarray)
        return self.model.start(self.tensor(before), self.tensor(after))

    @staticmethod
    @torch.no_grad()
    def curved(start: Tensor, before: tuple[Tensor, Fraction] | None, after: tuple[Tensor, Fraction] | None) -> Tensor:
        """Return a start that knows the course of what moves, as `flow.course.follow` does: (1, 8, h, w).

        start: of two images; before, after: what `start` returned for the image before them and the first, and for the
        second and the image after them, and how long that takes as a part of the time between the two; None where
        nothing leads there. Without either it is the start as it was: motion is straight then, at an even speed.
        """
        if before is None and after is None:
            return start
        neighbours = (Neighbour(one[0], float(one[1])) if one is not None else None for one in (before, after))
        return follow(start, *neighbours)

    @staticmethod
    def _small(model: Mixing, before: Image, after: Image) -> tuple[Frames, Scale]:
        """Return two images at the flow scale, and that."""
        scale = model.scale_of(before.shape[0], before.shape[1])
        return (_shrunk(before, scale.flow), _shrunk(after, scale.flow)), scale

    @torch.inference_mode()
    def motion(self, before: np.ndarray, after: np.ndarray, time: Fraction) -> np.ndarray | None:
        """Return the flow from ``before`` to ``after`` that the model follows at a time, None if it estimates none.

        Images and time as in `__call__`; flow (H, W, 2) float32 in pixels, at the places of the frame at that time.
        """
        model, t, frames = self.model, self.time(time), (self.tensor(before), self.tensor(after))
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            if isinstance(model, Classical):  # whose two motions hardly differ where they are right
                flow = model.motion(model.prepare(*frames), t)[0]
            elif isinstance(model, FlowFusion):
                flows = model.motion(model.prepare(*frames), t).flows
                flow = flows[:, 2:] - flows[:, :2]
            else:
                return None
            flow = enlarge_flow(flow, (before.shape[0], before.shape[1]))
        return flow[0].float().permute(1, 2, 0).cpu().numpy()

    def time(self, t: Fraction) -> Tensor:
        return torch.full((1, 1, 1, 1), float(t), device=self.device)

    def tensor(self, image: np.ndarray) -> Tensor:
        """(H, W, 3) integers to (1, 3, H, W) float32 in [0, 1]."""
        # torch knows little of uint16; int32 holds it.
        levels = np.array(image, np.uint8 if image.dtype == np.uint8 else np.int32)
        pixels = torch.from_numpy(levels).to(self.device)
        return pixels.permute(2, 0, 1)[None].float() / np.iinfo(image.dtype).max

    @staticmethod
    def image(frame: Tensor, dtype: np.dtype) -> np.ndarray:
        # Rounded, not truncated: half a level of darkening on every second frame is visible flicker.
        levels = frame[0].float().mul(np.iinfo(dtype).max).round_().permute(1, 2, 0)
        return levels.to(torch.int32).cpu().numpy().astype(dtype)


def _shrunk(image: Image, times: int) -> Tensor:
    """Return an image so many times smaller, (1, 3, h, w) float32 in [0, 1]."""
    if isinstance(image, np.ndarray):
        return shrink_image(image, times)
    if times == 1 or image.shape[0] % times or image.shape[1] % times:
        return shrink_image(image.rgb, times)
    return torch.from_numpy(image.small(times)).permute(2, 0, 1)[None]


def _dragged(small: Frames, flows: Tensor) -> Tensor | None:
    """Return `Composition.dragged` of frames (1, 3, h, w) on the CPU and the start of the frames between them."""
    there, back = (flow[0].permute(1, 2, 0).numpy() for flow in (flows[:, :2], flows[:, 2:4]))
    dragged = dragged_in_images(to_image(small[0][0]), to_image(small[1][0]), there, back)
    return torch.from_numpy(dragged)[None, None] if dragged.any() else None
