"""How much memory this process took, how much more there is for it, and when there is no more."""

import ctypes
import os
import sys
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
_KEPT = 256 * 2**20  # bytes that may lie idle
_LARGE = 32 * 2**20  # bytes of an array that is given back by itself
_CGROUP = Path("/sys/fs/cgroup")  # what a container may have at most, and has


def peak_resident() -> int | None:
    """Return the bytes of memory that this process held at most, None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held when it started us
        lines = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return next((int(line.split()[1]) * 1024 for line in lines), None)
    try:
        import resource
    except ImportError:  # Windows
        return None
    # macOS counts in bytes, others in kibibytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def tune_heap() -> None:
    """Have all threads that are yet to begin allocate from one heap that keeps what is freed for what comes next.

    glibc gives threads heaps of their own, each of which keeps the holes that large arrays leave: a quarter of a
    gigabyte more for a film of 1080 lines, and no time saved. And it gives arrays back to the system that are wanted
    again a moment later, page by page: to look an image up along a flow takes twice as long by that. Other allocators
    are left alone.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:  # musl has none, nor such heaps
            mallopt(_M_ARENA_MAX, 1)
            mallopt(_M_MMAP_THRESHOLD, _LARGE)
            mallopt(_M_TRIM_THRESHOLD, _KEPT)


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an error means that memory was short.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."))
    True
    """
    # torch has no class of its own for the CPU, nor have oneDNN, which "could not create a primitive", and OpenCV.
    words = (
        "out of memory",
        "allocate memory",
        "not enough memory",
        "insufficient memory",
        "could not create a",
    )
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def peak_gpu() -> int | None:
    """Return the bytes of GPU memory that torch allocated at most in this process, None if it did not."""
    torch = sys.modules.get("torch")
    return torch.cuda.max_memory_allocated() or None if torch is not None and torch.cuda.is_initialized() else None


def resident() -> int:
    """Return the bytes of memory that this process holds; where the system does not tell, what it held at most."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return peak_resident() or 0


def free_memory() -> int | None:
    """Return the bytes of memory that could be had without swapping, None where the system does not tell."""
    known = [count for count in (_available(), _left_in_container(), _left_in_limit()) if count is not None]
    return min(known, default=None)


def _available() -> int | None:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = (line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable"))
        return next((int(line.split()[1]) * 1024 for line in lines), None)
    if "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _left_in_container() -> int | None:
    try:
        most, held = ((_CGROUP / f"memory.{name}").read_text().strip() for name in ("max", "current"))
    except OSError:
        return None
    return max(0, int(most) - int(held)) if most.isdigit() else None


def _left_in_limit() -> int | None:
    """What ulimit -v leaves, which counts addresses rather than memory."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, statm = resource.getrlimit(resource.RLIMIT_AS)[0], Path("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not statm.exists():
        return None
    return max(0, limit - int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE"))
