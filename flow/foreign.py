"""Public checkpoints of FlowNetPytorch and flownet2-pytorch, read as ours.

Those are pickles, which can hold any code. Torch reads them as weights alone and refuses what asks for more. The parts
of our networks are called as theirs, so the names of the weights say which network it is.
"""

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from flow.checkpoint import CheckpointError, load_weights, save_checkpoint
from flow.models import FLOW_MODELS, FlowNetConfig, build_flow_model

COUNTER = ".num_batches_tracked"  # of batch norm; early torch did not write it, and nothing reads it
# What a score next to the weights may be made of, as either numpy names it: numbers alone.
NUMBERS: list[Any] = [
    (np.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
    (np.float64(0).__reduce__()[0], "numpy._core.multiarray.scalar"),
    np.dtype,
    type(np.dtype(np.float32)),
    type(np.dtype(np.float64)),
]


def import_checkpoint(path: Path) -> tuple[str, FlowNetConfig, dict[str, Tensor]]:
    """Return a foreign checkpoint as its name in `FLOW_MODELS`, the config, and the weights as float32 on the CPU.

    path: a .pth or .pth.tar of either project: a dictionary with ``state_dict``, or that dictionary itself.
    Raises CheckpointError for anything else: files that are damaged or ask to run code, unknown networks.
    """
    content = _read(path)
    state = content.get("state_dict", content)
    if not isinstance(state, dict) or not state:
        raise CheckpointError(f"{path} holds no weights: expected a dictionary with an entry state_dict")
    weights: dict[str, Tensor] = {}
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor) or not _is_plain(value):
            raise CheckpointError(f"{path} holds more than weights: {str(key)[:80]!r} is a {type(value).__name__}")
        weights[key.removeprefix("module.")] = value  # as DataParallel has it
    name, expected = _recognise(path, weights)
    for key, tensor in expected.items():
        if key.endswith(COUNTER):
            weights.setdefault(key, torch.zeros((), dtype=torch.long))
        if weights[key].shape != tensor.shape:
            raise CheckpointError(
                f"{path} is no {name} of the usual sizes: {key} is {tuple(weights[key].shape)}, "
                f"expected {tuple(tensor.shape)}"
            )
    config = dataclasses.replace(FLOW_MODELS[name][0](), **_unit(path, content))
    # Copied, since entries may share memory.
    return name, config, {key: weights[key].to(tensor.dtype, copy=True) for key, tensor in expected.items()}


def convert_checkpoint(source: Path, output: Path, *, bgr: bool = False) -> str:
    """Write a foreign checkpoint as one of ours; returns the network's name. Raises CheckpointError as above.

    bgr: the network was trained on frames whose blue comes first, which no file tells.
    """
    name, config, weights = import_checkpoint(source)
    config = dataclasses.replace(config, bgr=bgr)
    model = build_flow_model(name, dataclasses.asdict(config))
    load_weights(model, weights)
    save_checkpoint(output, name, model, {"imported_from": source.name})
    return name


def _read(path: Path) -> dict[Any, Any]:
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist: give a .pth or .pth.tar file")
    with path.open("rb") as file, torch.serialization.safe_globals(NUMBERS):
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged or hostile file can make the loader raise anything
            # Torch's message advises to trust the file; only what the file asked for is worth repeating.
            asked = re.search(r"GLOBAL ([\w.]+)", str(error))
            reason = f"it asks for {asked[1]}, which is not data" if asked else "it is damaged or something else"
            raise CheckpointError(f"{path} is not a checkpoint of weights: {reason}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds no weights but a {type(content).__name__}")
    return content


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized


def _recognise(path: Path, weights: dict[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """Return the network whose weights have these names, and its empty weights."""
    names = {key for key in weights if not key.endswith(COUNTER)}
    for name in FLOW_MODELS:
        with torch.device("meta"):  # the shapes alone
            expected = build_flow_model(name).state_dict()
        if names == {key for key in expected if not key.endswith(COUNTER)}:
            return name, expected
    raise CheckpointError(
        f"{path} is none of {', '.join(FLOW_MODELS)}: its {len(names)} weights are named "
        f"{', '.join(sorted(names)[:3])[:200]}, ..."
    )


def _unit(path: Path, content: dict[Any, Any]) -> dict[str, Any]:
    """Return the div_flow a checkpoint of FlowNetPytorch states; it may be text, from its command line."""
    if "div_flow" not in content:
        return {}
    try:
        value = float(content["div_flow"])
    except (TypeError, ValueError, RuntimeError):
        value = math.nan
    if not 0 < value < math.inf:
        raise CheckpointError(f"{path} has a damaged div_flow: {str(content['div_flow'])[:80]}")
    return {"div_flow": value}
