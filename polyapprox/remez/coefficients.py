"""From the reduced polynomial q(s) to Chebyshev coefficients in x, rounded."""

from __future__ import annotations

from functools import lru_cache
from math import comb

import mpmath
from flint import arb, arb_mat, arb_poly

from ..numbers import ZERO, exact, rounded
from ..polynomial import Parity, Polynomial
from .polish import BallTrial


@lru_cache(maxsize=64)
def _power_to_chebyshev(degree: int, step: int, first: int) -> arb_mat:
    """Matrix that takes coefficients of u^first, u^(first+step)… to those of T_first, …

    u^n = 2^(1−n) · sum_k binom(n, k) T_(n−2k), the T_0 term halved.
    """
    powers = range(first, degree + 1, step)
    rows = []
    for index in powers:
        row = []
        for n in powers:
            if n < index or (n - index) % 2:
                row.append(arb(0))
                continue
            value = arb((comb(n, (n - index) // 2), 1 - n))
            row.append(value / 2 if index == 0 else value)
        rows.append(row)
    return arb_mat(rows)


def chebyshev_coefficients(trial: BallTrial) -> list[arb]:
    """Chebyshev coefficients in u = (x − centre)/radius, all powers, as balls."""
    problem = trial.problem
    q = [trial.q[k] for k in range(problem.degree + 1)]
    if problem.reduction in ("plain", "sqrt"):
        if problem.reduction == "sqrt":
            raise ValueError("use sqrt_coefficients")
        return list(_apply(_power_to_chebyshev(problem.degree, 1, 0), q))
    first = 1 if problem.reduction == "odd" else 0
    if first:
        high = arb(problem.intervals[-1][1])
        q = [c * high for c in q]
    degree = 2 * problem.degree + first
    compact = _apply(_power_to_chebyshev(degree, 2, first), q)
    full = [arb(0)] * (degree + 1)
    full[first::2] = compact
    return full


def _apply(matrix: arb_mat, vector: list[arb]) -> list[arb]:
    product = matrix * arb_mat([[v] for v in vector])
    return [product[i, 0] for i in range(len(vector))]


def sqrt_coefficients(trial: BallTrial, domain: tuple[tuple[float, float], ...]) -> list[arb]:
    """Chebyshev coefficients on the domain [a, b] of x, where x = t = radius · s."""
    low, high = arb(domain[0][0]), arb(domain[0][1])
    centre, half = (high + low) / 2, (high - low) / 2
    shifted = trial.q(arb_poly([centre / trial.radius, half / trial.radius]))
    degree = trial.problem.degree
    return _apply(_power_to_chebyshev(degree, 1, 0), [shifted[k] for k in range(degree + 1)])


def rounded_polynomial(
    coefficients: list[arb], domain: tuple[mpmath.mpf, mpmath.mpf], parity: Parity | None, bits: int
) -> Polynomial:
    """Round each coefficient to `bits` significant bits; structural zeros stay exact."""
    keep = {"even": 0, "odd": 1}.get(parity or "")
    values = tuple(
        ZERO if keep is not None and index % 2 != keep else rounded(exact(value), bits)
        for index, value in enumerate(coefficients)
    )
    return Polynomial(values, domain, parity)
