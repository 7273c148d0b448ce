import os

import pytest
import torch

from flow.device import choose_device, choose_precision
from vfi.devices import find_devices
from vfi.interpolator import Interpolator


def test_what_auto_stands_for_is_what_is_chosen():
    found = find_devices()
    device = choose_device("auto")
    assert found.device.value == str(device)
    assert found.precision.value == str(choose_precision("auto", device)).removeprefix("torch.")
    assert found.backend.value == Interpolator.load("fast").backend
    assert f"--device auto: {device}, because " in str(found)


def test_the_cpu_is_told_as_torch_sees_it():
    cpu = find_devices().cpu
    assert cpu.name
    assert 1 <= cpu.cores <= os.cpu_count()
    assert cpu.threads == torch.get_num_threads()
    if torch.backends.cpu.get_cpu_capability() == "AVX2":
        assert cpu.instructions["avx2"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a process cannot be bound to cores here")
def test_cores_that_the_process_may_not_use_do_not_count():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert find_devices().cpu.cores == 1
    finally:
        os.sched_setaffinity(0, before)


def test_every_gpu_is_told_with_its_memory():
    gpus = find_devices().gpus
    assert len(gpus) == torch.cuda.device_count()
    assert all(0 <= gpu.free <= gpu.memory and choose_device(gpu.device) for gpu in gpus)
