"""The installed wheel, away from the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    zipfile.ZipFile(next(folder.glob("*.whl"))).extractall(folder / "site")
    return folder / "site"


def test_it_carries_every_shipped_weight(installed):
    shipped = {path.name for path in (ROOT / "checkpoints").glob("*.safetensors")}
    assert {path.name for path in (installed / "flow" / "checkpoints").glob("*.safetensors")} == shipped != set()


def test_its_weights_are_those_on_record(installed):
    check = "from flow.checksums import verify_weights; assert all(not f.fault for f in verify_weights())"
    environment = os.environ | {"PYTHONPATH": str(installed)}
    subprocess.run([sys.executable, "-c", check], cwd=installed, env=environment, check=True)


def test_it_carries_the_page_of_a_comparison(installed):
    pages = {path.name for path in (ROOT / "vfi" / "templates").iterdir()}
    assert {path.name for path in (installed / "vfi" / "templates").iterdir()} == pages != set()


def test_it_upsamples_from_any_folder(installed, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", "import cli; assert 'site' in cli.__file__; cli.app()"]
    clip = ROOT / "samples" / "webb.mp4"
    arguments = ["upsample", str(clip), "-o", "smooth.mp4", "--model", "blend"]
    done = subprocess.run([*command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "144 frames" in done.stdout
    listed = subprocess.run([*command, "models", "list"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "flow-fusion" in listed.stdout
