"""Who waits for what: a visitor's work, the folder of its files, and its end."""

import shutil
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vfi.web.apart import Apart, Progress, Work, WorkCancelled


class Jobs:
    """The work that is being done, by the visitor it is done for."""

    def __init__(self, root: Path) -> None:
        """root: folder in which every job gets one of its own."""
        self._root = root
        self._lock = threading.Lock()
        self._running: defaultdict[str, set[Apart]] = defaultdict(set)
        self._closed = False

    def run(self, visitor: str, make: Callable[[Path], Work], progress: Progress) -> Any:
        """Do the work that ``make`` makes of the job's new folder, and return what it returns.

        The folder stays only if that succeeds. Raises WorkFailed, WorkCancelled, and what ``make`` does.
        """
        job = Apart()
        with self._lock:
            if self._closed:
                raise WorkCancelled
            self._running[visitor].add(job)
            folder = Path(tempfile.mkdtemp(dir=self._root, prefix="job-"))
        try:
            return job.run(make(folder), progress)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            with self._lock:
                self._running[visitor].discard(job)
                if not self._running[visitor]:
                    del self._running[visitor]

    def cancel(self, visitor: str) -> None:
        """End at once what is being done for a visitor."""
        with self._lock:
            jobs = list(self._running.get(visitor, ()))
        for job in jobs:
            job.cancel()

    def close(self) -> None:
        """End everything at once, for good."""
        with self._lock:
            self._closed = True
            visitors = list(self._running)
        for visitor in visitors:
            self.cancel(visitor)
