# SPDX-License-Identifier: Apache-2.0
"""A plan of a composite taken apart: where one stage hands its value over to the next.

In such a plan every stage but the last hands over one value v: no later operation looks behind
it, but for the unit variable z = x/W. What lies between two such values is a polynomial of one
argument; the last stage is one of v and z, of first degree in z.
"""

from __future__ import annotations

from collections.abc import Sequence

from .degree import plan_degree
from .plan import Operation, Plan


def handed_over(plan: Plan, unit: int, degrees: Sequence[int]) -> list[int] | None:
    """Operations that hold the values of stages of these degrees, without the last stage.

    Parameters
    ----------
    plan : Plan
    unit : int
        Index of the operation that holds the unit variable.
    degrees : sequence of int
        Of all stages but the last, innermost first.

    Returns
    -------
    list of int, or None
        None if the plan does not hand over one value from stage to stage.
    """
    return _search(plan, unit, cuts(plan, unit), degrees, unit)


def between(plan: Plan, begin: int, end: int, unit: int | None = None) -> Plan | None:
    """The operations from one value to another; the unit variable, if given, is an argument too.

    Returns
    -------
    Plan or None
        None if they use another value from before.
    """
    path = [index for index in _needed(plan, begin, end) if index != unit]
    operations = [Operation("input", 0)]
    place = {begin: 0}
    if unit is not None:
        operations.append(Operation("input", 1))
        place[unit] = 1
    for index in path:
        kind, left, right, constant = plan.operations[index]
        if left not in place or (right >= 0 and right not in place):
            return None
        place[index] = len(operations)
        operations.append(Operation(kind, place[left], place.get(right, -1), constant))
    return Plan(tuple(operations), place[end], 1 if unit is None else 2)


def cuts(plan: Plan, unit: int) -> list[int]:
    """Operations that later ones do not look behind, but for the unit variable."""
    path = _needed(plan, unit, plan.output)
    last_use: dict[int, int] = {}
    for index in path:
        _, left, right, _ = plan.operations[index]
        for used in (left, right):
            if used > unit:
                last_use[used] = index
    found, furthest = [], 0
    for index in path:
        if furthest <= index:
            found.append(index)
        furthest = max(furthest, last_use.get(index, index))
    return found


def with_own_scalings(plan: Plan) -> Plan:
    """The same computation, each use of a scaled argument with a scaling of its own before it.

    So that no stage looks back at a scaling that another stage uses.
    """
    operations: list[Operation] = []
    place: list[int] = []

    def used(index: int) -> int:
        if index < 0:
            return index
        operation = plan.operations[index]
        if operation.kind != "scale" or plan.operations[operation.left].kind != "input":
            return place[index]
        operations.append(operation._replace(left=place[operation.left]))
        return len(operations) - 1

    for operation in plan.operations:
        if operation.kind != "input":
            operation = operation._replace(
                left=used(operation.left), right=used(operation.right)
            )
        operations.append(operation)
        place.append(len(operations) - 1)
    return Plan(tuple(operations), place[plan.output], plan.inputs)


def _search(
    plan: Plan, unit: int, places: list[int], degrees: Sequence[int], begin: int
) -> list[int] | None:
    """The first values of these degrees after `begin` for which the rest of the plan serves."""
    if not degrees:
        return [] if _is_last_stage(plan, begin, unit) else None
    for place in places:
        if _is_stage(plan, begin, place, degrees[0]):
            rest = _search(plan, unit, places, degrees[1:], place)
            if rest is not None:
                return [place, *rest]
    return None


def _is_stage(plan: Plan, begin: int, end: int, degree: int) -> bool:
    stage = between(plan, begin, end) if end > begin else None
    return stage is not None and plan_degree(stage) == degree


def _is_last_stage(plan: Plan, begin: int, unit: int) -> bool:
    """Whether the result is of first degree at most in z, by its form."""
    rest = between(plan, begin, plan.output, unit)
    return rest is not None and plan_degree(rest, 1) <= 1


def _needed(plan: Plan, begin: int, end: int) -> list[int]:
    """Operations after `begin` that lead to `end`, ascending."""
    needed = {end}
    for index in range(end, begin, -1):
        if index in needed:
            _, left, right, _ = plan.operations[index]
            needed.update(used for used in (left, right) if used >= 0)
    return sorted(index for index in needed if index > begin)
