"""Models computed outside PyTorch, on the CPU: written to a file once, kept for the next time, and run from there.

OpenVINO computes the same frames, to a hundredth of a level in float32, in much less time. In int8 convolutions are of
numbers rounded to 8 bits (`flow.quantization`), by ranges that scenes made of photographs need.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import flow
from flow.backends import RUNTIMES, NotInstalled, open_network
from flow.datasets import FlowDataset
from flow.device import choose_precision, multiplies_bfloat16
from flow.network_file import write_network
from flow.noise import NoiseDataset
from flow.pictures import PictureDataset
from flow.quantization import quantized
from vfi import models
from vfi.choices import check_backend
from vfi.models.classical import Classical
from vfi.models.flow_fusion import FlowFusion
from vfi.models.mixture import Composition, Frames, compose
from vfi.models.portable import Portable, PortableMixture, is_portable

# For which auto takes another backend: to prepare for smaller frames takes longer than it saves, and more than the most
# is better looked at in tiles, which PyTorch does.
PIXELS = range(50_000, 9_000_000)
BYTES_PER_PIXEL = 640  # of memory, measured with OpenVINO: flow-fusion takes the most
CLOSE = 0.999  # least share of pixels that may differ from PyTorch's by one level at most
SIZES = ((96, 160), (101, 149))  # whole multiples of the networks' grids, and sides that are odd on all of them
SCENES = 6 * ((360, 640),)  # heights and widths of those that ranges are taken from


class BackendError(ValueError):
    """A model does not compute by a backend as it does in PyTorch; the message says what to do."""


class Backend:
    """A model by another runtime than PyTorch."""

    def __init__(self, model: nn.Module, name: str, precision: torch.dtype = torch.float32, times: int = 1) -> None:
        """Take a model and the backend's name, openvino or onnx; what it writes lies in the user's cache.

        precision: of what is multiplied, float32, int8, or bfloat16 for OpenVINO, which is compared with PyTorch in
        float32 before; times: how many times larger frames are than what the model, if it finds motion, looks at.

        Raises ValueError if the model cannot be written, or what writes or runs it is not installed.
        """
        self.model, self.name, self._precision = model, name, precision
        whole = not isinstance(model, FlowFusion | Classical)
        self.portable = (Portable(model) if whole else PortableMixture(model, times)).eval()
        for module in {"onnx", RUNTIMES[name]}:
            if find_spec(module) is None:
                raise NotInstalled(f"{module} is not installed: run pip install 'vfi[export]'")
        self._folder: tempfile.TemporaryDirectory | None = None  # where there is no cache
        self._file: Path | None = None
        self._opener, self._one_at_a_time = ThreadPoolExecutor(1), Lock()
        self._known: tuple[Any, Any] | None = None  # what it is opened for
        self._opened: Future[Any] | None = None

    def __call__(self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        """Return those outputs of the model as a function, see `vfi.models.portable`, of its inputs, by name.

        It is prepared anew for every other size, and for other outputs.

        Raises BackendError if it is not what PyTorch computes.
        """
        self._file = self._file or self._prepared()
        return self._opening({name: array.shape for name, array in inputs.items()}, outputs).result().compute(inputs)

    def open_ahead(self, size: tuple[int, int]) -> None:
        """Begin to open a model that finds motion for a size (height, width) of what it looks at; returns at once.

        Nothing is begun if its file is yet to be written, which takes long and is not to outlast an interruption.
        """
        self._file = self._file or self._written_before()
        if self._file is not None:
            channels = {"small0": 3, "small1": 3, "flows": 8}
            sizes = {name: (1, count, *size) for name, count in channels.items()} | {"t": (1, 1, 1, 1)}
            self._opening(sizes, self._wanted)

    def _opening(self, sizes: Mapping[str, tuple[int, ...]], outputs: Sequence[str]) -> Future[Any]:
        """Return what will be what computes outputs of inputs of such sizes."""
        with self._one_at_a_time:
            if self._opened is None or self._known != (sizes, outputs):
                assert self._file is not None
                cache = self._file.with_suffix("")  # a blob for every size
                terms = torch.get_num_threads(), sizes, self._precision == torch.bfloat16, cache, outputs
                self._opened = self._opener.submit(open_network, self._file, self.name, *terms)
                self._known = sizes, outputs
            return self._opened

    def frame(self, frames: tuple[Tensor, Tensor], t: float) -> Tensor:
        """Return the frame at t of a model that finds no motion, (1, 3, H, W) in [0, 1] like the ``frames``."""
        return torch.from_numpy(self(_arrays(frame0=frames[0], frame1=frames[1], t=t), self.portable.outputs)[0])

    def found(self, small: Frames, flows: Tensor, t: Tensor) -> tuple[Tensor | Composition, Tensor | None]:
        """Return what a model that finds motion makes of frames (1, 3, h, w) as networks look at them, and their start.

        It is the frame at t (1, 1, 1, 1), or what a larger one is composed of, and the confidence, if it is known.
        """
        flows = F.pad(flows, (0, 0, 0, 0, 0, 8 - flows.shape[1]))  # straight on, if nothing else is known
        inputs = _arrays(small0=small[0], small1=small[1], t=t.item(), flows=flows)
        wanted = self._wanted
        found = dict(zip(wanted, map(torch.from_numpy, self(inputs, wanted)), strict=True))
        confidence = found.pop("confidence", None)
        return found["made"] if "made" in found else _composition(found, t), confidence

    @property
    def _wanted(self) -> list[str]:
        """What is asked of a model that finds motion."""
        return [name for name in self.portable.outputs if name != "paths" or self._precision == torch.bfloat16]

    def _written_before(self) -> Path | None:
        """Return the model's file, None if there is none yet."""
        file = self._file_in(cache_folder())
        with suppress(OSError):  # a folder that may not be looked into
            return file if file.exists() else None
        return None

    def _prepared(self) -> Path:
        """Return the model's file, written and compared with the model if there is none yet."""
        try:
            return self._kept(cache_folder())
        except OSError:  # nothing can be kept there, or no more
            self._folder = tempfile.TemporaryDirectory(prefix="vfi-")
            return self._kept(Path(self._folder.name))

    def _kept(self, folder: Path) -> Path:
        """Return the model's file in a folder, as `_prepared` does; raises OSError if it cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        file = self._file_in(folder)
        if not file.exists():
            with tempfile.TemporaryDirectory(dir=folder) as partial:
                written = Path(partial) / file.name
                with in_int8(self.portable) if self._precision == torch.int8 else nullcontext():
                    write_network(self.portable, written, "onnx", self.portable.example(), self.portable.outputs)
                compare(self.portable, written, self.name)
                written.replace(file)
        return file

    def _file_in(self, folder: Path) -> Path:
        return folder / f"{self._key()}.onnx"

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
        said = [getattr(model, "fallback", None), getattr(self.portable, "times", 1), self._precision == torch.int8]
        known.update(repr([*said, *map(version, packages)]).encode())
        return known.hexdigest()[:32]


def choose_backend(name: str, model: nn.Module, device: torch.device, precision: str) -> str:
    """Return what computes a model: torch, openvino or onnx; precision: as it was asked for.

    ``auto`` is OpenVINO where it is installed and computes the model on the CPU as precisely as asked for, else
    PyTorch. Raises ValueError for a backend that is unknown or computes otherwise.
    """
    check_backend(name)
    known = ["auto", "float32", "int8"]
    if name != "onnx" and multiplies_bfloat16():
        known.append("bfloat16")
    plain = device.type == "cpu" and precision in known
    if name == "auto":
        fit = isinstance(model, Classical) or any(True for _ in model.parameters())
        return automatic_backend(device)[0] if plain and fit and is_portable(model) else "torch"
    if name != "torch" and not plain:
        raise ValueError(
            f"the backend {name} computes on the CPU in {' or '.join(known[1:])}: leave out --device and --precision"
        )
    return name


def automatic_backend(device: torch.device) -> tuple[str, str]:
    """Return the backend that auto stands for, of models that it computes, and why."""
    if device.type != "cpu":
        return "torch", "the others compute on a CPU"
    if not (find_spec("openvino") and find_spec("onnx")):
        return "torch", "OpenVINO or onnx is not installed"
    precision = str(_fastest()).removeprefix("torch.")
    return "openvino", f"it is faster than PyTorch on a CPU; --precision auto is {precision} there"


def _arrays(t: float, **tensors: Tensor) -> dict[str, np.ndarray]:
    found = {name: np.ascontiguousarray(tensor.numpy(), np.float32) for name, tensor in tensors.items()}
    return found | {"t": np.full((1, 1, 1, 1), t, np.float32)}


def choose_dtype(backend: str, precision: str, device: torch.device, model: nn.Module) -> torch.dtype:
    """Return the type in which a backend multiplies what a model does; precision: as it was asked for.

    Raises ValueError as `choose_precision` does.
    """
    if backend == "openvino" and precision == "auto":
        fastest = _fastest()
        return torch.float32 if fastest == torch.int8 and not may_be_int8(model) else fastest
    if precision == "int8" and backend != "torch" and may_be_int8(model):
        return torch.int8
    if precision == "int8" and not any(True for _ in model.parameters()):
        return torch.float32
    return torch.float32 if backend == "onnx" and precision == "auto" else choose_precision(precision, device)


def may_be_int8(model: nn.Module) -> bool:
    """Tell whether rounding convolutions hardly changes the frames: what warps them is not rounded."""
    return isinstance(model, FlowFusion) and is_portable(model)


def _fastest() -> torch.dtype:
    """Return the type that OpenVINO multiplies fastest on this CPU, of those that make as good frames."""
    if multiplies_bfloat16():
        return torch.bfloat16
    return torch.int8 if torch.cpu._is_avx2_supported() else torch.float32


def compare(portable: Portable | PortableMixture, path: Path, backend: str) -> tuple[float, float]:
    """Return the share of pixels in which a file's frames are within a level of the model's, and the worst, in levels.

    Compared on scenes of noise of several sizes, at two times. Raises BackendError if fewer than `CLOSE` are.
    """
    shares, worst = [], 0.0
    for inputs in examples(portable, NoiseDataset(SIZES)):
        answer = open_network(path, backend, torch.get_num_threads(), {k: v.shape for k, v in inputs.items()})
        for t in (0.5, 0.2):
            inputs["t"] = np.full((1, 1, 1, 1), t, np.float32)
            made, other = (
                _frame(portable, inputs, found) for found in (by_torch(portable, inputs), answer.compute(inputs))
            )
            difference = np.abs(other - made) * 255
            shares.append(float((difference <= 1).mean()))
            worst = max(worst, float(difference.max()))
    if not min(shares) >= CLOSE:  # NaN is not, either
        raise BackendError(
            f"{RUNTIMES[backend]} computes other frames than PyTorch here, up to {worst:.1f} levels apart: use"
            " --backend torch"
        )
    return min(shares), worst


def _frame(
    portable: Portable | PortableMixture, inputs: Mapping[str, np.ndarray], found: list[np.ndarray]
) -> np.ndarray:
    """Return the frame that was computed, or what comes of its parts."""
    if isinstance(portable, Portable) or portable.times == 1:
        return found[0]
    parts = dict(zip(portable.outputs, map(torch.from_numpy, found), strict=True))
    composition = _composition(parts, torch.from_numpy(inputs["t"]))
    small = torch.from_numpy(inputs["small0"]), torch.from_numpy(inputs["small1"])
    return compose(composition, small).clamp(0, 1).numpy()


def _composition(parts: Mapping[str, Tensor], t: Tensor) -> Composition:
    """Return what is composed of those outputs of `PortableMixture` at t (1, 1, 1, 1)."""
    return Composition(parts["along"], parts["weights"], parts["still"], parts["rest"], t)


def in_int8(portable: Portable | PortableMixture) -> AbstractContextManager[None]:
    """Return a context in which a model convolves numbers rounded to 8 bits."""
    scenes = examples(portable, PictureDataset(SCENES))
    # What is told to the user, and said to be little in a frame, is not rounded; it is small.
    exact = getattr(portable.model, "confidence", None)
    return quantized(portable, lambda: [by_torch(portable, inputs) for inputs in scenes], exact)


def examples(portable: Portable | PortableMixture, samples: FlowDataset) -> list[dict[str, np.ndarray]]:
    """Return inputs for a model, by name, half way between the frames of samples."""
    found = []
    for sample in (samples[i] for i in range(len(samples))):
        frames = [
            torch.from_numpy(np.stack([frame])).permute(0, 3, 1, 2) / 255 for frame in (sample.frame0, sample.frame1)
        ]
        flows = torch.from_numpy(sample.flow).permute(2, 0, 1)[None]
        known = dict(zip(("frame0", "frame1", "small0", "small1"), frames * 2, strict=True))
        known["flows"] = torch.cat([flows, -flows], dim=1)
        if isinstance(portable, PortableMixture):
            known["flows"] = torch.cat([known["flows"], torch.ones_like(known["flows"])], dim=1)  # bent a little
        found.append(_arrays(0.5, **{name: known[name] for name in portable.inputs if name != "t"}))
    return found


@torch.inference_mode()
def by_torch(portable: Portable | PortableMixture, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return what the model itself makes of inputs."""
    found = portable(**{name: torch.from_numpy(array) for name, array in inputs.items()})
    return [part.numpy() for part in (found if isinstance(found, tuple) else (found,))]


def cache_folder() -> Path:
    """Return where models are kept as files for other runtimes."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vfi" / "models"
