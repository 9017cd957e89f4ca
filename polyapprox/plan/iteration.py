# SPDX-License-Identifier: Apache-2.0
"""Plans that go on from a plan: a step of Newton's iteration, squarings.

A step behind y ≈ c x^(−1) or c x^(−1/2) uses x once more: its scaled copy, which the first plan makes
anyway, so that the scaling of the input stays the input's only use.
"""

from __future__ import annotations

import mpmath

from ..numbers import ZERO, dyadic, magnitude, negate
from .builder import PlanBuilder
from .count import input_scaling
from .plan import Plan


def appended(builder: PlanBuilder, plan: Plan, argument: int) -> tuple[int, int, mpmath.mpf | None]:
    """The operations of a plan of one argument; its result, and the scaled input with its constant.

    The constant is None where the plan scales nothing: the argument itself is returned.
    """
    folded, place = input_scaling(plan), placed(builder, plan, argument)
    if folded is None:
        return place[plan.output], argument, None
    return place[plan.output], place[folded], plan.operations[folded].constant


def placed(builder: PlanBuilder, plan: Plan, argument: int) -> list[int]:
    """Append the operations of a plan of one argument; where the value of each is."""
    place: list[int] = []
    for kind, left, right, constant in plan.operations:
        first = place[left] if kind != "input" else argument
        if kind == "input":
            place.append(argument)
        elif kind in ("multiply", "add", "subtract"):
            place.append(getattr(builder, kind)(first, place[right]))
        elif kind == "double":
            place.append(builder.double(first))
        else:
            value = ZERO if constant is None else constant
            place.append(getattr(builder, kind)(first, value))
    return place


def unscaled(plan: Plan) -> tuple[Plan, mpmath.mpf]:
    """The plan for an argument that is scaled already, and by what positive number it must be.

    What remains of the scaling is a factor of 1 or −1, which costs nothing.
    """
    place = input_scaling(plan)
    constant = None if place is None else plan.operations[place].constant
    if place is None or constant is None:
        return plan, mpmath.mpf(1)
    sign = dyadic(-1 if constant < 0 else 1, 0)
    operations = list(plan.operations)
    operations[place] = operations[place]._replace(constant=sign)
    builder = PlanBuilder()
    value, _, _ = appended(builder, Plan(tuple(operations), plan.output), builder.arguments[0])
    return builder.finish(value), magnitude(constant)


def newton_plan(plan: Plan, root: int, first: mpmath.mpf, second: mpmath.mpf) -> Plan:
    """y (a − b x y) for root 1, y (a − b x y²) for root 2: two or three products, two levels.

    Parameters
    ----------
    plan : Plan
        Of y.
    root : {1, 2}
        q of c x^(−1/q).
    first, second : mpmath.mpf
        a, and b as it multiplies the scaled input (x where nothing is scaled).

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> from polyapprox.plan import count
    >>> builder = PlanBuilder()
    >>> square = builder.multiply(builder.arguments[0], builder.arguments[0])
    >>> plan = builder.finish(builder.shift(square, exact(0.5)))
    >>> found = newton_plan(plan, 2, exact(1.5), exact(0.5))
    >>> y = 0.6**2 + 0.5
    >>> count(found).multiplications, abs(found.run(0.6) - y * (1.5 - 0.3 * y * y)) < 1e-15
    (4, True)
    """
    builder = PlanBuilder()
    value, unit, _ = appended(builder, plan, builder.arguments[0])
    if root == 1:
        product = builder.multiply(builder.scale(unit, negate(second)), value)
        return builder.finish(builder.multiply(value, builder.shift(product, first)))
    product = builder.multiply(builder.scale(unit, second), value)
    taken = builder.multiply(builder.multiply(value, value), product)
    return builder.finish(builder.subtract(builder.scale(value, first), taken))


def squared_plan(plan: Plan, times: int) -> Plan:
    """The result of a plan, squared so many times."""
    builder = PlanBuilder()
    value, _, _ = appended(builder, plan, builder.arguments[0])
    for _ in range(times):
        value = builder.multiply(value, value)
    return builder.finish(value)
