"""Plans of maximum and minimum: a polynomial of a − b between linear operations."""

from __future__ import annotations

from typing import NamedTuple

from .cuts import between
from .plan import Operation, Plan


class Parts(NamedTuple):
    """A plan of a and b in three parts.

    Attributes
    ----------
    front : Plan
        d from a and b: linear.
    inner : Plan
        m from d.
    back : Plan
        The result from m, a and b: linear.
    """

    front: Plan
    inner: Plan
    back: Plan


def parts(plan: Plan) -> Parts | None:
    """Take a plan of two arguments apart (None if it has no such parts).

    Examples
    --------
    >>> import polyapprox
    >>> found = parts(polyapprox.maximum(precision=2**-6).plan)
    >>> found.front.run(0.75, 0.25), found.back.inputs
    (0.5, 3)
    """
    for place, operation in enumerate(plan.operations):
        if operation.kind == "subtract":
            found = _apart(plan, place)
            if found is not None:
                return found
    return None


def _apart(plan: Plan, difference: int) -> Parts | None:
    inner = _of_difference(plan, difference)
    if inner is None or inner[plan.output] != "mixed":
        return None
    handed = set()
    for index, (kind, left, right, _) in enumerate(plan.operations):
        if kind != "input" and inner[index] == "mixed":
            handed |= {used for used in (left, right) if used >= 0 and inner[used] == "inner"}
    if len(handed) != 1:
        return None
    (value,) = handed
    polynomial = between(plan, difference, value)
    front = _linear(plan, difference, None)
    back = _linear(plan, plan.output, value)
    if polynomial is None or front is None or back is None:
        return None
    return Parts(front, polynomial, back)


def _of_difference(plan: Plan, difference: int) -> list[str] | None:
    """For each operation: "inner" if it is made of the difference alone, "linear" or "mixed"."""
    result: list[str] = []
    for index, (kind, left, right, _) in enumerate(plan.operations):
        if kind == "input":
            result.append("linear")
            continue
        used = {result[left]} | ({result[right]} if right >= 0 else set())
        if index == difference:
            if used != {"linear"}:
                return None
            result.append("inner")
        elif kind == "multiply" and used != {"inner"}:
            return None
        else:
            result.append(used.pop() if len(used) == 1 else "mixed")
    return result


def _linear(plan: Plan, end: int, value: int | None) -> Plan | None:
    """The operations from the arguments (and `value`, then the first argument) to `end`."""
    operations: list[Operation] = []
    place: dict[int, int] = {}
    if value is not None:
        operations.append(Operation("input", 0))
        place[value] = 0
    for index, operation in enumerate(plan.operations[: end + 1]):
        if index in place:
            continue
        if operation.kind == "input":
            number = operation.left + (value is not None)
            place[index] = len(operations)
            operations.append(Operation("input", number))
        elif operation.left in place and (operation.right < 0 or operation.right in place):
            if operation.kind == "multiply":
                continue
            place[index] = len(operations)
            operations.append(
                operation._replace(
                    left=place[operation.left], right=place.get(operation.right, -1)
                )
            )
    if end not in place:
        return None
    return Plan(tuple(operations), place[end], plan.inputs + (value is not None))
