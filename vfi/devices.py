"""What there is to compute with, and what the automatic choices come to."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import torch

from flow.device import automatic_device, automatic_precision
from vfi.backends import automatic_backend


@dataclass(frozen=True)
class Cpu:
    """The processor, as PyTorch sees it."""

    name: str
    cores: int  # logical ones that this process may use
    threads: int  # that PyTorch computes with
    instructions: dict[str, bool]  # whether it has them


@dataclass(frozen=True)
class Gpu:
    """A graphics card that PyTorch can use."""

    device: str  # as --device takes it
    name: str
    memory: int  # bytes
    free: int  # bytes
    capability: str  # CUDA's name for what it can do: 9.0
    bfloat16: bool  # whether it multiplies it itself


@dataclass(frozen=True)
class Choice:
    """What auto stands for."""

    value: str
    reason: str


@dataclass(frozen=True)
class Devices:
    """All there is."""

    torch: str  # its version
    cpu: Cpu
    gpus: tuple[Gpu, ...]
    device: Choice
    precision: Choice  # of PyTorch
    backend: Choice

    def __str__(self) -> str:
        """Return it as lines for a reader."""
        has = " ".join(f"{name} {'yes' if there else 'no'}," for name, there in self.cpu.instructions.items())
        lines = [f"cpu: {self.cpu.name}, {self.cpu.cores} cores, {self.cpu.threads} threads; {has.rstrip(',')}"]
        lines += [
            f"{gpu.device}: {gpu.name}, {gpu.memory / 2**30:.1f} GiB of which {gpu.free / 2**30:.1f} free,"
            f" capability {gpu.capability}, bfloat16 {'yes' if gpu.bfloat16 else 'no'}"
            for gpu in self.gpus
        ]
        for option in ("device", "precision", "backend"):
            choice: Choice = getattr(self, option)
            lines.append(f"--{option} auto: {choice.value}, because {choice.reason}")
        return "\n".join([*lines, f"PyTorch {self.torch}"])


def find_devices() -> Devices:
    """Return what there is on this machine."""
    device, why = automatic_device()
    precision, reason = automatic_precision(device)
    backend, cause = automatic_backend(device)
    return Devices(
        torch=torch.__version__,
        cpu=Cpu(_cpu_name(), _cores(), torch.get_num_threads(), _instructions()),
        gpus=tuple(_gpu(index) for index in range(torch.cuda.device_count())),
        device=Choice(str(device), why),
        precision=Choice(str(precision).removeprefix("torch."), reason),
        backend=Choice(backend, cause),
    )


def _instructions() -> dict[str, bool]:
    # torch.cpu.get_capabilities() tells the same, but not in the oldest PyTorch that will do.
    return {
        "avx2": torch.cpu._is_avx2_supported(),
        "avx512": torch.cpu._is_avx512_supported(),
        "avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        "amx_bf16": torch.cpu._is_amx_tile_supported(),
    }


def _cores() -> int:
    # A container or a scheduler may leave the process fewer than there are.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")  # Linux, whose platform.processor() says nothing
    if information.exists():
        for line in information.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _gpu(index: int) -> Gpu:
    properties = torch.cuda.get_device_properties(index)
    with torch.cuda.device(index):
        free, memory = torch.cuda.mem_get_info()
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    return Gpu(f"cuda:{index}", properties.name, memory, free, f"{properties.major}.{properties.minor}", fast)
