"""Exported networks, run by what they were exported for: onnxruntime, OpenVINO or PyTorch.

The files of flow networks, written by `flow.export`, hold the whole network: two frames (B, 3, H, W) float32 in [0, 1]
of any size go in, their flow (B, 2, H, W) float32 in pixels comes out. All compute on the CPU, in float32.
"""

import hashlib
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from flow.images import refuse_others

INPUTS, OUTPUT = ("frame0", "frame1"), "flow"
ENDINGS = {"onnx": (".onnx",), "openvino": (".xml", ".onnx"), "torch": (".pt2",)}
"""What each backend reads; the first is what is written for it."""

EXPORTED = frozenset(ending for endings in ENDINGS.values() for ending in endings)

Shapes = Mapping[str, tuple[int, ...]] | None


class Runnable(NamedTuple):
    """An exported network, ready to run."""

    compute: Callable[[Mapping[str, np.ndarray]], list[np.ndarray]]  # of float32 arrays by their names
    inputs: list[str]


class _Terms(NamedTuple):
    """How a network is to be run, as `open_network` takes it; a runtime leaves alone what it cannot do."""

    threads: int | None
    shapes: Shapes
    bfloat16: bool
    cache: Path | None
    outputs: Sequence[str] | None


class NotInstalled(ValueError):
    """A package is needed that is not there; the message says how to install it."""


class ExportedFileError(ValueError):
    """The file cannot be used as an exported network; the message says why."""


class ExportedFlow:
    """Finds the flow from one image to another with an exported network."""

    def __init__(self, path: Path, backend: str | None = None, threads: int | None = None) -> None:
        """Use a file; backend: onnx, openvino or torch, by the file's ending if None; threads: as many as it likes.

        A .pt2 may run code of its author, so use only those you trust. Raises ValueError if the backend is unknown,
        not installed or does not read such files, and ExportedFileError if this is none of `flow.export`.
        """
        self._network = open_network(path, backend, threads)
        if self._network.inputs != list(INPUTS):
            raise ExportedFileError(
                f"{path} takes {', '.join(self._network.inputs)}, not {' and '.join(INPUTS)}: use a file of vfi flow"
                " export"
            )

    def __call__(self, image0: np.ndarray, image1: np.ndarray) -> np.ndarray:
        """Return the flow from the first image to the second, (H, W, 2) float32 in pixels, dx (right) then dy (down).

        images (H, W, 3) RGB uint8, or a batch (B, H, W, 3) of them: then the flow is (B, H, W, 2).
        Raises ValueError if they are not images, or differ in size.
        """
        refuse_others(image0, image1)
        flow = self._network.compute({"frame0": _frames(image0), "frame1": _frames(image1)})[0].transpose(0, 2, 3, 1)
        return np.ascontiguousarray(flow if image0.ndim == 4 else flow[0])


def ending_of(format: str) -> str:
    """Return the ending of the files of a format; raises ValueError that lists the known formats."""
    if format not in ENDINGS:
        raise ValueError(f"unknown format {format!r}: use one of {', '.join(ENDINGS)}")
    return ENDINGS[format][0]


def files_of(path: Path, format: str) -> tuple[Path, ...]:
    """Return all files that make up an exported one; OpenVINO keeps weights apart."""
    return (path, path.with_suffix(".bin")) if format == "openvino" else (path,)


def import_extra(name: str) -> Any:
    """Return a module that comes with the extra `export`; raises NotInstalled with the command for it."""
    # Where OpenVINO finds this, its import tells Google Analytics, from a process forked for it: the fork hangs if
    # another thread multiplies matrices at the moment.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        return import_module(name)
    except ImportError as error:
        raise NotInstalled(f"{name} is not installed: run pip install 'vfi[export]'") from error


def _frames(image: np.ndarray) -> np.ndarray:
    batch = image.reshape(-1, *image.shape[-3:]).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(batch, np.float32) / np.float32(255)


