"""Who may import whom, and what importing the package loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import polyapprox

ROOT = Path(polyapprox.__file__).parent
PACKAGE = "polyapprox"

NEVER = ("nn_bridge", "torch")


def module_name(path: Path) -> str:
    parts = [PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Absolute names of everything a file imports, inside functions too."""
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            above = above[: len(above) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


FILES = sorted(ROOT.rglob("*.py"))


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def test_relative_imports_are_resolved() -> None:
    found = imports_of(ROOT / "proof" / "prove.py")
    assert "polyapprox.certificate.Certificate" in found
    assert any(within(name, "polyapprox.proof") for name in found)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_nothing_imports_the_bridge_or_torch(path: Path) -> None:
    assert [n for n in imports_of(path) if any(within(n, never) for never in NEVER)] == []


def loaded_after(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules, sep='\\n')"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "program",
    [
        "import polyapprox",
        "import polyapprox\npolyapprox.relu(precision=2**-6)",
        "import polyapprox\npolyapprox.minimax('exp', 5)",
        "import polyapprox.cli",
        "import polyapprox.plot",
    ],
)
def test_neither_torch_nor_matplotlib_is_loaded(program: str) -> None:
    loaded = loaded_after(program)
    assert "polyapprox" in loaded
    unwanted = ("torch", "matplotlib", "nn_bridge")
    assert [name for name in loaded if name.split(".")[0] in unwanted] == []


def test_importing_the_package_is_light() -> None:
    loaded = loaded_after("import polyapprox")
    heavy = ("scipy", "sympy", "jsonschema", "typer", "rich", "platformdirs")
    assert [name for name in loaded if name.split(".")[0] in heavy] == []


def test_every_lazy_name_exists() -> None:
    for name in polyapprox._LAZY:
        assert callable(getattr(polyapprox, name)), name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = polyapprox.nonsense
