"""The programs that run exported networks."""

import os
import subprocess
import sys

import pytest


def test_openvino_tells_nobody_that_it_is_used_and_starts_no_process(tmp_path):
    pytest.importorskip("openvino")
    code = """
import sys
seen = []
sys.addaudithook(lambda event, _: event in ("os.fork", "socket.connect", "subprocess.Popen") and seen.append(event))
from flow.backends import import_extra
print(import_extra("openvino").__name__)
import time; time.sleep(1)  # seconds in which a thread of it would have begun
print(seen)
"""
    env = {key: value for key, value in os.environ.items() if key != "CI"} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["openvino", "[]"]
    assert not list(tmp_path.iterdir())  # where it would have put a number for the user
