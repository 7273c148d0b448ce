"""Checkpoints: weights as safetensors, with the model's name, its config and its history as a JSON header.

A checkpoint is data: reading one runs no code of its author.
"""

from __future__ import annotations

import dataclasses
import json
import os
import typing
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors import SafetensorError, safe_open

if TYPE_CHECKING:  # torch takes seconds to import, and to find a file needs none of it
    from torch import Tensor, nn

FORMAT = "vfi-1"
Config = TypeVar("Config")


class CheckpointError(ValueError):
    """The file cannot be used as a checkpoint; the message says why."""


class UnknownNameError(CheckpointError):
    """No model is called so; the message lists those that there are."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds."""

    model: str  # a name in a table of models
    config: dict[str, Any]
    trained: dict[str, Any]  # data, samples, recipe: whatever the training wrote
    weights: dict[str, Tensor]

    @property
    def samples(self) -> int:
        """How many samples the weights have seen, in this training and in those it began from."""
        total, trained = 0, self.trained
        while trained:
            total += trained.get("samples", 0)
            trained = trained.get("began_from") or {}
        return total


def save_checkpoint(path: Path, name: str, model: nn.Module, trained: dict[str, Any]) -> None:
    """Write a model that keeps its config dataclass as ``model.config``; replaces the file in one move."""
    header = {
        "format": FORMAT,
        "model": name,
        "config": json.dumps(dataclasses.asdict(model.config)),  # type: ignore[call-overload]
        "trained": json.dumps(trained),
    }
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        _write({k: v.contiguous() for k, v in model.state_dict().items()}, partial, header)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; raises CheckpointError if it is not one."""
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist: give a .safetensors file written by vfi")
    if path.suffix.lower() in (".pth", ".pt", ".tar"):
        raise CheckpointError(f"{path} is no .safetensors file: bring it in with vfi models import {path}")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable .safetensors file: {error}") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a vfi checkpoint: its header does not say format {FORMAT}")
    try:
        config, trained = json.loads(header["config"]), json.loads(header.get("trained", "{}"))
        if not (isinstance(config, dict) and isinstance(trained, dict)):
            raise TypeError("config and trained are not both objects")
        return Checkpoint(header["model"], config, trained, weights)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} has a damaged header: {error}") from error


def halve_checkpoint(source: Path, target: Path) -> None:
    """Copy a checkpoint with its weights in float16, in half the bytes; whoever loads it computes as before.

    Raises CheckpointError if the source is none.
    """
    weights = load_checkpoint(source).weights
    _save_like(source, {key: w.half() if w.is_floating_point() else w for key, w in weights.items()}, target)


def average_checkpoints(sources: Sequence[Path], target: Path) -> None:
    """Write the mean of the weights of checkpoints of one network, with the header of the last.

    Of a network and what further training at a high rate made of it, the mean may err less than either. Source:
    Wortsman 2022, arXiv:2203.05482. Raises CheckpointError if a source is none, or of another network.
    """
    import torch

    found = [load_checkpoint(source) for source in sources]
    last = found[-1]
    shapes = {key: weight.shape for key, weight in last.weights.items()}
    for source, one in zip(sources, found, strict=True):
        if one.model != last.model or {key: weight.shape for key, weight in one.weights.items()} != shapes:
            raise CheckpointError(f"{source} is of another network than {sources[-1]}: average what is of one")
    mean = {
        key: torch.stack([one.weights[key].double() for one in found]).mean(0).to(weight.dtype)
        for key, weight in last.weights.items()
    }
    _save_like(sources[-1], mean, target)


def _save_like(source: Path, weights: dict[str, Tensor], target: Path) -> None:
    """Write weights with the header of another checkpoint."""
    with safe_open(source, "pt") as file:
        _write(weights, target, file.metadata())


def _write(weights: dict[str, Tensor], path: Path, header: dict[str, str]) -> None:
    """Write a file that whoever may read what is new here may read, not its owner alone."""
    from safetensors.torch import save_file

    path.touch()
    mode = path.stat().st_mode
    save_file(weights, path, header)
    path.chmod(mode)


def checkpoint_folder() -> Path:
    """Return the folder of the shipped weights: inside the installed package, or in the checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "checkpoints"
    return installed if installed.is_dir() else package.parent / "checkpoints"


def shipped_checkpoints(models: Container[str], folder: Path | None = None) -> dict[str, Path]:
    """Return by name the shipped checkpoints, or those of another folder, whose model a table of models has.

    Raises CheckpointError if one of them cannot be read.
    """
    found = {}
    for path in sorted((folder or checkpoint_folder()).glob("*.safetensors")):
        try:
            with safe_open(path, "np") as file:
                header = file.metadata() or {}
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is damaged ({error}): install vfi anew") from error
        if header.get("model") in models:
            found[path.stem] = path
    return found


def find_checkpoint(name: str, what: str, models: Container[str], besides: Iterable[str] = ()) -> Path:
    """Return the file of a shipped checkpoint by its name, or ``name`` itself if that is a file's.

    Of ``models``, a table, it is to hold one; ``what`` these are, and the names that the caller takes ``besides``, are
    for the error: UnknownNameError that lists what there is.
    """
    shipped = shipped_checkpoints(models)
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if path.suffix == ".safetensors" or path.is_file():
        return path
    names = ", ".join([*besides, *shipped])
    raise UnknownNameError(f"there is no {what} {name!r}: use {names + ', or ' if names else ''}a .safetensors file")


def parse_config(config_class: type[Config], values: dict[str, Any]) -> Config:
    """Build a config dataclass from plain JSON values; nested dataclasses and tuples come back as such.

    Raises CheckpointError that lists the known fields if one is unknown.
    """
    types = typing.get_type_hints(config_class)
    unknown = sorted(set(values) - set(types))
    if unknown:
        raise CheckpointError(
            f"{config_class.__name__} has no field {', '.join(unknown)}; its fields are {', '.join(types)}"
        )
    parsed: dict[str, Any] = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(types[name]):
            parsed[name] = parse_config(typing.cast(type, types[name]), value)
        else:
            parsed[name] = tuple(value) if isinstance(value, list) else value
    return config_class(**parsed)


def fitting_weights(model: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return those of another model's weights that a model has, too, by name and size."""
    own = model.state_dict()
    return {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}


def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Load weights that must fit exactly; raises CheckpointError that says what does not."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"the weights do not fit the model: {error}") from error
