"""What a run was made with: the code, the packages, the machine, the data and the command, for every time it began."""

import json
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch

from flow import processes

_ROOT = Path(__file__).resolve().parent.parent


def note_start(file: Path, **known: Any) -> None:
    """Add a line to ``file``, a JSON object: what can be found out, and what is ``known`` besides."""
    start = {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        **known,
        "command": shlex.join(sys.argv),
        "folder": str(Path.cwd()),
        "revision": revision(),
        "machine": machine(),
        "python": platform.python_version(),
        "packages": {found.name: found.version for found in sorted(distributions(), key=lambda d: d.name.lower())},
    }
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(start) + "\n")


def revision() -> str | None:
    """Return the git commit of the checkout that this code lies in, with -dirty if it was changed; None without one."""
    if not (_ROOT / ".git").exists():  # else git would tell of a repository around the virtual environment
        return None
    command = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def machine() -> dict[str, Any]:
    """Return what computes: the system, the CPU, its cores, the GPUs, and how many processes there are."""
    return {
        "system": platform.platform(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "processes": processes.count(),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
