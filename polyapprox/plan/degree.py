# SPDX-License-Identifier: Apache-2.0
"""The degree of what a plan computes, as a polynomial in its arguments (an upper bound)."""

from __future__ import annotations

from .plan import Plan


class _Degree:
    """Products add degrees, sums keep the larger one."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value

    def __mul__(self, other: _Degree) -> _Degree:
        return _Degree(self.value + other.value) if other.value else self

    def __add__(self, other: _Degree) -> _Degree:
        return self if self.value >= other.value else other

    __sub__ = __add__


_NONE = _Degree(0)


def plan_degree(plan: Plan, argument: int | None = None) -> int:
    """Degree of the result, in all arguments together or in one of them.

    Parameters
    ----------
    plan : Plan
    argument : int, optional
        Number of the one argument.

    Examples
    --------
    >>> from polyapprox.plan import PlanBuilder
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> square = builder.multiply(x, x)
    >>> plan_degree(builder.finish(builder.multiply(square, builder.add(square, x))))
    4
    """
    degrees = [_Degree(argument is None or argument == index) for index in range(plan.inputs)]
    found: _Degree = plan.run(*degrees, lift=lambda constant: _NONE)
    return int(found.value)
