"""Arrows go one way: cli -> vfi.commands -> vfi -> flow; vfi.media knows neither torch nor the rest of vfi."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ROOT / "vfi" / "commands"
LIBRARY = sorted(path for path in (ROOT / "vfi").rglob("*.py") if COMMANDS not in path.parents)


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def belongs(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", sorted((ROOT / "flow").rglob("*.py")), ids=str)
def test_flow_imports_neither_vfi_nor_cli(path):
    assert not [name for name in imported(path) if belongs(name, "vfi", "cli")]


@pytest.mark.parametrize("path", LIBRARY, ids=str)
def test_vfi_never_imports_the_command_line(path):
    assert not [name for name in imported(path) if belongs(name, "cli", "vfi.commands", "typer", "rich")]


@pytest.mark.parametrize("path", sorted(COMMANDS.rglob("*.py")), ids=str)
def test_no_command_imports_what_gathers_them(path):
    assert not [name for name in imported(path) if belongs(name, "cli", "vfi.commands.app")]


@pytest.mark.parametrize("path", sorted((ROOT / "vfi" / "media").rglob("*.py")), ids=str)
def test_media_imports_neither_torch_nor_the_rest_of_vfi(path):
    ours = [name for name in imported(path) if belongs(name, "vfi", "flow", "torch", "kornia")]
    assert all(belongs(name, "vfi.media") for name in ours), ours


@pytest.mark.parametrize("path", sorted((ROOT / "vfi" / "models").rglob("*.py")), ids=str)
def test_models_know_tensors_and_never_media(path):
    assert not [name for name in imported(path) if belongs(name, "vfi.media", "av")]


@pytest.mark.parametrize("path", [*(ROOT / "flow").rglob("*.py"), *LIBRARY], ids=str)
def test_the_library_never_prints(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
