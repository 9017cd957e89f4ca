"""`Any` stands in a public signature only where any type is meant."""

import ast
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import polyapprox

MEANT = {  # whatever has + and ·: numbers, arrays, tensors, balls, ciphertexts
    "Approximation.__call__ x", "Approximation.__call__ return",
    "Polynomial.__call__ x", "Polynomial.__call__ return",
}  # fmt: skip
FUNCTION = "Callable[[Any], Any]"  # of the same


def signatures(package: Any) -> Iterator[tuple[str, Any]]:
    """All functions of a package's `__all__`, and the methods of its classes."""
    for name in package.__all__:
        value = getattr(package, name)
        if not inspect.isclass(value):
            if callable(value):
                yield name, value
            continue
        for member in vars(value):
            if not member.startswith("_") or member == "__call__":
                held = inspect.getattr_static(value, member)
                held = getattr(held, "fget", None) or getattr(held, "func", None) or held
                held = getattr(held, "__func__", held)
                if inspect.isfunction(held):
                    yield f"{name}.{member}", held


def loose(annotation: Any) -> bool:
    """Whether a type says nothing about a value, or about the items of what is iterated."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    tree = ast.parse(text.replace("typing.", "").replace(FUNCTION, "Function"))
    return any(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(tree))


@pytest.mark.parametrize("name", ["polyapprox", "nn_bridge"])
def test_any_is_said_only_where_any_type_is_meant(name: str) -> None:
    package = polyapprox if name == "polyapprox" else pytest.importorskip("nn_bridge")
    found = {
        f"{called} {one}"
        for called, function in signatures(package)
        for one, annotation in {
            **{p.name: p.annotation for p in inspect.signature(function).parameters.values()},
            "return": inspect.signature(function).return_annotation,
        }.items()
        if loose(annotation)
    }
    assert found - MEANT == set()
    assert name != "polyapprox" or found == MEANT


def test_the_search_sees_any() -> None:
    assert loose("Any") and loose("Iterable[Any] | None") and loose("dict[str, Any]")
    assert not loose("str | Callable[[Any], Any] | Target") and not loose("Anything")
