"""The degree of what a plan computes, as a polynomial in its arguments (an upper bound)."""

from __future__ import annotations

from .plan import Plan


def plan_degree(plan: Plan) -> int:
    """Degree of the result: products add degrees, sums keep the larger one.

    Examples
    --------
    >>> from polyapprox.plan import PlanBuilder
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> square = builder.multiply(x, x)
    >>> plan_degree(builder.finish(builder.multiply(square, builder.add(square, x))))
    4
    """
    degrees: list[int] = []
    for kind, left, right, _ in plan.operations:
        if kind == "input":
            degrees.append(1)
        elif kind == "multiply":
            degrees.append(degrees[left] + degrees[right])
        else:
            degrees.append(max(degrees[left], degrees[right] if right >= 0 else 0))
    return degrees[plan.output]
