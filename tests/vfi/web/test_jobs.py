"""A visitor's job: its folder, and its end."""

import functools
import threading

import pytest

from vfi.web.apart import WorkCancelled, WorkFailed
from vfi.web.jobs import Jobs


def write(folder, fault, progress):
    (folder / "part").write_bytes(b"half")
    progress(1, None)
    if fault:
        raise ValueError("no")
    return folder


def wait(folder, progress):
    write(folder, False, progress)
    threading.Event().wait()


def test_the_folder_of_a_job_stays_if_it_succeeds_and_goes_if_it_fails(tmp_path):
    jobs = Jobs(tmp_path)
    made = jobs.run("her", lambda folder: functools.partial(write, folder, False), lambda done, total: None)
    assert [path.name for path in made.iterdir()] == ["part"]
    with pytest.raises(WorkFailed):
        jobs.run("her", lambda folder: functools.partial(write, folder, True), lambda done, total: None)
    assert list(tmp_path.iterdir()) == [made]


def test_only_the_visitors_own_work_is_cancelled_and_nothing_is_left_of_it(tmp_path):
    jobs, begun = Jobs(tmp_path), threading.Event()

    def cancel():
        begun.wait()
        jobs.cancel("another")
        jobs.cancel("her")

    threading.Thread(target=cancel).start()
    with pytest.raises(WorkCancelled):
        jobs.run("her", lambda folder: functools.partial(wait, folder), lambda done, total: begun.set())
    assert not list(tmp_path.iterdir())
    jobs.close()
    with pytest.raises(WorkCancelled):
        jobs.run("her", lambda folder: functools.partial(write, folder, False), lambda done, total: None)
