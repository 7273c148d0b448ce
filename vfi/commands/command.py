"""What makes a function a command: groups of options, and errors in one sentence."""

import functools
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields, is_dataclass
from inspect import Parameter
from typing import Any, get_type_hints

import typer

from vfi.commands.terminal import is_first_process


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make of a function what Typer takes for a command; the library's errors become one sentence and an exit code.

    A parameter whose type is a dataclass stands for its fields, each of which is an option; the function gets the
    dataclass, filled in. So commands share groups of options, and what can be done with them.
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters: list[Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        given = _parameters(groups[name]) if name in groups else [parameter.replace(annotation=hints[name])]
        parameters += [one.replace(kind=Parameter.KEYWORD_ONLY) for one in given]

    @functools.wraps(function)
    def wrapped(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})  # type: ignore[operator]
        with ctrl_c_heard(), errors_told():
            function(**values)

    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return wrapped


def _parameters(group: Any) -> list[Parameter]:
    """Return the fields of a group as parameters."""
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]


def explanation(error: Exception) -> str | None:
    """Return what to tell the user of an error, or None if it is a defect of the program, or VFI_TRACEBACK is set."""
    from vfi.explain import explain

    return None if os.environ.get("VFI_TRACEBACK") else explain(error)


@contextmanager
def ctrl_c_heard() -> Iterator[None]:
    """Let Ctrl+C interrupt the work, so that what is half done is cleaned up, where so far it ended the program."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn the library's errors into one sentence on stderr and exit code 1, or 2 for wrong usage; Ctrl+C into 130."""
    try:
        yield
    except BrokenPipeError:  # whoever read our output has left
        _forget_output()
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("Interrupted.", err=True)
        raise typer.Exit(130) from None
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:
        from vfi.explain import is_wrong_usage

        message = explanation(error)
        if message is None:
            raise
        if isinstance(error, OSError):
            _forget_output()
        where = "" if is_first_process() else f" in process {os.environ['RANK']}"
        typer.echo(f"Error{where}: {message}", err=True)
        raise typer.Exit(2 if is_wrong_usage(error) else 1) from None


def _forget_output() -> None:
    """Let go what standard output did not take, of which Python would complain at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
