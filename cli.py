"""What the program vfi runs: the command line, whose commands are in `vfi.commands`."""

import os
import signal
import sys
from types import FrameType

from flow.memory import tune_heap


def app() -> None:
    """Run the command of the command line; from its first moment on, Ctrl+C ends it without a word of Python's."""
    _fill_closed_streams()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as it is in the background
        signal.signal(signal.SIGINT, _leave)
    tune_heap()
    from vfi.commands.app import app as commands  # its import takes a while, in which Ctrl+C may come

    commands()


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: nothing has begun yet. What does so brings `vfi.commands.command` to listen to Ctrl+C itself."""
    os._exit(130)


def _fill_closed_streams() -> None:
    """Put something in the place of standard streams that are closed: the next file to be opened would take it.

    What goes to a closed output fails then, as it should; what goes to closed errors is lost.
    """
    for number, (name, flags) in enumerate((("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))):
        if getattr(sys, name) is None:
            os.set_inheritable(os.open(os.devnull, flags), True)  # the lowest number that is free, so this one
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
