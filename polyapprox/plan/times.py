# SPDX-License-Identifier: Apache-2.0
"""v · p(x) with the product by v inside the plan of p, where that saves a level.

A product behind a plan of d levels is done at level d + 1. In a product of factors v may be multiplied
with the first factor instead, which is there early: v (C_0 + t_0) (C_1 + t_1) … takes as many levels as
the factors alone. Sums are multiplied term by term, and constants go to v, if it is there before x is.
"""

from __future__ import annotations

from collections.abc import Sequence

import mpmath

from ..numbers import ZERO, dyadic, multiply
from .builder import PlanBuilder
from .count import is_free, levels
from .iteration import placed
from .plan import Plan

_ONE = dyadic(1, 0)


def times_plan(plan: Plan, starts: Sequence[int] = (0, 0), factor: mpmath.mpf = _ONE) -> Plan:
    """The plan of factor · v · p(x), of the arguments x and v, in as few levels as this finds.

    Parameters
    ----------
    plan : Plan
        Of p, of one argument.
    starts : (int, int)
        Levels that x and v have used.
    factor : mpmath.mpf

    Returns
    -------
    Plan
        Of two arguments; the constants are exact products of those of `plan` and the factor.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> from polyapprox.plan.count import count
    >>> from polyapprox.plan.reciprocal import reciprocal_plan
    >>> from polyapprox.plan.iteration import unscaled
    >>> plan, scaling = unscaled(reciprocal_plan(exact(0.25), exact(1.0), 3, 53))
    >>> both = times_plan(plan)
    >>> count(plan).levels, count(both).levels, round(both.run(0.5 * float(scaling), 3.0), 1)
    (3, 3, 6.0)
    """
    return _Times(plan, starts).finish(factor)


class _Times:
    """Looks for the fewest levels first, then multiplies no deeper inside than they ask for."""

    def __init__(self, plan: Plan, starts: Sequence[int]) -> None:
        self.plan, self.start = plan, starts[1]
        self.builder = PlanBuilder(2)
        self.v = self.builder.arguments[1]
        self.place = placed(self.builder, plan, self.builder.arguments[0])
        self.level = levels(plan, starts=starts[:1])
        self.known: dict[tuple[int, mpmath.mpf], int] = {}

    def finish(self, factor: mpmath.mpf) -> Plan:
        """The plan."""
        out = self.plan.output
        return self.builder.finish(self.made(out, factor, self.least(out, factor)))

    def behind(self, node: int, factor: mpmath.mpf) -> int:
        """Level of the product of factor · v and an operation's value."""
        return max(self.level[node], self.scaled(factor)) + 1

    def scaled(self, factor: mpmath.mpf) -> int:
        """Level of factor · v."""
        return self.start + (not is_free(factor))

    def least(self, node: int, factor: mpmath.mpf) -> int:
        """Fewest levels of factor · v · (an operation's value)."""
        if (node, factor) not in self.known:
            self.known[node, factor] = min(self.behind(node, factor), self.inside(node, factor))
        return self.known[node, factor]

    def inside(self, node: int, factor: mpmath.mpf) -> int:
        """The same, with the product inside the operation."""
        kind, left, right, constant = self.plan.operations[node]
        if kind == "input":
            return self.behind(node, factor)
        if kind == "multiply":
            return min(max(self.least(a, factor), self.level[b]) + 1 for a, b in ((left, right), (right, left)))
        value = ZERO if constant is None else multiply(factor, constant)
        if kind == "scale":
            return self.least(left, value)
        second = self.scaled(value) if kind == "shift" else 0 if right < 0 else self.least(right, factor)
        return max(self.least(left, factor), second)

    def made(self, node: int, factor: mpmath.mpf, limit: int) -> int:
        """Operations that compute it within so many levels."""
        build = self.builder
        if self.behind(node, factor) <= limit:
            return build.multiply(build.scale(self.v, factor), self.place[node])
        kind, left, right, constant = self.plan.operations[node]
        if kind == "multiply":
            if max(self.least(left, factor), self.level[right]) >= limit:
                left, right = right, left
            return build.multiply(self.made(left, factor, limit - 1), self.place[right])
        value = ZERO if constant is None else multiply(factor, constant)
        if kind == "scale":
            return self.made(left, value, limit)
        first = self.made(left, factor, limit)
        if kind == "double":
            return build.double(first)
        second = build.scale(self.v, value) if kind == "shift" else self.made(right, factor, limit)
        return build.subtract(first, second) if kind == "subtract" else build.add(first, second)
