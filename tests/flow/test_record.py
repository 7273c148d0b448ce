import importlib.metadata
import json
import shlex
import subprocess
import sys
from pathlib import Path

from flow import record

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_line_tells_the_code_the_packages_the_machine_and_the_command(tmp_path):
    for step in (0, 7):
        record.note_start(tmp_path / "record.jsonl", step=step)
    first, second = (json.loads(line) for line in (tmp_path / "record.jsonl").read_text().splitlines())
    assert (first["step"], second["step"]) == (0, 7)
    assert first["packages"]["torch"] == importlib.metadata.version("torch")
    assert first["machine"]["processes"] == 1
    assert first["machine"]["cpu"]
    assert shlex.split(first["command"]) == sys.argv


def test_the_revision_is_that_of_the_checkout(monkeypatch, tmp_path):
    found = record.revision()
    if (ROOT / ".git").exists():
        head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        assert found.removesuffix("-dirty") == head.stdout.strip()
    # An installed package lies in no checkout of its own, even if there is one around it.
    monkeypatch.setattr(record, "_ROOT", ROOT / "flow")
    assert record.revision() is None
