# SPDX-License-Identifier: Apache-2.0
"""From a plan back to coefficients: the plan run on Chebyshev series, exactly or in balls."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
from flint import arb_poly, fmpq, fmpq_poly

from ..numbers import ball, fraction, nearest_dyadic, rounded
from ..plan.plan import Plan
from ..polynomial import Polynomial
from ..precision import working_precision

_BITS = 500
_WORKING = 8192  # far more than is kept


class _Series:
    """sum c_k T_k(u), its coefficients those of x^k in `c`, a polynomial over rationals or balls."""

    __slots__ = ("c",)

    def __init__(self, coefficients: Any) -> None:
        self.c = coefficients

    def __add__(self, other: Any) -> _Series:
        return _Series(self.c + (other.c if isinstance(other, _Series) else other))

    def __sub__(self, other: _Series) -> _Series:
        return _Series(self.c - other.c)

    def __mul__(self, other: Any) -> _Series:
        """2 T_i T_j = T_(i+j) + T_|i−j|."""
        if not isinstance(other, _Series):
            return _Series(self.c * other)
        kind, last = type(self.c), max(other.c.degree(), 0)
        across = (self.c * kind(other.c.coeffs()[::-1])).coeffs()  # at i − j + last
        folded = across[last:] + [0] * (2 * last + 1 - len(across))
        for distance, coefficient in enumerate(across[:last][::-1], start=1):
            folded[distance] += coefficient
        return _Series((self.c * other.c + kind(folded)) * kind([fmpq(1, 2)]))


def _rational(value: mpmath.mpf) -> fmpq:
    found = fraction(value)
    return fmpq(found.numerator, found.denominator)


def _middle(value: Any) -> Fraction:
    """A rational, or the middle of a ball; 0 where nothing else is known of it."""
    if isinstance(value, fmpq):
        return Fraction(int(value.p), int(value.q))
    if 0 in value:
        return Fraction(0)
    mantissa, exponent = value.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def expanded(plan: Plan, domain: tuple[mpmath.mpf, mpmath.mpf], exactly: bool = True) -> Polynomial:
    """The polynomial that a plan of one argument computes, on a domain.

    Parameters
    ----------
    plan : Plan
    domain : (mpmath.mpf, mpmath.mpf)
        Where the series is expanded.
    exactly : bool
        In rational numbers, whose length grows with the degree: minutes at 512. Else in balls, each
        coefficient to 500 bits.

    Returns
    -------
    Polynomial
        Exact on [-1, 1] and wherever the coefficients are dyadic, else to 500 bits.

    Examples
    --------
    >>> from polyapprox.recipes.plans import polynomial_plan
    >>> p = Polynomial.from_floats([0.5, 0.25, 0, 3])
    >>> expanded(polynomial_plan(p), p.domain).coefficients == p.coefficients
    True
    """
    lift: Callable[[mpmath.mpf], Any] = _rational if exactly else ball
    with working_precision(_WORKING):
        slope, shift = map(lift, Polynomial((), domain).unit_map)
        x = _Series((fmpq_poly if exactly else arb_poly)([-shift / slope, 1 / slope]))
        result = [_middle(one) for one in plan.run(x, lift=lift).c.coeffs()]
    while result and not result[-1]:
        result.pop()
    keep = nearest_dyadic if exactly else rounded
    return Polynomial(tuple(keep(one, _BITS) for one in result or [Fraction(0)]), domain)
