"""Models computed outside PyTorch, on the CPU: written to a file once, kept for the next time, and run from there.

OpenVINO computes the same frames, to a hundredth of a level in float32, in much less time.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import flow
from flow.backends import RUNTIMES, NotInstalled, open_network
from flow.device import automatic_precision
from flow.network_file import write_network
from flow.noise import NoiseDataset
from vfi import models
from vfi.choices import check_backend
from vfi.models.classical import Classical
from vfi.models.flow_fusion import FlowFusion
from vfi.models.portable import Portable, is_portable

# Of frames for which auto takes another backend: to prepare smaller ones takes longer than it saves, and larger ones
# are better made in tiles, which PyTorch does.
PIXELS = range(100_000, 9_000_000)
BYTES_PER_PIXEL = 640  # of memory, measured with OpenVINO: flow-fusion takes the most
CLOSE = 0.999  # least share of pixels that may differ from PyTorch's by one level at most
SIZES = ((96, 160), (101, 149))  # whole multiples of the networks' grids, and sides that are odd on all of them


class BackendError(ValueError):
    """A model does not compute by a backend as it does in PyTorch; the message says what to do."""


class Backend:
    """A model by another runtime than PyTorch."""

    def __init__(self, model: nn.Module, name: str, bfloat16: bool = False) -> None:
        """Take a model and the backend's name, openvino or onnx; what it writes lies in the user's cache.

        bfloat16: whether OpenVINO may multiply in that precision, after it was compared with PyTorch in float32.

        Raises ValueError if the model cannot be written, or what writes or runs it is not installed.
        """
        self.model, self.name, self._bfloat16 = model, name, bfloat16
        self.portable = Portable(model).eval()
        for module in {"onnx", RUNTIMES[name]}:
            if find_spec(module) is None:
                raise NotInstalled(f"{module} is not installed: run pip install 'vfi[export]'")
        self._folder: tempfile.TemporaryDirectory | None = None  # where there is no cache
        self._file: Path | None = None
        self._sizes: dict[str, tuple[int, ...]] | None = None
        self._compute: Any = None

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return what `Portable` does of its inputs, by name; prepared anew for every other size.

        Raises BackendError if it is not what PyTorch computes.
        """
        sizes = {name: array.shape for name, array in inputs.items()}
        if self._compute is None or sizes != self._sizes:
            self._file = self._file or self._prepared()
            threads = torch.get_num_threads()
            self._compute = open_network(self._file, self.name, threads, sizes, self._bfloat16).compute
            self._sizes = sizes
        return self._compute(inputs)

    def inputs(self, frames: tuple[Tensor, Tensor], start: Tensor | None = None) -> dict[str, np.ndarray]:
        """Return all inputs but ``t`` for frames (B, 3, H, W); start: what the model's `start` returned for them."""
        found = dict(zip(("frame0", "frame1"), frames, strict=True))
        if isinstance(self.model, FlowFusion | Classical):
            small = self.model.small(*frames)
            found |= zip(("small0", "small1"), small, strict=True)
            flows = self.model.start(*frames, small) if start is None else start
            assert flows is not None  # `Portable` takes no other
            found["flows"] = flows
        return {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in found.items()}

    def _prepared(self) -> Path:
        """Return the model's file, written and compared with the model if there is none yet."""
        try:
            folder = cache_folder()
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError
        except OSError:  # nothing can be kept there
            self._folder = tempfile.TemporaryDirectory(prefix="vfi-")
            folder = Path(self._folder.name)
        file = folder / f"{self._key()}.onnx"
        if not file.exists():
            with tempfile.TemporaryDirectory(dir=folder) as partial:
                written = Path(partial) / file.name
                write_network(self.portable, written, "onnx", self.portable.example(), self.portable.outputs)
                compare(self.portable, written, self.name)
                written.replace(file)
        return file

    def _key(self) -> str:
        """Return what the file is known by: it is written anew for other weights, code or runtimes."""
        model: Any = self.model
        known = hashlib.sha256(repr((type(model).__name__, asdict(model.config))).encode())
        for name, weight in model.state_dict().items():
            known.update(name.encode())
            known.update(weight.detach().contiguous().numpy().tobytes())
        for folder in (Path(models.__file__).parent, Path(flow.__file__).parent):
            for source in sorted(folder.rglob("*.py")):
                known.update(source.read_bytes())
        packages = ("vfi", "torch", "onnx", RUNTIMES[self.name])
        known.update(repr([getattr(model, "fallback", None), *map(version, packages)]).encode())
        return known.hexdigest()[:32]


