# SPDX-License-Identifier: Apache-2.0
"""Plans in tables: one list for each operation, checked by name when read."""

from __future__ import annotations

from typing import Any, cast

from ..errors import TableError
from ..plan.plan import Kind, Operation, Plan
from ..words import counted
from .decimals import DOUBLE, common_bits, read, read_bits, written

_OPERANDS = {"multiply": 2, "add": 2, "subtract": 2, "double": 1, "scale": 1, "shift": 1}
_WITH_CONSTANT = ("scale", "shift")


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan as JSON: ``["multiply", 3, 4]``, ``["scale", 2, "0.5"]``, …

    A constant of more than 53 bits is followed by its number of bits.
    """
    return {
        "inputs": plan.inputs,
        "output": plan.output,
        "digest": plan.digest,
        "operations": [_written(operation) for operation in plan.operations],
    }


def _written(operation: Operation) -> list[Any]:
    kind, left, right, constant = operation
    if kind not in _WITH_CONSTANT or constant is None:
        return [kind, left] if right < 0 else [kind, left, right]
    bits = common_bits([constant])
    return [kind, left, written(constant, bits), *([bits] if bits > DOUBLE else [])]


def plan_from(document: dict[str, Any]) -> Plan:
    """Read a plan; every operation may use earlier ones only.

    Raises
    ------
    TableError
        Naming the operation that is unknown, has a wrong operand or a constant that is not
        finite.
    """
    inputs, output, rows = document["inputs"], document["output"], document["operations"]
    if not _is_index(inputs) or inputs < 1:
        raise TableError(f"the plan has inputs={inputs!r}; it must be 1 or more")
    operations = tuple(_operation(index, rows, inputs) for index in range(len(rows)))
    if not _is_index(output) or output >= len(operations):
        raise TableError(f"the plan's output {output!r} is not one of its operations")
    named = {operation.left for operation in operations if operation.kind == "input"}
    if len(named) != inputs:
        missing = next(number for number in range(inputs) if number not in named)
        raise TableError(
            f"the plan takes {inputs} argument(s), but no operation is the argument {missing}"
        )
    plan = Plan(operations, output, inputs)
    if plan.digest != document["digest"]:
        raise TableError("the plan does not match its digest")
    return plan


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _operation(index: int, rows: Any, inputs: int) -> Operation:
    row = rows[index]
    if not isinstance(row, list) or not row:
        raise TableError(f"operation {index} of the plan is {row!r}, not a list")
    kind, *rest = row
    where = f"operation {index} of the plan ({kind})"
    if kind == "input":
        if len(rest) != 1 or not _is_index(rest[0]) or rest[0] >= inputs:
            raise TableError(f"{where} names the argument {rest!r}; the plan has {inputs}")
        return Operation("input", rest[0])
    if not isinstance(kind, str) or kind not in _OPERANDS:
        known = ", ".join(["input", *_OPERANDS])
        raise TableError(f"operation {index} of the plan is the unknown {kind!r}; known: {known}")
    operands = rest[: _OPERANDS[kind]]
    for operand in operands:
        if not _is_index(operand) or operand >= index:
            raise TableError(
                f"{where} uses {operand!r}, which is not an earlier operation: a forward "
                f"reference or a cycle{_way_back(rows, operand, index)}"
            )
    if kind in _WITH_CONSTANT:
        return Operation(cast(Kind, kind), operands[0], -1, _constant(rest[1:], where))
    if len(rest) != _OPERANDS[kind]:
        raise TableError(f"{where} has {counted(len(rest), 'operand')}; it takes {_OPERANDS[kind]}")
    return Operation(cast(Kind, kind), *operands)


def _way_back(rows: Any, start: object, end: int) -> str:
    """In words: by which operations a forward reference comes back to where it started."""
    before: dict[object, object] = {start: None} if _is_index(start) else {}
    queue = list(before)
    for place in queue:
        if place == end:
            chain: list[object] = [place]
            while before[chain[-1]] is not None:
                chain.append(before[chain[-1]])
            return f" (here a cycle: {' uses '.join(map(str, [end, *reversed(chain)]))})"
        row = rows[place] if isinstance(place, int) and place < len(rows) else None
        kind = row[0] if isinstance(row, list) and row and isinstance(row[0], str) else ""
        for used in row[1 : 1 + _OPERANDS.get(kind, 0)] if isinstance(row, list) else ():
            if _is_index(used) and used not in before:
                before[used] = place
                queue.append(used)
    return ""


def _constant(given: list[Any], where: str) -> Any:
    if not given:
        raise TableError(f"{where} lacks its constant; it must have one operand and one constant")
    if len(given) > 2:
        raise TableError(f"{where} must have one operand and one constant")
    try:
        return read(given[0], read_bits(given[1]) if len(given) == 2 else DOUBLE)
    except TableError as error:
        raise TableError(f"{where} has an unusable constant: {error}") from None
