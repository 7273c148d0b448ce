"""How much memory this process took."""

import sys
from pathlib import Path


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
