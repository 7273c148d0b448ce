"""Work in a process of its own: what it returns, why it failed, and that it can be ended at once."""

import functools
import os
import threading
import time

import pytest

from vfi.web.apart import Apart, WorkCancelled, WorkFailed


def count(fault, progress):
    progress(1, 2)
    if fault == "sentence":
        raise ValueError("the picture is too small: give a larger one")
    if fault == "defect":
        raise KeyError("left")
    if fault == "death":
        os._exit(9)
    if fault == "endless":
        time.sleep(600)
    return os.getpid()


def test_what_the_work_returns_and_its_progress_come_from_another_process():
    seen = []
    there = Apart().run(functools.partial(count, None), lambda done, total: seen.append((done, total)))
    assert there != os.getpid()
    assert seen == [(1, 2)]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("sentence", "^the picture is too small: give a larger one$"),
        ("defect", "a defect of it .KeyError: 'left'"),
        ("death", "ended by itself, with code 9"),
    ],
)
def test_a_failure_is_a_sentence(fault, sentence):
    with pytest.raises(WorkFailed, match=sentence):
        Apart().run(functools.partial(count, fault), lambda done, total: None)


def test_cancelled_work_ends_at_once():
    job, begun = Apart(), threading.Event()

    def cancel():
        begun.wait()
        job.cancel()

    threading.Thread(target=cancel).start()
    with pytest.raises(WorkCancelled):
        job.run(functools.partial(count, "endless"), lambda done, total: begun.set())


def test_work_cancelled_before_it_begins_never_begins():
    job = Apart()
    job.cancel()
    with pytest.raises(WorkCancelled):
        job.run(functools.partial(count, None), lambda done, total: None)
