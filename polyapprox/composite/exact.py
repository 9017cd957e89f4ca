# SPDX-License-Identifier: Apache-2.0
"""One stage in ball arithmetic: the double-precision solution polished to any number of bits."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from flint import arb, arb_mat, arb_poly

from ..errors import NotConvergedError
from ..numbers import log2
from ..precision import working_precision
from .stage import _integrals, critical_points

MAX_STEPS = 400


def polished_stage(degree: int, low: arb, bits: int) -> tuple[list[arb], arb]:
    """Chebyshev coefficients and error of the minimax odd polynomial for 1 on [low, 1].

    Parameters
    ----------
    degree : int
        Odd degree.
    low : arb
        Left end, between 0 and 1.
    bits : int
        Wanted precision, absolute for the coefficients and relative for the error.

    Returns
    -------
    coefficients : list of arb, length (degree + 1)/2
        Of T_1, T_3, …, T_degree, midpoints only: not enclosures.
    error : arb
        E, a midpoint.

    Raises
    ------
    NotConvergedError
        If the polishing does not reach the precision.

    Examples
    --------
    >>> coefficients, error = polished_stage(3, arb(0.5), 200)
    >>> round(float(error), 6)
    0.085955
    """
    low = low.mid()
    if degree == 1:
        return [2 / (1 + low)], (1 - low) / (1 + low)
    start = _double_start(degree, low)
    lost = max(0, math.ceil(-log2(start[1]))) if start[1] else 1100
    with working_precision(bits + lost + 6 * degree + 64):
        roots = [low + (1 - low) * arb(r) for r in start[0]]
        return _polish(degree, low, roots, bits)


def _double_start(degree: int, low: arb) -> tuple[np.ndarray, float]:
    with working_precision(600):
        gap = float(((1 - low) / low).log().mid())
    rho = critical_points(degree, np.array([gap]))[0]
    n = len(rho)
    size = -(n + 1) * float(np.logaddexp(0, -gap)) - 2 * n
    return rho, math.exp(size) if size > -700 else 0.0


def _polish(degree: int, low: arb, roots: list[arb], bits: int) -> tuple[list[arb], arb]:
    width = 1 - low
    rho = np.array([[float(((r - low) / width).mid()) for r in roots]])
    jacobian = np.diff(
        _integrals(rho, np.array([float(low)]), np.array([float(width)]))[1], axis=1
    )[0]
    inverse = np.linalg.inv(jacobian)
    for _ in range(MAX_STEPS):
        primitive = _primitive(roots)
        values = [_odd_value(primitive, x) for x in [low, *roots, arb(1)]]
        swings = [abs((b - a).mid()) for a, b in pairwise(values)]
        mismatch = [((b - a) / a).mid() for a, b in pairwise(swings)]
        largest = max((abs(m) for m in mismatch), default=arb(0))
        if not largest.is_finite():
            break  # the points have met
        if largest < arb(2) ** (-bits - 8):
            return _finished(degree, primitive, values[0], swings)
        scale = arb(2) ** math.floor(log2(largest))
        scaled = np.array([float(m / scale) for m in mismatch])
        for index, move in enumerate(-inverse @ scaled):
            roots[index] = (roots[index] + width * scale * arb(float(move))).mid()
    raise NotConvergedError(
        f"the stage of degree {degree} could not be polished to {bits} bits: ask for fewer bits"
    )


def _primitive(roots: list[arb]) -> arb_poly:
    """q with x·q(x²) the integral of prod (s² − r²), midpoints only."""
    squares = [(r * r).mid() for r in roots]
    product = arb_poly([1])
    for square in squares:
        product *= arb_poly([-square, 1])
    return arb_poly([(product[i] / (2 * i + 1)).mid() for i in range(len(roots) + 1)])


def _odd_value(q: arb_poly, x: arb) -> arb:
    return (x * q((x * x).mid())).mid()


def _finished(degree: int, q: arb_poly, first: arb, swings: list[arb]) -> tuple[list[arb], arb]:
    half = sum(swings[1:], swings[0]) / (2 * len(swings))
    sign = 1 if first > 0 else -1
    level = abs(first) + half
    powers = [(sign * q[i] / level).mid() for i in range(degree // 2 + 1)]
    return odd_chebyshev(powers), (half / level).mid()


def odd_chebyshev(powers: list[arb]) -> list[arb]:
    """Coefficients of T_1, T_3, … from those of u, u³, …, midpoints only."""
    column = _odd_powers_to_chebyshev(2 * len(powers) - 1) * arb_mat([[p] for p in powers])
    return [column[i, 0].mid() for i in range(len(powers))]


def odd_powers(coefficients: list[arb]) -> list[arb]:
    """Coefficients of u, u³, … from those of T_1, T_3, …, midpoints only."""
    twice = arb_poly([-2, 0, 4])
    before, current = arb_poly([0, 1]), arb_poly([0, -3, 0, 4])
    total = before * coefficients[0]
    for coefficient in coefficients[1:]:
        total += current * coefficient
        before, current = current, twice * current - before
    return [total[k].mid() for k in range(1, 2 * len(coefficients), 2)]


@lru_cache(maxsize=64)
def _odd_powers_to_chebyshev(degree: int) -> arb_mat:
    """Matrix from coefficients of u, u³, … to those of T_1, T_3, …

    u^n = 2^(1−n) · sum_k binom(n, k) T_(n−2k).
    """
    odd = range(1, degree + 1, 2)
    return arb_mat(
        [[arb((math.comb(n, (n - k) // 2), 1 - n)) if n >= k else arb(0) for n in odd] for k in odd]
    )
