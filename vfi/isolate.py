"""Work in a process of its own, so that its memory can be told from that of others."""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from flow.memory import peak_gpu, peak_resident
from vfi.media import MediaError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def isolated(work: Callable[[Iterator[Asked]], Iterator[Answer]], asked: Iterator[Asked]) -> Generator[Answer]:
    """Answer what is asked by ``work``, which can be pickled, in a new process; with functools.partial a `Remake`.

    Answers are dataclasses with the fields ``peak``, which becomes the process's largest resident memory since its
    start, Python and libraries included, and ``gpu_peak``, both in bytes. Raises what the work raises, and MemoryError
    if the process ends by itself.
    """
    spawning = multiprocessing.get_context("spawn")  # a fork would count our memory, and torch's threads forbid it
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        while True:
            answer = ours.recv()
            if isinstance(answer, Exception):
                raise answer
            elif answer == "next":
                ours.send(next(asked, None))
            elif answer == "end":
                return
            else:
                yield answer
    except (EOFError, ConnectionError):
        process.join()
        raise MemoryError(f"a method's process ended by itself, with code {process.exitcode}") from None
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(work: Callable[[Iterator[Any]], Iterator[Any]], pipe: Connection) -> None:
    """Answer in a process of our own: ask for what comes next, send an answer, an error, or the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the one who started us, who ends us

    def asked() -> Iterator[Any]:
        while True:
            pipe.send("next")
            item = pipe.recv()
            if item is None:
                return
            yield item

    try:
        for answer in work(asked()):
            pipe.send(replace(answer, peak=peak_resident(), gpu_peak=peak_gpu()))
        pipe.send("end")
    except (EOFError, ConnectionError):
        return  # nobody waits any more
    except (MediaError, ValueError, OSError, MemoryError) as error:
        pipe.send(type(error)(*error.args))
    except Exception as error:  # which may not survive the way
        pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))