def choose_backend(name: str, model: nn.Module, device: torch.device, precision: str) -> str:
    """Return what computes a model: torch, openvino or onnx; precision: as it was asked for.

    ``auto`` is OpenVINO where it is installed and computes the model on the CPU as precisely as asked for, else
    PyTorch. Raises ValueError for a backend that is unknown or computes otherwise.
    """
    check_backend(name)
    known = ["auto", "float32"]
    if name != "onnx" and automatic_precision(torch.device("cpu"))[0] == torch.bfloat16:
        known.append("bfloat16")
    plain = device.type == "cpu" and precision in known
    if name == "auto":
        fit = isinstance(model, Classical) or any(True for _ in model.parameters())
        fit = fit and is_portable(model)
        return "openvino" if plain and fit and find_spec("openvino") and find_spec("onnx") else "torch"
    if name != "torch" and not plain:
        raise ValueError(
            f"the backend {name} computes on the CPU in {' or '.join(known[1:])}: leave out --device and --precision"
        )
    return name


def compare(portable: Portable, path: Path, backend: str) -> tuple[float, float]:
    """Return the share of pixels in which a file's frames are within a level of the model's, and the worst, in levels.

    Compared on scenes of noise of several sizes, at two times. Raises BackendError if fewer than `CLOSE` are.
    """
    shares, worst = [], 0.0
    for inputs in examples(portable):
        answer = open_network(path, backend, torch.get_num_threads(), {k: v.shape for k, v in inputs.items()})
        for t in (0.5, 0.2):
            inputs["t"] = np.full((1, 1, 1, 1), t, np.float32)
            difference = np.abs(answer.compute(inputs)[0] - by_torch(portable, inputs)) * 255
            shares.append(float((difference <= 1).mean()))
            worst = max(worst, float(difference.max()))
    if not min(shares) >= CLOSE:  # NaN is not, either
        raise BackendError(
            f"{RUNTIMES[backend]} computes other frames than PyTorch here, up to {worst:.1f} levels apart: use"
            " --backend torch"
        )
    return min(shares), worst


def examples(portable: Portable) -> list[dict[str, np.ndarray]]:
    """Return inputs for a model, by name."""
    found = []
    for sample in (NoiseDataset(SIZES)[i] for i in range(len(SIZES))):
        frames = [
            torch.from_numpy(np.stack([frame])).permute(0, 3, 1, 2) / 255 for frame in (sample.frame0, sample.frame1)
        ]
        inputs = {"frame0": frames[0], "frame1": frames[1], "t": torch.full((1, 1, 1, 1), 0.5)}
        if portable.starts:
            flows = torch.from_numpy(sample.flow).permute(2, 0, 1)[None]
            inputs |= {"small0": frames[0], "small1": frames[1], "flows": torch.cat([flows, -flows], dim=1)}
        found.append({name: np.ascontiguousarray(tensor.numpy(), np.float32) for name, tensor in inputs.items()})
    return found


@torch.inference_mode()
def by_torch(portable: Portable, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the frame that the model itself makes of inputs."""
    made = portable(**{name: torch.from_numpy(array) for name, array in inputs.items()})
    return (made[0] if isinstance(made, tuple) else made).numpy()


def cache_folder() -> Path:
    """Return where models are kept as files for other runtimes."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vfi" / "models"
