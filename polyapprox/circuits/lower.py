# SPDX-License-Identifier: Apache-2.0
"""Proven lower bounds of E_n(|x|): no polynomial of degree n comes nearer to |x| on [-1, 1].

For points 0 <= x_0 < x_1 < … < x_N <= 1, N = n/2 + 1, the divided difference in t = x²,

    L(f) = Σ w_i f(x_i),    w_i = 1 / Π_{j≠i} (x_i² − x_j²),

vanishes on every even polynomial of degree at most n, so that ‖|x| − p‖ >= |Σ w_i x_i| / Σ |w_i|
for every such p (de la Vallée Poussin), and for every polynomial of degree at most n, since the
even part of p errs no more. Any points give a bound; near the alternation points of the best
polynomial it is the error of approximation itself, but for a second-order gap. For |x| these
points lie at x_i = sin(π (i + s_i) / n) with shifts s_i that hardly depend on n.

Everything is computed in float64 with a bound of its rounding (see :func:`levelled_bound`).
"""

from __future__ import annotations

from functools import lru_cache

import mpmath
import numpy as np

from ..errors import ArgumentError
from ..numbers import exact
from ..outward import UNIT
from ..remez.problem import Goal
from ..remez.solve import solve_minimax
from ..targets import as_target

_ROWS = 512
_RENORMALISED = 256  # factors of at most 1 and at least 2^-3 or so between two rescalings
_SHIFTS = (1.0, 0.38303, 0.19119, 0.1197, 0.08546, 0.06597, 0.05356, 0.045)  # s_i + 1, i < 8
_TAIL = 0.3115  # of s_i + 1 = 0.3115 / i
HIGHEST = 1 << 15
COMPUTED = {  # by levelled_bound(alternation_points(n)), one to two minutes each
    1 << 16: 4.275046844114154e-06,
    1 << 17: 2.137523419409429e-06,
    1 << 18: 1.0687617072200138e-06,
}
_SOLVED = 256  # up to this degree the points of the best polynomial itself are used


def alternation_points(degree: int) -> np.ndarray:
    """Nearly the points of [0, 1] where the error of the best polynomial of |x| alternates.

    Parameters
    ----------
    degree : int
        Even.

    Returns
    -------
    numpy.ndarray, shape (degree/2 + 2,)
    """
    index = np.arange(degree // 2 + 2)
    shift = _TAIL / np.maximum(index, 1)
    known = min(len(_SHIFTS), len(shift))
    shift[:known] = _SHIFTS[:known]
    shift[1:] *= 1 - index[1:] / index[-1]
    points = np.sin(np.pi / degree * (index - 1 + shift))
    points[0], points[-1] = 0.0, 1.0
    return points


def levelled_bound(points: np.ndarray) -> float:
    """|L(|x|)| / ‖L‖ of the divided difference on these points, rounded down: a proven bound.

    Parameters
    ----------
    points : numpy.ndarray, shape (n/2 + 2,)
        Ascending floats of [0, 1].

    Returns
    -------
    float
        A lower bound of the error of every polynomial of degree at most n.

    Raises
    ------
    ArgumentError
        If the points do not ascend in [0, 1].

    Notes
    -----
    With N points, x_i² − x_j² = (x_i − x_j)(x_i + x_j) has three roundings and their product one
    more a factor, of at most 2^-53 each, so every |w_i| is known to 4N + 1 units; powers of two
    are taken out exactly. The sums add at most N units of Σ |w_i| x_i and of Σ |w_i|: together
    less than 8N units.

    Examples
    --------
    >>> levelled_bound(alternation_points(2)) <= 0.125
    True
    """
    if not (points[0] >= 0 and points[-1] <= 1 and np.all(np.diff(points) > 0)):
        raise ArgumentError("the points must ascend in [0, 1]")
    size = len(points)
    mantissa, exponent = _products(points)
    exponent -= np.min(exponent)
    weight = np.ldexp(1.0 / mantissa, np.maximum(-exponent, -1000))
    signs = 1.0 - 2.0 * (np.arange(size) % 2)
    units = 8 * size * UNIT
    numerator = abs(float(np.sum(signs * weight * points))) - units * float(np.sum(weight * points))
    denominator = float(np.sum(weight)) * (1 + units)
    return max(0.0, numerator / denominator * (1 - 1e-14))


def _products(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Π_{j≠i} |x_i² − x_j²| as mantissa and power of two."""
    size = len(points)
    mantissas, exponents = np.empty(size), np.empty(size, dtype=np.int64)
    for start in range(0, size, _ROWS):
        some = points[start : start + _ROWS]
        mantissa, exponent = np.ones(len(some)), np.zeros(len(some), dtype=np.int64)
        rows = np.arange(len(some))
        for first in range(0, size, _RENORMALISED):
            others = points[None, first : first + _RENORMALISED]
            factors = np.abs((some[:, None] - others) * (some[:, None] + others))
            own = start + rows - first
            inside = (own >= 0) & (own < factors.shape[1])
            factors[rows[inside], own[inside]] = 1.0
            parts, powers = np.frexp(factors)
            for column in range(0, parts.shape[1], 16):
                mantissa *= np.prod(parts[:, column : column + 16], axis=1)
                mantissa, power = np.frexp(mantissa)
                exponent += power
            exponent += np.sum(powers, axis=1)
        mantissas[start : start + _ROWS] = mantissa
        exponents[start : start + _ROWS] = exponent
    return mantissas, exponents


@lru_cache(maxsize=64)
def absolute_lower_bound(degree: int) -> mpmath.mpf:
    """Proven: no polynomial of that degree approximates |x| on [-1, 1] better.

    Parameters
    ----------
    degree : int
        From 1 to 2^15, and at 2^16, 2^17 and 2^18, by alternation points; beyond, the bound that
        S. Bernstein proved for all n, (√2 − 1) / (4 (2n − 1)) at degree 2n (Acta Math. 37 (1913),
        1), which is 1.4 bits weaker.

    Examples
    --------
    >>> 0.0087499 < float(absolute_lower_bound(32)) < 0.00875
    True
    """
    if degree < 1:
        raise ArgumentError(f"degree must be at least 1; got {degree}")
    even = max(2, degree - degree % 2)
    if even == 2:
        return exact(0.125) if degree > 1 else exact(0.5)
    if even <= _SOLVED:
        found = solve_minimax(Goal(as_target("abs"), ((-1.0, 1.0),), parity="even"), even)
        return exact(levelled_bound(np.array([float(x) for x in found.reference])))
    if even <= HIGHEST:
        return exact(levelled_bound(alternation_points(even)))
    if even in COMPUTED:
        return exact(COMPUTED[even])
    return exact(0.10355339 / (even - 1))  # (√2 − 1) / 4 = 0.103553390…
