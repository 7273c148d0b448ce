"""Defaults of the command line from a TOML file: a table for each command, a key for each of its options.

[upsample]
crf = 18

[flow.video]
max-flow = 20

The file of a single command, such as the config.toml of a training's run, has its keys without a table.
"""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

PREFIX = "VFI"  # of the variables that set the same: VFI_UPSAMPLE_CRF


class ConfigError(ValueError):
    """The file cannot be used; the message says why, and what to do."""


@dataclass(frozen=True)
class Option:
    """What a key of the file sets."""

    parameter: str  # the name that the command has for it
    many: bool = False  # whether it takes a list


Commands = Mapping[str, Union[Option, "Commands"]]
"""By name the options of a command, or the commands of a group."""


def read_config(path: Path, commands: Commands) -> dict[str, Any]:
    """Return a file's values in the nesting of ``commands``, by the names that the commands have for them.

    Raises ConfigError if the file cannot be read, is no TOML, or sets what there is not.
    """
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): check the name") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML file: {error}") from error
    return _matched(values, commands, path, ())


@dataclass(frozen=True)
class Setting:
    """A default that is set."""

    option: str  # upsample.crf
    value: Any
    source: str  # the file or the variable


def find_settings(path: Path, commands: Commands, environment: Mapping[str, str]) -> list[Setting]:
    """Return what a file, if it exists, and the environment set, in the order of ``commands``; the latter wins."""
    matched = read_config(path, commands) if path.exists() else {}
    return list(_settings(commands, matched, path, environment, ()))


def _settings(
    known: Commands, matched: dict[str, Any], path: Path, environment: Mapping[str, str], place: tuple[str, ...]
) -> Iterator[Setting]:
    for name, entry in known.items():
        if not isinstance(entry, Option):
            yield from _settings(entry, matched.get(name, {}), path, environment, (*place, name))
            continue
        option = ".".join((*place, name))
        variable = "_".join((PREFIX, *place, entry.parameter)).upper().replace("-", "_")
        if environment.get(variable):
            yield Setting(option, environment[variable], variable)
        elif entry.parameter in matched:
            yield Setting(option, matched[entry.parameter], str(path))


def _matched(values: dict[str, Any], known: Commands, path: Path, place: tuple[str, ...]) -> dict[str, Any]:
    where = f"{path}, [{'.'.join(place)}]" if place else f"{path}"
    matched: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("_", "-")
        entry = known.get(name)
        if entry is None:
            near = difflib.get_close_matches(name, known)
            what = "option" if place or any(isinstance(entry, Option) for entry in known.values()) else "command"
            hint = f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join(known) or 'none'}"
            raise ConfigError(f"{where}: there is no {what} {key!r}: {hint}")
        if isinstance(entry, Option):
            if isinstance(value, dict) or isinstance(value, list) != entry.many:
                raise ConfigError(f"{where}: {key} takes {'a list' if entry.many else 'a single value'}")
            matched[entry.parameter] = value
        elif isinstance(value, dict):
            matched[name] = _matched(value, entry, path, (*place, name))
        else:
            raise ConfigError(f"{where}: {key} is a command: write its options under [{'.'.join((*place, name))}]")
    return matched


def write_config(path: Path, options: Mapping[str, Any], comment: str) -> None:
    """Write a command's options by name, such that `read_config` reads them; those that are None are left out.

    Values are texts, numbers, truth values, paths, and lists of these. The file is replaced in one move.
    """
    lines = [f"# {comment}", *(f"{name} = {_toml(value)}" for name, value in options.items() if value is not None)]
    partial = path.with_name(f".{path.name}.part")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)


def _toml(value: Any) -> str:
    """A value as TOML.

    >>> _toml([True, 1e-05, Path("a b")])
    '[true, 1e-05, "a b"]'
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")  # which TOML wants escaped
