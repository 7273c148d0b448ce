"""Models as one function of tensors alone, as files for other runtimes need them."""

import torch
from torch import Tensor, nn

from flow.scale import Scale
from vfi.models.classical import Classical
from vfi.models.flow_fusion import FlowFusion
from vfi.models.mixture import compose

FRAMES = ("frame0", "frame1", "t")
FLOWS = ("small0", "small1", "flows")


class Portable(nn.Module):
    """A model from two frames and a time to the frame at that time.

    In go ``frame0`` and ``frame1`` (B, 3, H, W) in [0, 1] and ``t`` (B, 1, 1, 1) in (0, 1). A model that starts from
    the flow of a classical estimator also takes the frames as its networks are to look at them, ``small0`` and
    ``small1`` (B, 3, h, w), and that flow, ``flows`` (B, 4, h, w) 0->1 and 1->0 in pixels of the same grid. Out come
    ``frame`` (B, 3, H, W) in [0, 1] and, of a model that knows it, its ``confidence`` (B, 1, h, w) in (0, 1).
    """

    def __init__(self, model: nn.Module) -> None:
        """Take a model. Raises ValueError for one that computes differently for every size."""
        super().__init__()
        if not is_portable(model):
            raise ValueError(
                "how many levels this model's flow has depends on the size of the frames, which no file can hold:"
                " choose flow-fusion, fast, flow-free or classical"
            )
        self.model = model
        self.starts = isinstance(model, FlowFusion | Classical)
        self.inputs = (*FRAMES, *FLOWS) if self.starts else FRAMES
        self.outputs = ("frame", "confidence") if getattr(model, "confidence", None) is not None else ("frame",)

    def forward(
        self,
        frame0: Tensor,
        frame1: Tensor,
        t: Tensor,
        small0: Tensor | None = None,
        small1: Tensor | None = None,
        flows: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        if small0 is None or small1 is None:
            return self.model(frame0, frame1, t)
        pair = self.model.prepare_small((small0, small1), flows)  # type: ignore[operator]
        mixture = self.model.mixture_at(pair, t)  # type: ignore[operator]
        # Of whatever size, which cannot be asked in a file: as if it were no larger than what is looked at.
        frame = compose(mixture.composition(), (frame0, frame1)).clamp(0, 1)
        return frame if mixture.confidence is None else (frame, mixture.confidence)

    def example(self) -> dict[str, Tensor]:
        """Return what may go in, by name; no two sizes are the same by chance."""
        found = {
            "frame0": torch.rand(2, 3, 128, 192),
            "frame1": torch.rand(2, 3, 128, 192),
            "t": torch.rand(2, 1, 1, 1),
        }
        if self.starts:
            found |= {"small0": torch.rand(2, 3, 64, 96), "small1": torch.rand(2, 3, 64, 96)}
            found["flows"] = torch.randn(2, 4, 64, 96)
        return found


class PortableMixture(nn.Module):
    """A model that finds motion, from two frames as networks look at them to the frame at a time, or what makes it up.

    In go ``small0`` and ``small1`` (B, 3, h, w) in [0, 1], ``t`` (B, 1, 1, 1) in (0, 1) and ``flows`` (B, 8, h, w) on
    the same grid, the last four of them accelerations (`flow.course`). Out comes ``made``, the frame at that
    size, or the members of the `Composition` of a larger one by their names but for the flows, which are ``along``; and
    of a model that knows it, its ``confidence``. There are also the flows of all images that are mixed, ``paths``:
    OpenVINO computes what leads to an output without a network on the way in float32, even if it is to use bfloat16,
    which is too coarse for places and takes longer to convert.
    """

    inputs = ("small0", "small1", "t", "flows")

    def __init__(self, model: nn.Module, times: int = 1) -> None:
        """Take a model; times: how many times larger than what is looked at the frame is.

        Raises ValueError for a model that computes differently for every size.
        """
        super().__init__()
        self.model, self.times = Portable(model).model, times
        made = ("along", "weights", "still", "rest") if times > 1 else ("made",)
        known = ("confidence",) if getattr(model, "confidence", None) is not None else ()
        self.outputs: tuple[str, ...] = (*made, "paths", *known)

    def forward(self, small0: Tensor, small1: Tensor, t: Tensor, flows: Tensor) -> tuple[Tensor, ...]:
        scale = Scale(self.times, coarse=False, dense=False)  # whatever of it is to be looked at came in
        pair = self.model.prepare_small((small0, small1), flows, scale)  # type: ignore[operator]
        mixture = self.model.mixture_at(pair, t)  # type: ignore[operator]
        if self.times > 1:
            flow, weights, still, rest, *_ = mixture.composition()
            found = [flow, weights, torch.zeros_like(weights) if still is None else still, rest]
        else:
            found = [mixture.made.clamp(0, 1)]
        found.append(torch.cat(mixture.flows, dim=1))
        return tuple(found if mixture.confidence is None else [*found, mixture.confidence])

    def example(self) -> dict[str, Tensor]:
        """Return what may go in, by name; no two sizes are the same by chance."""
        whole = Portable(self.model).example()
        flows = whole["flows"]
        return {name: whole[name] for name in self.inputs} | {"flows": torch.cat([flows, 2 * flows], dim=1)}


def is_portable(model: nn.Module) -> bool:
    """Tell whether a model computes in one way for all sizes: a flow found from nothing has levels by the size."""
    return not (isinstance(model, FlowFusion) and model.classical is None)
