# SPDX-License-Identifier: Apache-2.0
"""Polynomials as Chebyshev series with balls for coefficients: the ring that plans run on.

Powers of x lose as many bits as the degree has; these coefficients are at most as large as the
polynomial itself, so a plan of degree 2^14 is expanded with a few hundred bits.
"""

from __future__ import annotations

from typing import Any

import mpmath
from flint import arb, arb_poly

from ..numbers import ball

_HALF = arb((1, -1))


class ChebyshevForm:
    """sum c_k T_k(u); `terms` holds c_k as the coefficient of the power k.

    Examples
    --------
    >>> u = ChebyshevForm(arb_poly([0, 1]))
    >>> [float(c) for c in (u * u * u).terms.coeffs()]
    [0.0, 0.75, 0.0, 0.25]
    """

    __slots__ = ("terms",)

    def __init__(self, terms: arb_poly) -> None:
        self.terms = terms

    @classmethod
    def argument(cls, low: mpmath.mpf, high: mpmath.mpf) -> ChebyshevForm:
        """x itself, u running over [-1, 1] as x runs over [low, high]."""
        a, b = ball(low), ball(high)
        return cls(arb_poly([(a + b) / 2, (b - a) / 2]))

    def __add__(self, other: Any) -> ChebyshevForm:
        return ChebyshevForm(self.terms + _terms(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> ChebyshevForm:
        return ChebyshevForm(self.terms - _terms(other))

    def __mul__(self, other: Any) -> ChebyshevForm:
        """2 T_i T_j = T_(i+j) + T_|i−j|."""
        if not isinstance(other, ChebyshevForm):
            return ChebyshevForm(self.terms * other)
        a, b = self.terms, other.terms
        if a.degree() < 0 or b.degree() < 0:
            return ChebyshevForm(arb_poly([]))
        last = b.degree()
        turned = a * arb_poly([b[last - k] for k in range(last + 1)])  # of T_(i−j), at i − j + last
        size = a.degree() + last
        down = [turned[last + k] for k in range(max(a.degree(), 0) + 1)]
        for k in range(1, last + 1):
            value = turned[last - k]
            down += [arb(0)] * (k + 1 - len(down))
            down[k] = down[k] + value
        return ChebyshevForm((a * b + arb_poly(down[: size + 1])) * _HALF)

    __rmul__ = __mul__

    def size(self) -> arb:
        """Sum of all absolute values, an upper bound on [-1, 1]."""
        return sum((abs(c) for c in self.terms.coeffs()), arb(0)).upper()


def _terms(other: Any) -> arb_poly:
    return other.terms if isinstance(other, ChebyshevForm) else arb_poly([other])
