"""Plans of two arguments: that they compute (a + b)/2 plus a function of a − b, proven.

With a = (s + d)/2 and b = (s − d)/2 every value of the plan is written as β s + g(d): exactly, as
sums, differences and multiples of such values are, and products of values with β = 0. If β is 1/2
at the end, the error of a maximum or minimum is a function of d = a − b alone, and may be studied
along b = 0.
"""

from __future__ import annotations

import mpmath

from ..errors import ProofError
from ..numbers import ZERO, add, dyadic, multiply, negate
from ..plan.plan import Operation, Plan

_HALF = dyadic(1, -1)


def check_two_arguments(plan: Plan) -> None:
    """Check that a plan is half the sum of its arguments plus a function of their difference.

    Raises
    ------
    ProofError
        If it is not, or it cannot be told.
    """
    shares: list[mpmath.mpf | None] = []
    for operation in plan.operations:
        shares.append(_share(operation, shares))
    if shares[plan.output] != _HALF:
        raise ProofError(
            "the plan is not half the sum of its two arguments plus a function of their difference"
        )


def _share(operation: Operation, shares: list[mpmath.mpf | None]) -> mpmath.mpf | None:
    """β of an operation; None where the value is not of this form."""
    kind, left, right, constant = operation
    if kind == "input":
        return _HALF
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
    if kind == "double":
        return add(first, first)
    return add(first, second)
