"""Where the time of an upsampling goes: what a stage calls of another one counts for that one alone.

The program's functions are wrapped while it runs, so that it carries no timers of its own. What is counted is what the
program waits for: decoders and encoders also work in threads of their own, beside whatever stage is running.
"""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vfi import pipeline
from vfi.media import Frame, VideoReader, VideoWriter
from vfi.media.animation import AnimationReader
from vfi.media.y4m import Y4mReader
from vfi.media.yuv import YuvImage
from vfi.minterpolate import Motion

if TYPE_CHECKING:
    from vfi.interpolator import Interpolator

STAGES = (
    "decode",  # opening and reading the source
    "colour",  # from stored samples to the model's RGB, and back
    "flow",  # DIS and the matching of what it loses, or the flow network in its place: as far as that is waited for
    "net",  # the networks, with what they warp inside
    "warp and fuse",  # whatever else the model does
    "filter",  # FFmpeg's minterpolate
    "encode",  # writing and checking the output, and copying other streams
)

READERS: tuple[Any, ...] = (VideoReader, AnimationReader, Y4mReader)


class Stages:
    """Stopwatches, one of which runs at a time."""

    def __init__(self, synchronize: Callable[[], None] | None = None) -> None:
        """``synchronize`` waits until a device has done what it was given, without which it would count later."""
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._synchronize = synchronize or (lambda: None)
        self._running: list[str] = []
        self._since = 0.0
        self._thread = threading.get_ident()

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Count what passes until the end for this stage, and no longer for the one that was running.

        What another thread does meanwhile is not waited for.
        """
        if threading.get_ident() != self._thread or (self._running and self._running[-1] == stage):
            yield
            return
        self._switch()
        self._running.append(stage)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    def _switch(self) -> None:
        self._synchronize()
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time counted."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.during(stage):
                return function(*args, **kwargs)

        return wrapped

    def timed_items(self, stage: str, generate: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """Return the generator function with the time counted that each item takes."""

        @functools.wraps(generate)
        def wrapped(*args: Any, **kwargs: Any) -> Iterator[Any]:
            advance = self.timed(stage, functools.partial(next, generate(*args, **kwargs), None))
            return iter(advance, None)

        return wrapped


@contextmanager
def watched(stages: Stages, interpolator: "Interpolator | None" = None) -> Iterator[None]:
    """Count, until the end, what reading and writing take, and what this interpolator or minterpolate does."""
    with ExitStack() as stack:
        replace = functools.partial(_replace, stack)
        for reader in READERS:
            replace(reader, "frames", stages.timed_items("decode", reader.frames))
            replace(reader, "__init__", stages.timed("decode", reader.__init__))
        replace(Motion, "take", stages.timed_items("filter", Motion.take))
        for owner, stage, names in (
            (VideoWriter, "encode", ("__init__", "write", "copy", "finish")),
            (Frame, "colour", ("encoded_as",)),
            (YuvImage, "colour", ("small", "like")),
        ):
            for name in names:
                replace(owner, name, stages.timed(stage, getattr(owner, name)))
        for name in ("rgb", "studio_rgb", "yuv", "beyond_range", "alpha", "opaque"):
            computed = cached_property(stages.timed("colour", vars(Frame)[name].func))
            computed.__set_name__(Frame, name)
            replace(Frame, name, computed)
        if interpolator is not None:
            _watch_model(stages, interpolator, replace)
        yield


def _watch_model(stages: Stages, interpolator: "Interpolator", replace: Callable[..., None]) -> None:
    for name in ("tensor", "image"):
        replace(interpolator, name, stages.timed("colour", getattr(interpolator, name)))
    from vfi import blending, compositing  # the latter takes PyTorch, as models do

    # By name, as they are called.
    replace(blending, "blend_images", stages.timed("warp and fuse", blending.blend_images))
    awaited = "flow" if hasattr(interpolator.model, "start") else "colour"  # all that is started ahead
    replace(pipeline, "_awaited", stages.timed(awaited, pipeline._awaited))
    replace(interpolator, "curved", stages.timed("flow", interpolator.curved))
    replace(compositing, "compose_image", stages.timed("warp and fuse", compositing.compose_image))
    for network in interpolator._networks.values():  # all of what is not PyTorch
        for name in ("frame", "found"):
            replace(network, name, stages.timed("net", getattr(network, name)))
    model = interpolator.model
    for name in ("prepare", "synthesize", "motion", "mixture", "fuse"):
        if hasattr(model, name):
            replace(model, name, stages.timed("warp and fuse", getattr(model, name)))
    for part in model.modules():
        for name in ("two_way", "dense_two_way"):
            if hasattr(part, name):
                replace(part, name, stages.timed("flow", getattr(part, name)))
        if part is not model and any(True for _ in part.parameters()):
            replace(part, "forward", stages.timed("net", part.forward))


def _replace(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Set an attribute until the stack closes."""
    if name in vars(owner):
        stack.callback(setattr, owner, name, vars(owner)[name])
    else:
        stack.callback(delattr, owner, name)
    setattr(owner, name, value)
