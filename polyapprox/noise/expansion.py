# SPDX-License-Identifier: Apache-2.0
"""A plan of one polynomial expanded into Chebyshev coefficients.

The plan is run on balls at the Chebyshev points of the domain, and the values are transformed
as an interpolating polynomial of the plan's degree: nothing is lost but what comes after the
first 500 bits and eight more a degree, beyond the reach of the check that plan and components
agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import mpmath
from flint import arb, fmpq

from ..errors import ProofError
from ..numbers import ZERO, ball, exact, rounded
from ..plan.degree import plan_degree
from ..plan.plan import Plan
from ..polynomial import Polynomial
from ..precision import working_precision

_BITS = 500
_BITS_PER_DEGREE = 8
_LARGEST_DEGREE = 1000
_NOTHING = -470  # coefficients below 2^this, relatively, are what rounding leaves of zero


def expanded(plan: Plan, like: Polynomial) -> Polynomial:
    """The polynomial that a plan computes, on the domain and of the parity of another.

    Parameters
    ----------
    plan : Plan
        Of one argument, of degree up to 1000.
    like : Polynomial
        Gives domain and parity.

    Raises
    ------
    ProofError
        If the degree is too large, or the plan does not have the parity.

    Examples
    --------
    >>> from polyapprox import minimax
    >>> p = minimax("exp", 5)
    >>> again = expanded(p.plan, p.components[0])
    >>> max(abs(a - b) for a, b in zip(again.coefficients, p.components[0].coefficients)) < 1e-80
    True
    """
    slope, shift = like.unit_map

    def on_unit(u: arb) -> arb:
        return cast("arb", plan.run((u - ball(shift)) / ball(slope)))

    return interpolated(on_unit, plan_degree(plan), like)


def interpolated(
    function: Callable[[arb], arb], degree: int, like: Polynomial, room: int = 0
) -> Polynomial:
    """The polynomial of that degree which a function of u in [-1, 1] is.

    Parameters
    ----------
    function : callable
        On balls.
    degree : int
        Up to 1000.
    like : Polynomial
        Gives domain and parity.
    room : int
        Bits of the coefficients beyond those that the degree itself asks for.

    Raises
    ------
    ProofError
        If the degree is too large, or the function does not have the parity.
    """
    if degree > _LARGEST_DEGREE:
        raise ProofError(
            f"a rounded plan of degree {degree} is not expanded; the most is {_LARGEST_DEGREE}"
        )
    bits = _BITS + _BITS_PER_DEGREE * degree + room
    with working_precision(2 * bits):
        values = _coefficients(function, degree)
    return _polynomial(values, like, bits)


def _coefficients(function: Callable[[arb], arb], degree: int) -> list[arb]:
    """Chebyshev coefficients of a polynomial of that degree, from its values at degree + 1 points."""
    size = degree + 1
    cosines = [arb.cos_pi(arb(fmpq(k, 2 * size))) for k in range(4 * size)]
    samples = [function(cosines[2 * k + 1]) for k in range(size)]
    result = []
    for j in range(size):
        total = arb(0)
        for k, sample in enumerate(samples):
            total += sample * cosines[j * (2 * k + 1) % (4 * size)]
        result.append(total * (1 if j == 0 else 2) / size)
    return result


def _polynomial(values: list[arb], like: Polynomial, bits: int) -> Polynomial:
    coefficients = [rounded(exact(value), bits) for value in values]
    tiny = max(abs(c) for c in coefficients) * mpmath.mpf(2) ** _NOTHING
    coefficients = [c if abs(c) > tiny else ZERO for c in coefficients]
    if like.parity is not None and any(coefficients[int(like.parity == "even") :: 2]):
        raise ProofError(f"the rounded plan is not {like.parity} any more")
    while len(coefficients) > 1 and not coefficients[-1]:
        coefficients.pop()
    return Polynomial(tuple(coefficients), like.domain, like.parity)
