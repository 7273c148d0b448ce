"""A way to remake frames in a process of its own, so that its memory can be told from that of others."""

import multiprocessing
import signal
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection

from flow.memory import peak_resident
from vfi.remake import Gap, Made, Remake


def isolated(remake: Remake, gaps: Iterator[Gap]) -> Generator[Made]:
    """Remake by ``remake``, which can be pickled, in a new process; with functools.partial a `Remake` itself.

    The peak in each answer is the process's largest resident memory since its start, Python and libraries included.
    Raises what it raises, and MemoryError if the process ends by itself.
    """
    spawning = multiprocessing.get_context("spawn")  # a fork would count our memory, and torch's threads forbid it
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(remake, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        while True:
            answer = ours.recv()
            if isinstance(answer, Exception):
                raise answer
            elif isinstance(answer, Made):
                yield answer
            elif answer == "next":
                ours.send(next(gaps, None))
            else:
                return
    except (EOFError, ConnectionError):
        process.join()
        raise MemoryError(f"a method's process ended by itself, with code {process.exitcode}") from None
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(remake: Remake, pipe: Connection) -> None:
    """Answer in a process of our own: ask for the next gap, send what was made, an error, or the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the one who started us, who ends us

    def asked() -> Iterator[Gap]:
        while True:
            pipe.send("next")
            gap = pipe.recv()
            if gap is None:
                return
            yield gap

    try:
        for made in remake(asked()):
            pipe.send(replace(made, peak=peak_resident(), gpu_peak=_gpu_peak()))
        pipe.send("end")
    except (EOFError, ConnectionError):
        return  # nobody waits any more
    except (ValueError, OSError, MemoryError) as error:
        pipe.send(type(error)(*error.args))
    except Exception as error:  # which may not survive the way
        pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _gpu_peak() -> int | None:
    """Return the bytes of GPU memory that torch allocated at most here, None if it did not."""
    torch = sys.modules.get("torch")
    return torch.cuda.max_memory_allocated() or None if torch is not None and torch.cuda.is_initialized() else None