def open_network(
    path: Path,
    backend: str | None = None,
    threads: int | None = None,
    shapes: Shapes = None,
    bfloat16: bool = False,
    cache: Path | None = None,
    outputs: Sequence[str] | None = None,
) -> Runnable:
    """Open an exported file; backend: onnx, openvino or torch, by the file's ending if None; threads: None for any.

    shapes: of what will go in, by name, if that is known: OpenVINO then computes faster; bfloat16: whether OpenVINO may
    multiply in that precision, the others do it in float32 all the same; cache: a folder in which OpenVINO may keep
    what it makes of the file for this processor and these shapes, to open it sooner the next time; outputs: which to
    compute, by name, None for all; PyTorch's files have no names for theirs and compute all. Raises ValueError if the
    backend is unknown, not installed or does not read such files, and ExportedFileError if it cannot read this one.
    """
    backend = backend or next((name for name, endings in ENDINGS.items() if path.suffix.lower() in endings), "")
    if backend not in ENDINGS:
        raise ValueError(f"unknown backend {backend!r} for {path}: use one of {', '.join(ENDINGS)}")
    if path.suffix.lower() not in ENDINGS[backend]:
        raise ValueError(
            f"{path} is not for the backend {backend}, which reads {' and '.join(ENDINGS[backend])}: export the"
            f" network with --format {backend}"
        )
    if not path.is_file():
        raise ExportedFileError(f"{path} does not exist: export the network first")
    runtime = import_extra(RUNTIMES[backend])
    try:
        return _OPENERS[backend](runtime, path, _Terms(threads, shapes, bfloat16, cache, outputs))
    except Exception as error:  # every runtime has its own, some of them none at all
        raise ExportedFileError(f"{path} cannot be read by {RUNTIMES[backend]}: export the network anew") from error


def _open_onnx(onnxruntime: Any, path: Path, terms: _Terms) -> Runnable:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; nothing but the command line prints
    options.intra_op_num_threads = terms.threads or 0
    # Threads that spin while they wait would slow down whatever takes turns with them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return Runnable(
        lambda arrays: session.run(terms.outputs, dict(arrays)), [node.name for node in session.get_inputs()]
    )


def _open_openvino(openvino: Any, path: Path, terms: _Terms) -> Runnable:
    # Left to itself it computes in bfloat16 or float16 where the processor has them.
    precision = "bf16" if terms.bfloat16 else "f32"
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    if terms.threads:
        settings["INFERENCE_NUM_THREADS"] = terms.threads
    core, compiled = openvino.Core(), None
    if terms.cache is not None:
        with suppress(OSError, RuntimeError):  # nothing can be kept there, or no more
            kept = str(_kept(openvino, core, path, terms, terms.cache))
            compiled = core.compile_model(kept, "CPU", settings | {"CACHE_DIR": str(terms.cache)})
    if compiled is None:
        compiled = core.compile_model(_limited(openvino, core, path, terms), "CPU", settings)

    def compute(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        return list(compiled(dict(arrays)).values())

    return Runnable(compute, [node.get_any_name() for node in compiled.inputs])


def _limited(openvino: Any, core: Any, path: Path, terms: _Terms) -> Any:
    """Return OpenVINO's network of a file, for the shapes and outputs that are asked for."""
    network = core.read_model(str(path))
    if terms.shapes is not None:
        network.reshape({name: list(shape) for name, shape in terms.shapes.items()})
    if terms.outputs is not None:
        results = [network.output(name).node for name in terms.outputs]
        network = openvino.Model(results, network.get_parameters())
    return network


def _kept(openvino: Any, core: Any, path: Path, terms: _Terms, folder: Path) -> Path:
    """Return a file of what `_limited` does, written if it is not there: to do it anew takes as long as to compile."""
    shapes = None if terms.shapes is None else sorted(terms.shapes.items())
    known = hashlib.sha256(repr((str(path), path.stat().st_mtime_ns, shapes, terms.outputs)).encode())
    file = folder / f"{known.hexdigest()[:32]}.xml"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as partial:
            written = Path(partial) / file.name
            openvino.save_model(_limited(openvino, core, path, terms), str(written), compress_to_fp16=False)
            for part in reversed(files_of(written, "openvino")):  # the one that is looked for last
                part.replace(folder / part.name)
    return file


def _open_torch(torch: Any, path: Path, terms: _Terms) -> Runnable:
    program = torch.export.load(path)
    # The guards refuse frames so small that a grid of the network is a single pixel, on which it answers as well.
    network, names = program.module(check_guards=False), list(program.graph_signature.user_inputs)

    def compute(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad():
            answers = network(*(torch.from_numpy(arrays[name]) for name in names))
        return [answer.numpy() for answer in (answers if isinstance(answers, tuple) else (answers,))]

    return Runnable(compute, names)


RUNTIMES = {"onnx": "onnxruntime", "openvino": "openvino", "torch": "torch"}
_OPENERS: dict[str, Callable[[Any, Path, _Terms], Runnable]] = {
    "onnx": _open_onnx,
    "openvino": _open_openvino,
    "torch": _open_torch,
}
