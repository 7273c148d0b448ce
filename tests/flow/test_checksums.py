import hashlib
import shutil
import subprocess

import pytest

from flow.checkpoint import CheckpointError, checkpoint_folder
from flow.checksums import RECORD, Checked, recorded, sha256, verify_weights


@pytest.fixture
def folder(tmp_path):
    """Two files and their record."""
    sums = []
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
        sums.append(f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}\n")
    (tmp_path / RECORD).write_text("".join(sums))
    return tmp_path


def test_the_record_is_of_the_shipped_files_and_of_no_others():
    files = {path.name for path in checkpoint_folder().glob("*.safetensors")}
    assert recorded().keys() == files != set()
    assert [checked.fault for checked in verify_weights()] == [None] * len(files)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs coreutils")
def test_coreutils_reads_the_record_and_agrees():
    subprocess.run(["sha256sum", "--check", "--strict", "--status", RECORD], cwd=checkpoint_folder(), check=True)


def test_one_bit_is_enough_to_be_damaged(folder):
    data = bytearray((folder / "b.safetensors").read_bytes())
    expected = sha256(folder / "b.safetensors")
    data[500] ^= 1
    (folder / "b.safetensors").write_bytes(data)
    first, second = verify_weights(folder)
    assert first == Checked("a.safetensors", None)
    assert second.fault == f"is damaged: its SHA-256 is {sha256(folder / 'b.safetensors')}, not {expected}"


def test_a_file_that_is_missing_or_too_many_is_named(folder):
    (folder / "a.safetensors").rename(folder / "c.safetensors")
    found = {checked.file: checked.fault for checked in verify_weights(folder)}
    assert found == {
        "a.safetensors": "is missing",
        "b.safetensors": None,
        "c.safetensors": "is not among those that were shipped",
    }


@pytest.mark.parametrize("text", [None, "what is this\n", "0123  a.safetensors\n"])
def test_a_record_that_is_missing_or_none_says_so(folder, text):
    (folder / RECORD).unlink()
    if text is not None:
        (folder / RECORD).write_text(text)
    with pytest.raises(CheckpointError, match="install vfi anew"):
        list(verify_weights(folder))
