# SPDX-License-Identifier: Apache-2.0
"""Where an approximation comes from: command, versions, time-independent and hashable.

A command is one Python expression that makes an equal value again (after ``import polyapprox``),
with all numbers exact; a remark may stand behind it as a comment. What cannot be written down, a
Python function above all, is said instead: such a command begins with :data:`NOT_RUNNABLE`.
"""

from __future__ import annotations

import ast
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any

import mpmath

NOT_RUNNABLE = "not runnable"


@dataclass(frozen=True)
class Provenance:
    """The call that made a value and the versions it was made with."""

    command: str
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, command: str) -> Provenance:
        """Record a call with the versions now installed."""
        return cls(command, versions())

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Provenance:
        """The value of a table's field."""
        return cls(given["command"], tuple((str(name), str(one)) for name, one in given["versions"]))

    def as_dict(self) -> dict[str, Any]:
        """As a table holds it."""
        return {"command": self.command, "versions": [list(pair) for pair in self.versions]}

    @property
    def runnable(self) -> bool:
        """Whether the command is a Python expression that makes the value again."""
        return _parsed(self.command) is not None


def call(
    called: str, /, *arguments: Any, leave_out: Mapping[str, Any] | None = None, **named: Any
) -> str:
    """The text of a call of this package, with every argument written exactly.

    Parameters
    ----------
    called : str
        Such as "minimax".
    *arguments, **named
        Numbers, strings, mpf, polynomials, paths, None, and lists or tuples of these. For anything
        else the text says that the call cannot be run.
    leave_out : mapping, optional
        Values of named arguments that need not be written.

    Examples
    --------
    >>> call("minimax", "exp", 5, domain=(-2.0, 0.5), bits=None, leave_out={"bits": None})
    "polyapprox.minimax('exp', 5, domain=(-2.0, 0.5))"
    >>> call("minimax", lambda x: x, 5)
    'not runnable, an argument is a Python function: polyapprox.minimax(<lambda>, 5)'
    """
    skipped = leave_out or {}
    kept = {
        key: value
        for key, value in named.items()
        if not (key in skipped and _same(value, skipped[key]))
    }
    lacking: list[str] = []
    parts = [_shown(value, lacking) for value in arguments]
    parts += [f"{key}={_shown(value, lacking)}" for key, value in kept.items()]
    return unless(f"polyapprox.{called}({', '.join(parts)})", lacking[0] if lacking else None)


def unless(text: str, reason: str | None) -> str:
    """The text of a call, marked as one that cannot be run where there is a reason.

    Examples
    --------
    >>> unless("polyapprox.f(…)", "a file is needed")
    'not runnable, a file is needed: polyapprox.f(…)'
    """
    return text if reason is None else f"{NOT_RUNNABLE}, {reason}: {text}"


def inside(command: str, wrapped: str) -> str:
    """A command within another one: `wrapped` has {} where it goes; its remark is left out.

    Examples
    --------
    >>> inside("polyapprox.relu(precision=0.5)  # a remark", "polyapprox.noise.quantise({}, 20)")
    'polyapprox.noise.quantise(polyapprox.relu(precision=0.5), 20)'
    """
    tree = _parsed(command)
    if tree is not None:
        return wrapped.format(ast.get_source_segment(command, tree.body))
    reason, _, text = command.removeprefix(f"{NOT_RUNNABLE}, ").partition(": ")
    if not command.startswith(NOT_RUNNABLE):
        reason, text = "what it works on was not made by a Python call", command
    return unless(wrapped.format(text), reason)


def remarked(command: str, remark: str) -> str:
    """A command with a remark behind it.

    Examples
    --------
    >>> remarked("polyapprox.relu(precision=0.5)", "a remark")
    'polyapprox.relu(precision=0.5)  # a remark'
    """
    return f"{command}  # {' '.join(remark.split())}"


def _parsed(command: str) -> ast.Expression | None:
    """The command as an expression of this package; None if it is none."""
    if not command.startswith("polyapprox."):
        return None
    try:
        return ast.parse(command, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _shown(value: Any, lacking: list[str]) -> str:
    """Python text of a value; what has none is named and noted in `lacking`."""
    if value is None or isinstance(value, (bool, str)):
        return repr(value)
    if isinstance(value, Integral):
        return repr(int(value))
    if isinstance(value, mpmath.mpf):
        return _exact(value)
    if isinstance(value, Real):
        return repr(float(value))
    if isinstance(value, PurePath):
        return f"__import__('pathlib').Path({str(value)!r})"
    if isinstance(value, (list, tuple)):
        items = [_shown(item, lacking) for item in value]
        if isinstance(value, list):
            return f"[{', '.join(items)}]"
        return f"({', '.join(items)}{',' * (len(items) == 1)})"
    if type(value).__name__ == "Polynomial":
        rows = (list(value.coefficients), value.domain, value.parity)
        return f"polyapprox.Polynomial.from_floats({', '.join(_shown(r, lacking) for r in rows)})"
    if is_dataclass(value) and type(value).__module__.startswith("polyapprox."):
        given = [f"{f.name}={_shown(getattr(value, f.name), lacking)}" for f in fields(value)]
        kind = type(value)
        return f"__import__({kind.__module__!r}, fromlist=['*']).{kind.__name__}({', '.join(given)})"
    lacking.append(f"an argument is a Python {type(value).__name__}")
    return str(getattr(value, "__name__", f"<{type(value).__name__}>"))


def _exact(value: mpmath.mpf) -> str:
    """A float where it is one, else mantissa and exponent."""
    if mpmath.mpf(float(value)) == value:
        return repr(float(value))
    sign, mantissa, exponent, _ = value._mpf_
    return f"polyapprox.numbers.dyadic({-int(mantissa) if sign else int(mantissa)}, {int(exponent)})"


def version() -> str:
    """Version of this package."""
    from importlib import metadata

    try:
        return metadata.version("polyapprox")
    except metadata.PackageNotFoundError:
        return "0+unknown"


@lru_cache(maxsize=1)
def versions(
    names: tuple[str, ...] = ("numpy", "scipy", "mpmath", "python-flint"),
) -> tuple[tuple[str, str], ...]:
    """Versions of this package, Python and the libraries of these names that are installed."""
    from importlib import metadata

    found = [("polyapprox", version()), ("python", platform.python_version())]
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found.append((name, metadata.version(name)))
    return tuple(found)
