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
