# SPDX-License-Identifier: Apache-2.0
"""Derivatives of a plan's result with respect to each of its operations: one pass backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath

from .plan import Plan


def backward(
    plan: Plan,
    values: Sequence[Any],
    one: Any,
    lift: Callable[[mpmath.mpf], Any],
    made: Callable[[int, Any], Any],
) -> None:
    """Go through the operations from the result to the arguments (reverse differentiation).

    Parameters
    ----------
    plan : Plan
    values : sequence
        Of the operations, from :meth:`Plan.values`.
    one : object
        The derivative of the result with respect to itself.
    lift : callable
        Turns exact constants into numbers of that arithmetic.
    made : callable
        Called with the index of each operation that leads to the result and the derivative of the
        result with respect to it; what it returns is passed on to its operands.

    Examples
    --------
    >>> from polyapprox.plan import PlanBuilder
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> plan, found = builder.finish(builder.multiply(x, x)), {}
    >>> backward(plan, plan.values(3.0), 1.0, float, lambda i, slope: found.setdefault(i, slope))
    >>> found
    {1: 1.0, 0: 6.0}
    """
    waiting: list[Any] = [None] * len(plan.operations)

    def receive(index: int, amount: Any) -> None:
        waiting[index] = amount if waiting[index] is None else waiting[index] + amount

    receive(plan.output, one)
    for index in range(len(plan.operations) - 1, -1, -1):
        kind, left, right, constant = plan.operations[index]
        if waiting[index] is None:
            continue
        here = made(index, waiting[index])
        waiting[index] = None
        if kind == "multiply":
            receive(left, here * values[right])
            receive(right, here * values[left])
        elif kind == "scale" and constant is not None:
            receive(left, here * lift(constant))
        elif kind == "double":
            receive(left, here * 2.0)
        elif kind != "input":
            receive(left, here)
            if kind == "add":
                receive(right, here)
            elif kind == "subtract":
                receive(right, here * -1.0)
