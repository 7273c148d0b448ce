"""What is known of a model: where it is, its sizes, its work, and what it was trained on."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from flow.checkpoint import checkpoint_folder, find_checkpoint, load_checkpoint, load_weights
from flow.checksums import recorded, sha256
from flow.models import FLOW_MODELS, build_flow_model
from flow.work import gflop
from vfi.choices import UNTRAINED
from vfi.models import VFI_MODELS, build_model

HEIGHT, WIDTH = 720, 1280  # pixels of the frames for which the work is counted


@dataclass(frozen=True)
class ModelCard:
    """A model of ours, of a user's file, or one that needs no training."""

    name: str  # as it was asked for
    kind: str  # interpolation or optical flow
    model: str  # its name in the table of models
    file: Path | None  # None if it has no weights
    bytes: int
    sha256: str | None
    intact: bool | None  # whether the bytes are those that were shipped; None if none were recorded
    config: dict[str, Any]
    parameters: int
    gflop: float  # for one new frame, or one flow, of 1280x720, without what is not a network
    trained: dict[str, Any]  # whatever the training wrote

    @property
    def stages(self) -> list[dict[str, Any]]:
        """The trainings that led to the weights, the first one first."""
        return list(_stages(self.trained))[::-1]

    def __str__(self) -> str:
        """Return it as lines for a reader."""
        made = "new frame" if self.kind == "interpolation" else "flow"
        rows = [("parameters", f"{self.parameters:,}")]
        if self.file is not None:
            state = {True: ", as it was shipped", False: ", not as it was shipped: install vfi anew", None: ""}
            rows += [("file", f"{self.file} ({self.bytes:,} bytes)"), ("sha256", f"{self.sha256}{state[self.intact]}")]
        rows += [("work", f"{self.gflop:.1f} GFLOP of its networks for one {made} of {WIDTH}x{HEIGHT}")]
        rows += [("config", f"{key} = {value}") for key, value in self.config.items()]
        rows += [("trained on", _training(stage)) for stage in self.stages] or [("trained on", "nothing")]
        return "\n".join([f"{self.name}: {self.kind} model {self.model}", *(f"  {a:<11} {b}" for a, b in rows)])


def model_card(name: str) -> ModelCard:
    """Return what is known of a shipped model by its name, or of a checkpoint by its file.

    The work is counted on a frame that is really made, which takes seconds. Raises CheckpointError if there is no such
    model, or the file is no checkpoint of ours.
    """
    frame, t = torch.zeros(1, 3, HEIGHT, WIDTH), torch.full((1, 1, 1, 1), 0.5)
    if name in UNTRAINED:
        model = build_model(name).eval()
        return ModelCard(
            name, "interpolation", name, None, 0, None, None, dataclasses.asdict(VFI_MODELS[name][0]()), 0,
            gflop(lambda: model(frame, frame, t)), {},
        )  # fmt: skip
    path = find_checkpoint(name, "model", {**VFI_MODELS, **FLOW_MODELS}, UNTRAINED)
    checkpoint = load_checkpoint(path)
    flows = checkpoint.model in FLOW_MODELS
    network: nn.Module = (build_flow_model if flows else build_model)(checkpoint.model, checkpoint.config)
    load_weights(network, checkpoint.weights)
    network.eval()
    digest = sha256(path)
    shipped = recorded().get(path.name) if path.parent == checkpoint_folder() else None
    return ModelCard(
        name=name,
        kind="optical flow" if flows else "interpolation",
        model=checkpoint.model,
        file=path,
        bytes=path.stat().st_size,
        sha256=digest,
        intact=None if shipped is None else digest == shipped,
        config=checkpoint.config,
        parameters=sum(weight.numel() for weight in network.parameters()),
        gflop=gflop(lambda: network(frame, frame, *([] if flows else [t]))),
        trained=checkpoint.trained,
    )


def _stages(trained: Any) -> Iterator[dict[str, Any]]:
    while isinstance(trained, dict) and trained:
        yield {key: value for key, value in trained.items() if key != "began_from"}
        trained = trained.get("began_from")


def _training(stage: dict[str, Any]) -> str:
    """Return a training in words, of what is known of it.

    >>> _training({"recipe": {}, "clips": 134, "steps": 2400, "samples": 19200, "hours": 0.61})
    'clips 134, steps 2400, samples 19200, hours 0.61'
    """
    plain = {key.replace("_", " "): value for key, value in stage.items() if not isinstance(value, dict | list)}
    return ", ".join(f"{key} {value}" for key, value in plain.items())
