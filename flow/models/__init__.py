"""Optical-flow networks by name; all take two frames (B, 3, H, W) in [0, 1] and return the flow in pixels."""

from typing import Any

from flow.checkpoint import CheckpointError, UnknownNameError, parse_config
from flow.models.flownet import FlowNet, FlowNetConfig
from flow.models.flownet2 import FlowNet2
from flow.models.flownet_c import FlowNet2C, FlowNetC, FlowNetCBatchNorm
from flow.models.flownet_s import FlowNet2S, FlowNetS, FlowNetSBatchNorm
from flow.models.flownet_sd import FlowNet2SD
from flow.models.flownet_stack import FlowNet2CS, FlowNet2CSS

FLOW_MODELS: dict[str, tuple[type[FlowNetConfig], type[FlowNet]]] = {
    "flownets": (FlowNetConfig, FlowNetS),
    "flownets-bn": (FlowNetConfig, FlowNetSBatchNorm),
    "flownetc": (FlowNetConfig, FlowNetC),
    "flownetc-bn": (FlowNetConfig, FlowNetCBatchNorm),
    "flownet2-s": (FlowNetConfig, FlowNet2S),
    "flownet2-c": (FlowNetConfig, FlowNet2C),
    "flownet2-sd": (FlowNetConfig, FlowNet2SD),
    "flownet2-cs": (FlowNetConfig, FlowNet2CS),
    "flownet2-css": (FlowNetConfig, FlowNet2CSS),
    "flownet2": (FlowNetConfig, FlowNet2),
}


def build_flow_model(name: str, config: dict[str, Any] | None = None) -> FlowNet:
    """Return an untrained network of the table; raises UnknownNameError that lists the known ones."""
    if name not in FLOW_MODELS:
        raise UnknownNameError(f"unknown flow model {name!r}: use one of {', '.join(FLOW_MODELS)}")
    config_class, model_class = FLOW_MODELS[name]
    try:
        # The constructors of the networks differ; those in the table take a config alone.
        return model_class(parse_config(config_class, config or {}))
    except (TypeError, RuntimeError) as error:
        raise CheckpointError(f"no {name} can be built from the sizes {config}: {error}") from error
