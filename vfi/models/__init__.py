"""The interpolation models by name, and the weights that ship with them."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn

from flow.checkpoint import (
    Checkpoint,
    CheckpointError,
    UnknownNameError,
    find_checkpoint,
    fitting_weights,
    load_checkpoint,
    load_weights,
    parse_config,
    shipped_checkpoints,
)
from vfi.choices import UNTRAINED
from vfi.models.blend import Blend, BlendConfig
from vfi.models.classical import Classical, ClassicalConfig
from vfi.models.flow_free import FlowFree, FlowFreeConfig
from vfi.models.flow_fusion import FlowFusion, FlowFusionConfig

VFI_MODELS: dict[str, tuple[type, type[nn.Module]]] = {
    "flow-fusion": (FlowFusionConfig, FlowFusion),
    "flow-free": (FlowFreeConfig, FlowFree),
    "classical": (ClassicalConfig, Classical),
    "blend": (BlendConfig, Blend),
}


def build_model(name: str, config: dict | None = None) -> nn.Module:
    """Return an untrained model of the table; raises CheckpointError that lists the known ones."""
    if name not in VFI_MODELS:
        raise UnknownNameError(f"unknown model {name!r}: use one of {', '.join(VFI_MODELS)}")
    config_class, model_class = VFI_MODELS[name]
    try:
        return model_class(parse_config(config_class, config or {}))
    except (TypeError, RuntimeError) as error:
        raise CheckpointError(f"no {name} can be built from the sizes {config}: {error}") from error


def shipped_models() -> list[str]:
    """Return the names `load_model` takes without a file."""
    return sorted({*shipped_checkpoints(VFI_MODELS), *UNTRAINED})


def read_checkpoint(name: str, besides: Iterable[str] = ()) -> Checkpoint:
    """Read a shipped checkpoint by its name, or any by its file.

    Raises CheckpointError that lists what there is, and the names that the caller takes ``besides``.
    """
    return load_checkpoint(find_checkpoint(name, "model", VFI_MODELS, (*UNTRAINED, *besides)))


def load_model(name: str, besides: Iterable[str] = ()) -> nn.Module:
    """Return a model ready to use: a shipped one by name, or any checkpoint by its file.

    Raises CheckpointError if there is none of that name or the file is not a checkpoint; besides: as `read_checkpoint`.
    """
    if name in UNTRAINED:
        return build_model(name).eval()
    checkpoint = read_checkpoint(name, besides)
    model = build_model(checkpoint.model, checkpoint.config)
    load_weights(model, checkpoint.weights)
    return model.eval()


def start_from(model: nn.Module, name: str, anew: Sequence[str] = ()) -> dict[str, Any]:
    """Copy the weights of another model where names and sizes fit; returns what these went through.

    anew: parts that keep their own first weights, such as flow.stage.head. Raises CheckpointError if nothing fits, or
    the model has no such part.
    """
    checkpoint, own = read_checkpoint(name), model.state_dict()
    for part in anew:
        if not any(key.startswith(f"{part}.") for key in own):
            raise CheckpointError(f"there is no part {part!r} to begin anew")
    fitting = {
        key: value
        for key, value in fitting_weights(model, checkpoint.weights).items()
        if not key.startswith(tuple(f"{part}." for part in anew))
    }
    if not fitting:
        raise CheckpointError(f"no weight of {name} fits: begin with a model of the same kind")
    model.load_state_dict(fitting, strict=False)
    return checkpoint.trained
