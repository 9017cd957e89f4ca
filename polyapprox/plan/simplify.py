# SPDX-License-Identifier: Apache-2.0
"""A plan of the same polynomial with fewer operations: constants merged, equal values shared."""

from __future__ import annotations

import mpmath

from ..numbers import ZERO, dyadic, multiply
from .builder import PlanBuilder
from .plan import Operation, Plan

_ONE = dyadic(1, 0)


def simplify(plan: Plan) -> Plan:
    """Simplify a plan; what it computes stays the same polynomial, exactly.

    * A product with a constant goes into the constants of the sum or the product before it, where
      all of its parts have one: it then uses no level of its own.
    * Sums with a multiple by 0 or −1 become the other part, or a difference.
    * Equal operations are shared; what the result does not need is left out.

    Neither multiplications, nor products with constants, nor levels become more under either rule
    of counting; the scaling of an argument stays an operation of its own.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> from polyapprox.plan import PlanBuilder, count
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> square = builder.multiply(x, x)
    >>> series = builder.shift(builder.scale(square, exact(0.3)), exact(0.25))
    >>> plan = builder.finish(builder.scale(series, exact(0.75)))
    >>> count(plan).levels, count(simplify(plan)).levels, abs(simplify(plan).run(1.0) - 0.4125) < 1e-15
    (3, 2, True)
    """
    return _Pass(plan).result()


class _Pass:
    def __init__(self, plan: Plan) -> None:
        self.plan, self.builder = plan, PlanBuilder(plan.inputs)
        self.uses = [0] * len(plan.operations)
        self.uses[plan.output] = 1
        for operation in plan.operations:
            if operation.kind != "input":
                for used in (operation.left, operation.right):
                    if used >= 0:
                        self.uses[used] += 1
        self.absorbs = [self._absorbs(operation) for operation in plan.operations]
        self.made: list[int] = []

    def _absorbs(self, operation: Operation) -> bool:
        """Whether a factor can enter the constants that an operation has already."""
        kind, left, right, _ = operation
        if kind == "scale":
            return self.plan.operations[left].kind != "input"
        if kind in ("shift", "double"):
            return self._alone(left)
        if kind in ("add", "subtract"):
            return left != right and self._alone(left) and self._alone(right)
        if kind == "multiply":
            return left != right and (self._alone(left) or self._alone(right))
        return False

    def _alone(self, index: int) -> bool:
        return self.uses[index] == 1 and self._absorbs(self.plan.operations[index])

    def result(self) -> Plan:
        for index in range(len(self.plan.operations)):
            self.made.append(self._made(index))
        return self.builder.finish(self.made[self.plan.output])

    def _made(self, index: int) -> int:
        kind, left, right, constant = self.plan.operations[index]
        if kind == "input":
            return self.builder.arguments[left]
        if kind == "scale":
            return self._scaled(left, _given(constant))
        if kind == "shift":
            return self.builder.shift(self.made[left], _given(constant))
        if kind == "double":
            return self.builder.double(self.made[left])
        if kind == "multiply":
            return self.builder.multiply(self.made[left], self.made[right])
        return self._sum(kind, self.made[left], self.made[right])

    def _scaled(self, index: int, factor: mpmath.mpf) -> int:
        """The value times a constant, by the constants behind it where that is possible."""
        if factor == _ONE or not self._alone(index):
            return self.builder.scale(self.made[index], factor)
        kind, left, right, constant = self.plan.operations[index]
        if kind == "scale":
            return self._scaled(left, multiply(_given(constant), factor))
        if kind == "shift":
            return self.builder.shift(self._scaled(left, factor), multiply(_given(constant), factor))
        if kind == "double":
            return self.builder.double(self._scaled(left, factor))
        if kind == "multiply":
            if not self._alone(left):
                left, right = right, left
            return self.builder.multiply(self._scaled(left, factor), self.made[right])
        return self._sum(kind, self._scaled(left, factor), self._scaled(right, factor))

    def _sum(self, kind: str, left: int, right: int) -> int:
        builder = self.builder
        if left == right:
            return builder.double(left) if kind == "add" else builder.subtract(left, right)
        first, second = builder.operations[left], builder.operations[right]
        if second.kind == "scale" and second.constant == ZERO:
            return left
        if kind == "add":
            if first.kind == "scale" and first.constant == ZERO:
                return right
            if second.kind == "scale" and second.constant == -_ONE:
                return builder.subtract(left, second.left)
            if first.kind == "scale" and first.constant == -_ONE:
                return builder.subtract(right, first.left)
            return builder.add(left, right)
        if second.kind == "scale" and second.constant == -_ONE:
            return builder.add(left, second.left)
        return builder.subtract(left, right)


def _given(constant: mpmath.mpf | None) -> mpmath.mpf:
    return ZERO if constant is None else constant
