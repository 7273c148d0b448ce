"""A flow network for images as they come: numpy arrays in, numpy arrays out, of any size."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from flow.checkpoint import find_checkpoint, load_checkpoint, load_weights
from flow.device import choose_device, choose_precision
from flow.images import refuse_others
from flow.models import FLOW_MODELS, build_flow_model


class FlowEstimator:
    """Finds the flow from one image to another.

    >>> from flow.models import build_flow_model
    >>> estimator = FlowEstimator(build_flow_model("flownets", {"width": 0.1}), device="cpu", precision="float32")
    >>> estimator(np.zeros((30, 50, 3), np.uint8), np.zeros((30, 50, 3), np.uint8)).shape
    (30, 50, 2)
    """

    def __init__(self, model: nn.Module, device: str = "auto", precision: str = "auto") -> None:
        """Take a network of `flow.models` to a device.

        device: auto, cpu, cuda, cuda:1, ...; precision: auto, float32, bfloat16, or float16 on a GPU. Whatever the
        precision, flows, warping and correlation are computed in float32. Raises ValueError for anything else.
        """
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        # Convolutions run faster with a pixel's channels side by side.
        self.model = model.to(self.device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    @classmethod
    def load(
        cls, name: str | Path, device: str = "auto", precision: str = "auto", besides: Iterable[str] = ()
    ) -> "FlowEstimator":
        """Use a shipped network by its name, or a checkpoint by its file.

        Raises CheckpointError if the file holds no flow network, or there is none of that name: it lists what there is,
        and the names that the caller takes ``besides``.
        """
        checkpoint = load_checkpoint(find_checkpoint(str(name), "flow model", FLOW_MODELS, besides))
        model = build_flow_model(checkpoint.model, checkpoint.config)
        load_weights(model, checkpoint.weights)
        return cls(model, device, precision)

    def __call__(self, image0: np.ndarray, image1: np.ndarray) -> np.ndarray:
        """Return the flow from the first image to the second, (H, W, 2) float32 in pixels, dx (right) then dy (down).

        images (H, W, 3) RGB uint8, or a batch (B, H, W, 3) of them: then the flow is (B, H, W, 2).
        Raises ValueError if they are not images, or differ in size.
        """
        refuse_others(image0, image1)
        frames = [self._to_tensor(image) for image in (image0, image1)]
        flow = self.estimate(frames[0], frames[1]).permute(0, 2, 3, 1).cpu().numpy()
        return np.ascontiguousarray(flow if image0.ndim == 4 else flow[0])

    @torch.no_grad()
    def estimate(self, frame0: Tensor, frame1: Tensor) -> Tensor:
        """Return the flow (B, 2, H, W) float32 in pixels, for frames (B, 3, H, W) in [0, 1]; on their device."""
        frames = [frame.to(self.device, torch.float32) for frame in (frame0, frame1)]
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            flow = self.model(*frames)
        return flow.float().to(frame0.device)

    def _to_tensor(self, image: np.ndarray) -> Tensor:
        batch = torch.tensor(np.ascontiguousarray(image).reshape(-1, *image.shape[-3:]), device=self.device)
        return batch.permute(0, 3, 1, 2).float() / 255


def two_way_by(estimator: FlowEstimator) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return an estimator of both flows, as the table of `flow.two_way` holds them, made of a network.

    Its arguments are frames (B, 3, H, W) in [0, 1]; it returns the flows 0->1 and 1->0, (B, 2, H, W) float32 in pixels.
    """

    def two_way(frame0: Tensor, frame1: Tensor) -> tuple[Tensor, Tensor]:
        return estimator.estimate(frame0, frame1), estimator.estimate(frame1, frame0)

    return two_way
