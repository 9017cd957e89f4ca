"""Imports go down: every import of both packages, inside functions too, against the list of floors."""

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import rooms
from paths import ROOT

PACKAGES = ("polyapprox", "nn_bridge")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
INSIDE = {name: path for name, path in FILES.items() if name not in PACKAGES}


def imports(source: str, package: str) -> Iterator[str]:
    """Absolute names of all that a source imports, except for type checking alone."""
    pending: list[ast.AST] = [ast.parse(source)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            above = above[: len(above) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        pending += list(ast.iter_child_nodes(node))


def through_a_wall(module: str, imported: str) -> bool:
    """Whether a module of a room may not import this name."""
    package = imported.split(".")[0]
    if package not in PACKAGES:
        return False
    if imported == package or ".".join(imported.split(".")[:2]) not in FILES:  # a name of the package itself
        return package == module.split(".")[0]
    floor, room = rooms.room_of(module)
    other, entered = rooms.room_of(imported)
    doors = [door for name, door in rooms.DOORS if name == module]
    allowed = any(imported == door or imported.startswith(door + ".") for door in doors)
    return not allowed and (other, entered) != (floor, room) and other >= floor


def test_every_module_is_in_a_room_and_every_room_has_modules() -> None:
    lived_in = {rooms.room_of(name) for name in INSIDE}
    assert lived_in == {rooms.room_of(r.modules[0]) for floor in rooms.FLOORS for r in floor}


@pytest.mark.parametrize("module", INSIDE)
def test_imports_go_down(module: str) -> None:
    path = INSIDE[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = imports(path.read_text(encoding="utf-8"), package)
    assert [name for name in found if through_a_wall(module, name)] == []


def walls() -> Iterator[tuple[str, str]]:
    """For every two rooms between which there is a wall: a module here, a module there."""
    homes: dict[tuple[int, str], str] = {}
    for name, path in INSIDE.items():
        if path.name != "__init__.py" and name not in {module for module, _ in rooms.DOORS}:
            homes.setdefault(rooms.room_of(name), name)
    for (here, module), (there, wanted) in product(homes.items(), repeat=2):
        if here != there and there[0] >= here[0]:
            yield module, wanted


@pytest.mark.parametrize("form", ["{}", "def f():\n    {}"], ids=["at the top", "inside a function"])
def test_a_planted_import_is_named(form: str) -> None:
    planted = list(walls())
    assert len(planted) > 400
    missed = []
    for module, wanted in planted:
        room, _, name = wanted.rpartition(".")
        source = form.format(f"from {room} import {name}")
        found = imports(source, module.rpartition(".")[0])
        if not [one for one in found if through_a_wall(module, one)]:
            missed.append((module, wanted))
    assert missed == []


def test_relative_imports_are_resolved() -> None:
    source = "from .a import b\nif TYPE_CHECKING:\n    from ..c import d\ndef f():\n    from ..e import g\n"
    assert set(imports(source, "polyapprox.p.q")) == {"polyapprox.p.q.a.b", "polyapprox.p.e.g"}


def test_doors_are_used() -> None:
    for module, door in rooms.DOORS:
        path = INSIDE[module]
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        text = path.read_text(encoding="utf-8")
        entered = any(name.startswith(door) for name in imports(text, package))
        assert entered or "import_module" in text, f"no need for the door {module} → {door}"
