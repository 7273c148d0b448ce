"""What the program vfi runs: the command line, whose commands are in `vfi.commands`."""

import os
import signal
from types import FrameType


def app() -> None:
    """Run the command of the command line; from its first moment on, Ctrl+C ends it without a word of Python's."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as it is in the background
        signal.signal(signal.SIGINT, _leave)
    from vfi.commands.app import app as commands  # its import takes a while, in which Ctrl+C may come

    commands()


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: nothing has begun yet. What does so brings `vfi.commands.command` to listen to Ctrl+C itself."""
    os._exit(130)
