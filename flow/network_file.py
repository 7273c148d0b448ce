"""A network as a file that runs without this project: ONNX, OpenVINO, or PyTorch's torch.export.

Batches, heights and widths of any size go in; see `flow.backends` for what runs the files.
"""

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from flow.backends import ExportedFileError, ending_of, files_of, import_extra

_ONNX_LIMIT = 2**31  # bytes: protobuf's

Example = Mapping[str, Tensor]
"""What goes in, by name: images (B, C, H, W), of any batch and size, and times (B, 1, 1, 1)."""


@contextmanager
def new_network(path: Path, format: str) -> Iterator[Path]:
    """Yield where to write and try a file, which then comes to ``path``; after an error none is left.

    Raises ValueError if the format is unknown or the name ends otherwise, and ExportedFileError if there is no folder.
    """
    ending = ending_of(format)
    if path.suffix.lower() != ending:
        raise ValueError(f"{path} must end in {ending} to be of the format {format}: name it {path.stem}{ending}")
    if not path.parent.is_dir():
        raise ExportedFileError(f"{path.parent} is no folder: make it, or name another file")
    # Beside the file, so that it is moved within a disk, and gone whatever happens.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}.") as folder:
        yield Path(folder) / path.name
        for part in reversed(files_of(path, format)):  # the weights first: without them the .xml is no network
            (Path(folder) / part.name).replace(part)


def write_network(network: nn.Module, path: Path, format: str, example: Example, outputs: Sequence[str]) -> None:
    """Write a network on the CPU to a file.

    format: onnx, openvino (a second file, .bin, comes beside the .xml) or torch; example: in the order of the network's
    arguments, tensors in which no two sizes are the same by chance. Raises ValueError if what writes the format is not
    installed.
    """
    _WRITERS[format](network, path, example, outputs)


def _sizes(name: str, example: Tensor | None = None) -> dict[int, str]:
    """Name the dimensions that may be of any size."""
    is_number = example is not None and example.shape[2:] == (1, 1)
    return {0: "batch"} if is_number else {0: "batch", 2: f"height of {name}", 3: f"width of {name}"}


def _write_onnx(network: nn.Module, path: Path, example: Example, outputs: Sequence[str]) -> None:
    import_extra("onnx")
    if sum(weight.nbytes for weight in network.state_dict().values()) >= _ONNX_LIMIT:
        raise ValueError("the network is larger than 2 GiB, which an .onnx cannot hold: use --format torch")
    axes = {name: _sizes(name, tensor) for name, tensor in example.items()} | {name: _sizes(name) for name in outputs}
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter warns of going out of use. It is here because the newer one takes 40 times as long (26 s
        # against 0.6 s for a narrow FlowNetS, 50 s against 1.3 s for a FlowNetC), for files that answer alike.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(example.values()),
            path,
            dynamo=False,
            opset_version=18,
            do_constant_folding=False,  # what runs the file does it as well
            input_names=list(example),
            output_names=list(outputs),
            dynamic_axes=axes,
        )


def _write_openvino(network: nn.Module, path: Path, example: Example, outputs: Sequence[str]) -> None:
    openvino = import_extra("openvino")
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        _write_onnx(network, onnx, example, outputs)
        # As it is: what `convert_model` does besides takes grids of different levels for one, and weights to float16.
        openvino.serialize(openvino.Core().read_model(onnx), path)


def _write_torch(network: nn.Module, path: Path, example: Example, outputs: Sequence[str]) -> None:
    from torch.export import Dim
    from torch.fx.experimental import _config

    sizes = tuple(dict.fromkeys(_sizes(name, tensor), Dim.DYNAMIC) for name, tensor in example.items())
    # Do not take two grids for one because they have the same size for the example.
    oblivious = _config.patch(backed_size_oblivious=True)  # type: ignore[attr-defined]
    with warnings.catch_warnings(), torch.no_grad(), oblivious:
        warnings.simplefilter("ignore")
        program = torch.export.export(network, tuple(example.values()), dynamic_shapes=sizes, strict=False)
        torch.export.save(program, path)


_WRITERS = {"onnx": _write_onnx, "openvino": _write_openvino, "torch": _write_torch}
