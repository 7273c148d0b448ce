import platform
import subprocess
import sys

import numpy as np
import pytest

from flow.memory import free_memory, is_out_of_memory


def test_what_is_held_and_what_was_held_at_most_grow_with_an_array():
    # In a process of its own, where no memory is left over from other tests.
    code = (
        "import numpy as np; from flow.memory import peak_resident, resident; before = resident();"
        "array = np.ones(100_000_000, np.uint8);"
        "assert before + 90_000_000 < resident() <= peak_resident(); del array;"
        "assert resident() < before + 50_000_000; assert peak_resident() > before + 90_000_000"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there may be no such limit")
def test_no_more_is_free_than_a_limit_leaves():
    code = (
        "import resource; from flow.memory import free_memory; without = free_memory();"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (held + 50_000_000,) * 2);"
        "print(without > 50_000_000 >= free_memory() > 40_000_000)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


def test_a_shortage_of_memory_is_told_from_other_errors():
    with pytest.raises(MemoryError) as short:
        np.ones((2**50,), np.float32)
    assert is_out_of_memory(short.value)
    assert not is_out_of_memory(RuntimeError("sizes do not fit"))
    assert free_memory() is None or free_memory() > 0


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="glibc's heaps")
def test_threads_share_one_heap():
    """malloc_info lists the heaps there are, after threads have allocated at the same time."""
    code = """
import ctypes, threading
from flow.memory import tune_heap
{}
together = threading.Barrier(8)
def allocate():
    together.wait()
    kept = [bytearray(1000) for _ in range(2000)]
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream), libc.fflush(stream)
"""
    heaps = []
    for call in ("tune_heap()", ""):
        listed = subprocess.run([sys.executable, "-c", code.format(call)], capture_output=True, text=True, check=True)
        heaps.append(listed.stdout.count("<heap nr="))
    assert heaps[0] == 1 < heaps[1]


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="glibc's heaps")
def test_what_was_freed_is_there_for_what_comes_next():
    """The pages that the system has to give again for arrays which come and go."""
    code = """
import resource
from flow.memory import tune_heap
{}
def use():
    kept = [bytearray(size) for size in (900_000, 5_000_000, 900_000, 20_000_000)]
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    given = [
        int(
            subprocess.run([sys.executable, "-c", code.format(call)], capture_output=True, text=True, check=True).stdout
        )
        for call in ("tune_heap()", "")
    ]
    assert given[0] < 1000 < given[1]
