# SPDX-License-Identifier: Apache-2.0
"""From the reduced polynomial q to Chebyshev coefficients in x, rounded."""

from __future__ import annotations

from functools import lru_cache

from flint import arb, arb_mat

from ..numbers import ZERO, ball, exact, rounded
from ..polynomial import Parity, Polynomial
from .polish import BallTrial


@lru_cache(maxsize=64)
def _power_to_chebyshev(degree: int, step: int, first: int) -> arb_mat:
    """Matrix that takes coefficients of u^first, u^(first+step)… to those of T_first, …

    u^n = 2^(1−n) · sum_k binom(n, k) T_(n−2k), the T_0 term halved.
    """
    powers = range(first, degree + 1, step)
    rows = [[arb(0)] * len(powers) for _ in powers]
    for column, n in enumerate(powers):
        binomial = 1
        for k in range(n // 2 + 1):
            if k:
                binomial = binomial * (n - k + 1) // k
            index = n - 2 * k
            rows[(index - first) // step][column] = arb((binomial, (1 if index else 0) - n))
    return arb_mat(rows)


def chebyshev_coefficients(trial: BallTrial) -> list[arb]:
    """Chebyshev coefficients in u, all powers, as balls in the current precision."""
    problem = trial.problem
    q = [trial.q[k] for k in range(problem.degree + 1)]
    if problem.reduction in ("plain", "sqrt"):
        return _apply(_power_to_chebyshev(problem.degree, 1, 0), q)
    first = 1 if problem.reduction == "odd" else 0
    if first:
        slope = ball(problem.unit_map[0])
        q = [c / slope for c in q]
    degree = 2 * problem.degree + first
    compact = _apply(_power_to_chebyshev(degree, 2, first), q)
    full = [arb(0)] * (degree + 1)
    full[first::2] = compact
    return full


def _apply(matrix: arb_mat, vector: list[arb]) -> list[arb]:
    product = matrix * arb_mat([[v] for v in vector])
    return [product[i, 0] for i in range(len(vector))]


def rounded_polynomial(trial: BallTrial, coefficients: list[arb], bits: int) -> Polynomial:
    """Round each coefficient to `bits` significant bits; zeros, structural or not, stay exact."""
    problem = trial.problem
    parity: Parity | None = None
    if problem.reduction == "even":
        parity = "even"
    elif problem.reduction == "odd":
        parity = "odd"
    low, high = problem.hull
    values = tuple(ZERO if c.contains(0) else rounded(exact(c), bits) for c in coefficients)
    return Polynomial(values, (exact(low), exact(high)), parity)
