# SPDX-License-Identifier: Apache-2.0
"""Powers to Chebyshev series, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import mpmath

from ..numbers import dyadic, exact, fraction
from ..polynomial import Polynomial
from .chain import with_parity

Interval = tuple[mpmath.mpf, mpmath.mpf]
UNIT: Interval = (dyadic(-1, 0), dyadic(1, 0))


def from_powers(coefficients: Sequence[mpmath.mpf], domain: Interval = UNIT) -> Polynomial:
    """sum a_k x^k as a Chebyshev series on a domain: exact, as (b − a)/2 is dyadic.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> [float(c) for c in from_powers([exact(c) for c in (0, 0, 1)]).coefficients]
    [0.5, 0.0, 0.5]
    """
    low, high = (fraction(end) for end in domain)
    half, middle = (high - low) / 2, (high + low) / 2
    total = [Fraction(0)]
    for coefficient in reversed(coefficients):  # Horner: total · (half · u + middle) + a_k
        shifted = [Fraction(0)] * (len(total) + 1)
        for k, c in enumerate(total):
            shifted[k] += c * middle
            if k == 0:
                shifted[1] += c * half
            else:  # u T_k = (T_(k+1) + T_(k−1))/2
                shifted[k + 1] += c * half / 2
                shifted[k - 1] += c * half / 2
        shifted[0] += fraction(coefficient)
        total = shifted
    while len(total) > 1 and not total[-1]:
        total.pop()
    return with_parity(Polynomial(tuple(exact(c) for c in total), domain))
