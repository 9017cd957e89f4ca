# SPDX-License-Identifier: Apache-2.0
"""From a plan back to coefficients: the plan run on Chebyshev series, exactly."""

from __future__ import annotations

from fractions import Fraction

import mpmath

from ..numbers import fraction, nearest_dyadic
from ..plan.plan import Plan
from ..polynomial import Polynomial

_BITS = 500


class _Series:
    """sum c_k T_k(u) with rational coefficients; ring operations are exact."""

    __slots__ = ("c",)

    def __init__(self, coefficients: list[Fraction]) -> None:
        self.c = coefficients

    def __add__(self, other: _Series | Fraction) -> _Series:
        if isinstance(other, Fraction):
            return _Series([self.c[0] + other, *self.c[1:]])
        long, short = (self.c, other.c) if len(self.c) >= len(other.c) else (other.c, self.c)
        return _Series([*(a + b for a, b in zip(long, short, strict=False)), *long[len(short) :]])

    def __sub__(self, other: _Series) -> _Series:
        return self + other * Fraction(-1)

    def __mul__(self, other: _Series | Fraction) -> _Series:
        if isinstance(other, Fraction):
            return _Series([c * other for c in self.c])
        total = [Fraction(0)] * (len(self.c) + len(other.c) - 1)
        for i, a in enumerate(self.c):
            if not a:
                continue
            for j, b in enumerate(other.c):
                if b:  # 2 T_i T_j = T_(i+j) + T_|i−j|
                    half = a * b / 2
                    total[i + j] += half
                    total[abs(i - j)] += half
        return _Series(total)


def expanded(plan: Plan, domain: tuple[mpmath.mpf, mpmath.mpf]) -> Polynomial:
    """The polynomial that a plan of one argument computes, on a domain.

    Parameters
    ----------
    plan : Plan
    domain : (mpmath.mpf, mpmath.mpf)
        Where the series is expanded.

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
    slope, shift = (fraction(number) for number in Polynomial((), domain).unit_map)
    x = _Series([-shift / slope, 1 / slope])
    result: list[Fraction] = plan.run(x, lift=fraction).c
    while len(result) > 1 and not result[-1]:
        result.pop()
    coefficients = tuple(nearest_dyadic(c, _BITS) for c in result)
    return Polynomial(coefficients, domain)
