# SPDX-License-Identifier: Apache-2.0
"""1/x on [a, b] in the fewest levels: Chebyshev's polynomials by squaring.

Of all polynomials q of degree n − 1 the least relative error of 1/x on [a, b] has

    1 − x q(x) = T_n(l(x)) / T_n(l(0)),     l(x) = (a + b − 2x) / (b − a),

because no polynomial of degree n that is 1 at 0 is smaller on [a, b]. For n = 2^d, T_n is T_2
composed with itself: with t_0 = l, t_(k+1) = 2 t_k² − 1 and C_k = T_(2^k)(l(0)),

    q = 2^(d+1) / ((b − a) C_d) · (C_0 + t_0) (C_1 + t_1) … (C_(d−1) + t_(d−1)),

in d levels and 2 (d − 1) multiplications: Goldschmidt's iteration, relaxed as well as possible.
The constant in front is spread over the nodes, σ_k t_k with σ_(k+1) = σ_k², so that it costs no
level.
"""

from __future__ import annotations

import mpmath
from flint import arb

from ..numbers import ball, exact, negate, rounded
from ..precision import working_precision
from .builder import PlanBuilder
from .plan import Plan

_GUARD_BITS = 64


def growth(low: mpmath.mpf, high: mpmath.mpf, steps: int) -> arb:
    """T_n(l(0)) for n = 2^steps, whose inverse is the least relative error (current precision)."""
    a, b = ball(low), ball(high)
    value = (a + b) / (b - a)
    for _ in range(steps):
        value = 2 * value * value - 1
    return value


def reciprocal_plan(low: mpmath.mpf, high: mpmath.mpf, steps: int, bits: int) -> Plan:
    """The operations that compute q.

    Parameters
    ----------
    low, high : mpmath.mpf
        0 < low < high.
    steps : int
        d, the levels; from 1 on.
    bits : int
        Of the constants, beyond those that the interval and the levels take.

    Examples
    --------
    >>> plan = reciprocal_plan(exact(0.25), exact(1.0), 3, 53)
    >>> from polyapprox.plan import count
    >>> count(plan).levels, count(plan).multiplications, round(float(plan.run(0.5)), 2)
    (3, 4, 2.0)
    """
    held = bits + steps + _GUARD_BITS
    with working_precision(held + 2 * _GUARD_BITS):
        a, b = ball(low), ball(high)
        grown = [growth(low, high, k) for k in range(steps + 1)]
        wanted = arb(2) ** (steps + 1) / ((b - a) * grown[steps])
        size = wanted ** (arb(1) / (2**steps - 1))
        builder = PlanBuilder()
        node = builder.scale(builder.arguments[0], rounded(exact(-2 * size / (b - a)), held))
        node = builder.shift(node, rounded(exact(size * grown[0]), held))
        product = builder.shift(node, rounded(exact(size * grown[0]), held))
        for k in range(1, steps):
            size = size * size
            square = builder.double(builder.multiply(node, node))
            node = builder.shift(square, negate(rounded(exact(size), held)))
            factor = builder.shift(node, rounded(exact(size * grown[k]), held))
            product = builder.multiply(product, factor)
    return builder.finish(product)
