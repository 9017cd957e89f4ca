# SPDX-License-Identifier: Apache-2.0
"""Constants of a plan rounded to multiples of 2^-s, as an encrypted evaluation holds them.

A framework multiplies a ciphertext by the integer nearest to constant · 2^s, and adds constants
the same way: the constants of `scale` and `shift` are rounded, integers stay what they are.
Where the real scale is not exactly a power of two (OpenFHE's FLEXIBLEAUTO, Lattigo) the integer
differs, and so does the error of rounding, by no more than half a unit in either case.
"""

from __future__ import annotations

from fractions import Fraction

import mpmath

from ..errors import ArgumentError
from ..given import instance, is_whole, shown
from ..numbers import dyadic, fraction
from ..plan.plan import Operation, Plan
from ..precision import one_at_a_time

_SCALES = (8, 200)
_MINUS_ONE = dyadic(-1, 0)


def rounded_to_scale(constant: mpmath.mpf, scale_bits: int) -> mpmath.mpf:
    """The multiple of 2^-scale_bits nearest to a constant (ties to even), exactly.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> float(rounded_to_scale(exact(0.3), 4))
    0.3125
    """
    return dyadic(round(fraction(constant) * 2**scale_bits), -scale_bits)


def rounding_errors(plan: Plan, scale_bits: int) -> dict[int, Fraction]:
    """For each operation whose constant is rounded: the rounded constant minus the exact one."""
    errors = {}
    for index, operation in enumerate(plan.operations):
        if operation.constant is not None:
            rounded = rounded_to_scale(operation.constant, scale_bits)
            gap = fraction(rounded) - fraction(operation.constant)
            if gap:
                errors[index] = gap
    return errors


@one_at_a_time
def quantised_plan(plan: Plan, scale_bits: int) -> Plan:
    """The plan with rounded constants; products with constants that vanish are taken out.

    Parameters
    ----------
    plan : Plan
    scale_bits : int
        s: log2 of the scale, from 8 to 200.

    Returns
    -------
    Plan
        The operations of `plan` in their order.

    Raises
    ------
    ArgumentError
        If scale_bits is out of range, or nothing is left of the plan.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> plan = circuit("relu", multiplications=3).plan
    >>> rounded = quantised_plan(plan, 30)
    >>> len(rounded.operations) == len(plan.operations), rounded.digest == plan.digest
    (True, False)
    """
    instance("plan", plan, Plan, "a Plan, such as approximation.plan")
    if not is_whole(scale_bits):
        raise ArgumentError(f"scale_bits={shown(scale_bits)} must be a whole number")
    if not _SCALES[0] <= scale_bits <= _SCALES[1]:
        raise ArgumentError(f"scale_bits={shown(scale_bits)} must be from {_SCALES[0]} to {_SCALES[1]}")
    return _Rounding(plan, int(scale_bits)).result()


class _Rounding:
    """Copies operations; an operation whose value is zero has the place None."""

    def __init__(self, plan: Plan, scale_bits: int) -> None:
        self.plan, self.scale_bits = plan, scale_bits
        self.kept: list[Operation] = []
        self.place: list[int | None] = []

    def result(self) -> Plan:
        for operation in self.plan.operations:
            self.place.append(self._copy(operation))
        output = self.place[self.plan.output]
        if output is None:
            raise ArgumentError(
                f"scale_bits={self.scale_bits} rounds the whole plan to zero; use a larger scale"
            )
        return Plan(tuple(self.kept), output, self.plan.inputs)

    def _copy(self, operation: Operation) -> int | None:
        kind, left, right, constant = operation
        if kind == "input":
            return self._keep(operation)
        first = self.place[left]
        second = self.place[right] if right >= 0 else None
        if constant is not None:
            return self._with_constant(operation, first, constant)
        if right < 0:
            return None if first is None else self._keep(Operation(kind, first))
        if first is not None and second is not None:
            return self._keep(Operation(kind, first, second))
        if kind == "multiply":
            return None
        if kind == "subtract" and second is not None:
            return self._keep(Operation("scale", second, -1, _MINUS_ONE))
        return first if first is not None else second

    def _with_constant(
        self, operation: Operation, first: int | None, constant: mpmath.mpf
    ) -> int | None:
        rounded = rounded_to_scale(constant, self.scale_bits)
        if not rounded:
            return None if operation.kind == "scale" else first
        if first is None:
            if operation.kind == "scale":
                return None
            zero = self._keep(Operation("subtract", 0, 0))  # a constant needs a ciphertext
            return self._keep(Operation("shift", zero, -1, rounded))
        return self._keep(Operation(operation.kind, first, -1, rounded))

    def _keep(self, operation: Operation) -> int:
        self.kept.append(operation)
        return len(self.kept) - 1
