# SPDX-License-Identifier: Apache-2.0
"""Plans as straight-line code: one statement an operation, in the syntax of a language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpmath

from ..plan.plan import Plan


@dataclass(frozen=True)
class Syntax:
    """How operations are written; every field is a format string of the operands.

    Attributes
    ----------
    assign : str
        A statement, of ``{name}`` and ``{value}``.
    multiply, add, subtract : str
        Of ``{a}`` and ``{b}``, names of values.
    scale, shift : str
        Of ``{a}`` and ``{c}``, a constant.
    number : callable
        From an exact constant to its text.
    """

    assign: str
    multiply: str
    add: str
    subtract: str
    scale: str
    shift: str
    number: Callable[[mpmath.mpf], str]


def statements(plan: Plan, syntax: Syntax, arguments: tuple[str, ...]) -> list[str]:
    """The statements of a plan; the result is the value named by :func:`result`.

    Operation i is the value ``v{i}``; the arguments are named by the caller.

    Examples
    --------
    >>> from polyapprox.export.text import double
    >>> from polyapprox.numbers import exact
    >>> from polyapprox.plan import PlanBuilder
    >>> algebra = Syntax("{name} = {value}", "{a} * {b}", "{a} + {b}", "{a} - {b}",
    ...                  "{a} * {c}", "{a} + {c}", double)
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> plan = builder.finish(builder.shift(builder.multiply(x, x), exact(0.5)))
    >>> statements(plan, algebra, ("x",))
    ['v1 = x * x', 'v2 = v1 + 0.5']
    """
    names = names_of(plan, arguments)
    lines = []
    for index, (kind, left, right, constant) in enumerate(plan.operations):
        if kind == "input":
            continue
        pattern = syntax.add if kind == "double" else getattr(syntax, kind)
        second = names[left] if kind == "double" else names[right] if right >= 0 else ""
        number = "" if constant is None else syntax.number(constant)
        value = pattern.format(a=names[left], b=second, c=number)
        lines.append(syntax.assign.format(name=names[index], value=value))
    return lines


def names_of(plan: Plan, arguments: tuple[str, ...]) -> list[str]:
    """Name of each operation's value."""
    return [
        arguments[operation.left] if operation.kind == "input" else f"v{index}"
        for index, operation in enumerate(plan.operations)
    ]


def result(plan: Plan, arguments: tuple[str, ...]) -> str:
    """Name of the value that is the result."""
    return names_of(plan, arguments)[plan.output]


def arguments_of(plan: Plan) -> tuple[str, ...]:
    """``x``, or ``x0`` and ``x1``."""
    return ("x",) if plan.inputs == 1 else tuple(f"x{i}" for i in range(plan.inputs))
