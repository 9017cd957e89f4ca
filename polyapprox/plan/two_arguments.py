# SPDX-License-Identifier: Apache-2.0
"""Plans of |x| and its kin: how they begin and end, and those of two arguments taken apart.

With a = (s + d)/2 and b = (s − d)/2 every value of a plan of two arguments is written as β s + g(d):
exactly, as sums, differences and multiples of such values are, and products of values with β = 0. If β
is 1/2 at the end, the error of a maximum or minimum is a function of d = a − b alone.
"""

from __future__ import annotations

from typing import NamedTuple

import mpmath

from ..functions.kin import Kin
from ..numbers import ZERO, add, dyadic, multiply, negate
from .builder import PlanBuilder
from .cuts import between
from .plan import Operation, Plan

HALF = dyadic(1, -1)


def opened(inputs: int) -> tuple[PlanBuilder, int]:
    """A plan begun, and what |·| is taken of: the argument, or the difference of two."""
    builder = PlanBuilder(inputs)
    if inputs == 2:
        return builder, builder.subtract(*builder.arguments)
    return builder, builder.arguments[0]


def closed(
    builder: PlanBuilder, kin: Kin, value: int, unit: int, half: mpmath.mpf,
    offset: mpmath.mpf = ZERO,
) -> int:  # fmt: skip
    """The function, of what stands for share · |d|; `half` times `unit` is half the argument."""
    if kin.lined:
        value = builder.add(value, builder.scale(unit, half))
    elif kin.inputs == 2:
        middle = builder.scale(builder.add(*builder.arguments), HALF)
        value = (builder.add if kin.sign > 0 else builder.subtract)(middle, value)
    return builder.shift(value, offset if kin.sign > 0 else negate(offset))


def is_of_difference(plan: Plan) -> bool:
    """Whether a plan is half the sum of its two arguments plus a function of their difference.

    It is where this says so; otherwise it is not, or cannot be told.
    """
    shares: list[mpmath.mpf | None] = []
    for operation in plan.operations:
        shares.append(_share(operation, shares))
    return bool(shares[plan.output] == HALF)


def _share(operation: Operation, shares: list[mpmath.mpf | None]) -> mpmath.mpf | None:
    """β of an operation; None where the value is not of this form."""
    kind, left, right, constant = operation
    if kind == "input":
        return HALF
    first = shares[left]
    second = shares[right] if right >= 0 else ZERO
    if first is None or second is None:
        return None
    if kind == "multiply":
        return ZERO if first == 0 and second == 0 else None
    if kind == "scale":
        return multiply(first, constant or ZERO)
    if kind == "subtract":
        return add(first, negate(second))
    return add(first, first if kind == "double" else second)


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
