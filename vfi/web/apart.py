"""Work in a process of its own: it can be ended at once, and if it fills the memory it ends alone."""

import logging
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from vfi.explain import explain

Progress = Callable[[int, "int | None"], None]
"""Called with the steps done so far and, if known, the steps there are."""

Work = Callable[[Progress], Any]
"""What is to be done. It can be pickled, and so can what it returns."""


class WorkCancelled(Exception):
    """The work was ended by `Apart.cancel`."""


class WorkFailed(Exception):
    """Why the work did not succeed, in one sentence."""


class Apart:
    """A piece of work, done once, in a new process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Any = None
        self._cancelled = False

    def run(self, work: Work, progress: Progress) -> Any:
        """Return what the work returns; ``progress`` is called here.

        Raises WorkFailed if it raises or its process ends by itself, and WorkCancelled after `cancel`.
        """
        spawning = multiprocessing.get_context("spawn")  # torch's threads forbid a fork
        ours, theirs = spawning.Pipe(duplex=False)
        with self._lock:
            if self._cancelled:
                raise WorkCancelled
            self._process = spawning.Process(target=_serve, args=(work, theirs), daemon=True)
            with _interrupts_blocked():
                self._process.start()
        theirs.close()
        try:
            while True:
                kind, value = ours.recv()
                if kind == "progress":
                    progress(*value)
                elif kind == "failed":
                    raise WorkFailed(value)
                else:
                    return value
        except (EOFError, ConnectionError):
            self._process.join()
            if self._cancelled:
                raise WorkCancelled from None
            raise WorkFailed(
                f"the work ended by itself, with code {self._process.exitcode}, most likely out of memory: use smaller"
                " frames, or close other programs"
            ) from None
        finally:
            ours.close()
            self._process.kill()
            self._process.join()

    def cancel(self) -> None:
        """End the work at once, and wait until it has ended; if it has not begun, it never will."""
        with self._lock:
            self._cancelled = True
            if self._process is not None:
                self._process.kill()
                self._process.join()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Ctrl+C reaches every process of a terminal: one that is started in here never sees it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # else starting a process starts it, which unblocks them
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _serve(work: Work, pipe: Connection) -> None:
    """Do the work in a process of our own; send how far it is, then what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where they cannot be blocked
    try:
        pipe.send(("done", work(lambda done, total: pipe.send(("progress", (done, total))))))
    except ConnectionError:
        return  # nobody waits any more
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            logging.getLogger(__name__).exception("The work failed")
            sentence = f"vfi failed, which is a defect of it ({type(error).__name__}: {error})"
        pipe.send(("failed", sentence))
