"""Where and how precisely to compute."""

import os

import torch

from flow.choices import check_device, check_precision


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of that name (cpu, cuda, cuda:1, ...); auto is the GPU if there is one, else the CPU.

    Of the processes that torchrun starts on a machine, auto and cuda give each a GPU of its own. Raises ValueError if
    there is no such device.
    """
    if name in ("auto", "cuda") and torch.cuda.is_available() and "LOCAL_RANK" in os.environ:
        own, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if own >= gpus:
            raise ValueError(f"there is no GPU for process {own + 1}: start {gpus} here, or use the device cpu")
        return torch.device("cuda", own)
    if name == "auto":
        return automatic_device()[0]
    check_device(name)
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {name!r} is not to be had here: use cpu")
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the precision of that name; auto is bfloat16 where the hardware multiplies it faster, else float32.

    Raises ValueError for an unknown name, for int8, in which PyTorch computes nothing here, and for float16 on a CPU,
    which has no fast way to multiply it.
    """
    if name == "auto":
        return automatic_precision(device)[0]
    check_precision(name)
    if name == "int8":
        raise ValueError("int8 is for flow-fusion, fast and faster by OpenVINO or onnx on a CPU: leave out --precision")
    if name == "float16" and device.type == "cpu":
        raise ValueError("float16 needs a GPU: use float32 or bfloat16 on the CPU")
    return getattr(torch, name)


def multiplies_bfloat16() -> bool:
    """Tell whether the CPU has instructions of its own that multiply bfloat16: AVX512_BF16 or AMX.

    OpenVINO gains from either. PyTorch converts more to and fro, and gains from AMX for sure; from AVX512_BF16 it
    depends on the processor.
    """
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def automatic_device() -> tuple[torch.device, str]:
    """Return the device that auto stands for, and why."""
    if torch.cuda.is_available():
        return torch.device("cuda"), "there is a GPU"
    if torch.version.cuda is None and torch.version.hip is None:
        return torch.device("cpu"), "this build of PyTorch is for the CPU alone"
    return torch.device("cpu"), "PyTorch finds no GPU"


def automatic_precision(device: torch.device) -> tuple[torch.dtype, str]:
    """Return the precision that auto stands for on a device, and why."""
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, "the GPU multiplies bfloat16 faster"
        return torch.float32, "the GPU has no bfloat16"
    if torch.cpu._is_amx_tile_supported():
        return torch.bfloat16, "the CPU multiplies bfloat16 faster, with AMX"
    return torch.float32, "the CPU has no AMX, without which PyTorch may be slower in bfloat16"
