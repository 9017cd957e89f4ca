# SPDX-License-Identifier: Apache-2.0
"""Plans from straight-line code: each statement is one operation on earlier values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import mpmath

from ..errors import TableError
from ..plan.plan import Kind, Operation, Plan

Operand: TypeAlias = str | mpmath.mpf
Statement: TypeAlias = tuple[str, str, str, Operand]  # name, "*", "+" or "-", left, right


def plan_from(arguments: Sequence[str], statements: Iterable[Statement], result: str) -> Plan:
    """A plan from the statements of a function.

    Parameters
    ----------
    arguments : sequence of str
        Names of the arguments.
    statements : iterable of (name, sign, left, right)
        The right operand is a name or a constant.
    result : str
        Name of the value returned.

    Raises
    ------
    TableError
        If a value is used before it is made, or an operation is not one of a plan.
    """
    place = {name: index for index, name in enumerate(arguments)}
    operations = [Operation("input", index) for index in range(len(arguments))]
    for name, sign, left, right in statements:
        operation = _operation(place, sign, left, right)
        place[name] = len(operations)
        operations.append(operation)
    if result not in place:
        raise TableError(f"the code returns {result!r}, which it does not compute")
    return Plan(tuple(operations), place[result], len(arguments))


def _operation(place: dict[str, int], sign: str, left: str, right: Operand) -> Operation:
    a = _index(place, left)
    if isinstance(right, str):
        b = _index(place, right)
        if sign == "+" and a == b:
            return Operation("double", a)
        kinds: dict[str, Kind] = {"*": "multiply", "+": "add", "-": "subtract"}
        return Operation(kinds[sign], a, b)
    if sign == "*":
        return Operation("scale", a, -1, right)
    if sign == "+":
        return Operation("shift", a, -1, right)
    raise TableError("a constant is subtracted; plans add its opposite")


def _index(place: dict[str, int], name: str) -> int:
    if name not in place:
        raise TableError(f"the code uses {name!r} before it is computed")
    return place[name]
