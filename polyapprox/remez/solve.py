"""The minimax polynomial of a target: exchange in double, polish in balls, round."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mpmath
import numpy as np
from flint import arb

from ..errors import ArgumentError, NotConvergedError
from ..numbers import exact
from ..polynomial import Parity, Polynomial
from ..precision import working_precision
from ..targets import Target
from .coefficients import chebyshev_coefficients, rounded_polynomial, sqrt_coefficients
from .polish import exchange_in_balls, solve_levelled
from .problem import Problem, Reduction
from .remez import Exchange, exchange

Interval = tuple[float, float]


@dataclass(frozen=True)
class MinimaxPolynomial:
    """What the solver found.

    Attributes
    ----------
    polynomial : Polynomial
    level : float
        Levelled error on the final reference, an estimate of the minimax error.
    reference : tuple of mpmath.mpf
        Points of alternation, in x, ascending.
    space : str
        The polynomials among which it is best.
    """

    polynomial: Polynomial
    level: mpmath.mpf
    reference: tuple[mpmath.mpf, ...]
    space: str


def solve_minimax(
    target: Target,
    degree: int,
    domain: tuple[Interval, ...],
    weight: Target | None,
    parity: Parity | None,
    bits: int | None,
    tolerance: float = 1e-10,
) -> MinimaxPolynomial:
    """Best weighted approximation of `target` on `domain`, to a relative gap of `tolerance`.

    Raises
    ------
    NotConvergedError
        With degree, gap and advice.
    """
    problem = reduced_problem(target, degree, domain, weight, parity)
    found = exchange(problem)
    if not found.converged or found.gap > tolerance:
        good = 64 + int(max(0.0, -math.log2(max(abs(found.level), 1e-290))))
        trial, precision, gap, _ = exchange_in_balls(problem, found.nodes, good, tolerance)
        if gap > 1e-6:
            raise NotConvergedError(
                f"the exchange for {target.name!r} at degree {degree} stopped at a relative gap "
                f"of {gap:.1e}; try another degree, or split the domain where the function is "
                "not smooth"
            )
    else:
        trial, precision = solve_levelled(problem, found.nodes, 80)
    return _finish(problem, trial, precision, domain, parity, bits, target)


def _finish(problem, trial, precision, domain, parity, bits, target):  # type: ignore[no-untyped-def]
    with working_precision(precision):
        if problem.reduction == "sqrt":
            coefficients = sqrt_coefficients(trial, domain)
        else:
            coefficients = chebyshev_coefficients(trial)
        level = exact(abs(trial.level))
        total = float(sum((abs(c) for c in coefficients), arb(0)).mid())
        reference = tuple(exact(float(v)) for v in trial.nodes)
        if problem.reduction == "sqrt":
            reference = tuple(v * v for v in reference)
    if bits is None:
        bits = needed_bits(total, level)
    if bits + 40 > precision:
        trial, precision = solve_levelled(problem, trial.nodes, bits + 40)
        return _finish(problem, trial, precision, domain, parity, bits, target)
    low, high = domain[0][0], domain[-1][1]
    if problem.reduction in ("even", "odd"):
        low = -high
    structural: Parity | None = (
        problem.reduction if problem.reduction in ("even", "odd") else None  # type: ignore[assignment]
    )
    polynomial = rounded_polynomial(coefficients, (exact(low), exact(high)), structural, bits)
    kind = f"{structural} " if structural else ""
    space = f"any {kind}polynomial of degree at most {problem.x_degree}"
    return MinimaxPolynomial(polynomial, level, reference, space)


def needed_bits(total: float, level: mpmath.mpf) -> int:
    """Coefficient bits that keep rounding below 10^-11 of the error (53 where that suffices)."""
    if level == 0:
        return 113
    ratio = mpmath.mpf(total) / level
    wanted = int(mpmath.ceil(mpmath.log(ratio, 2))) + 37 if ratio > 0 else 53
    return 53 if wanted <= 53 else 8 * math.ceil(wanted / 8)


def reduced_problem(
    target: Target,
    degree: int,
    domain: tuple[Interval, ...],
    weight: Target | None,
    parity: Parity | None,
) -> Problem:
    """Reduce by parity or by the substitution of a square-root singularity."""
    reduction: Reduction = "plain"
    intervals = domain
    if parity is not None:
        reduction = parity
        if not (_is_symmetric(domain) or domain[0][0] >= 0):
            raise ArgumentError(
                f"parity={parity!r} needs a domain that is symmetric about 0 or lies on one "
                f"side of it; got {domain}"
            )
        intervals = tuple((max(a, 0.0), b) for a, b in domain if b > 0)
        if parity == "odd" and degree < 1:
            raise ArgumentError("an odd polynomial has degree at least 1; got degree=0")
        reduced = (degree - 1) // 2 if parity == "odd" else degree // 2
    elif target.substitution == "sqrt" and len(domain) == 1:
        reduction, reduced = "sqrt", degree
        intervals = (_square_root_interval(*domain[0]),)
    else:
        reduced = degree
    breaks = tuple(float(b) for b in target.breakpoints)
    if reduction in ("even", "odd"):
        intervals = tuple((a if a > 0 or reduction == "even" else 0.0, b) for a, b in intervals)
        breaks = tuple(b for b in breaks if b > 0)
    elif reduction == "sqrt":
        breaks = ()
    if reduction == "odd":
        intervals = tuple((max(a, b * 1e-9), b) for a, b in intervals)
    return Problem(reduction, reduced, intervals, breaks, target, weight)


def _is_symmetric(domain: tuple[Interval, ...]) -> bool:
    return all(
        (-b, -a) == other for (a, b), other in zip(domain, reversed(domain), strict=True)
    )


def _square_root_interval(low: float, high: float) -> Interval:
    """Float square roots whose squares stay inside [low, high]."""
    first, last = math.sqrt(low), math.sqrt(high)
    while mpmath.mpf(first) and exact(first) * exact(first) < low:
        first = float(np.nextafter(first, np.inf))
    while exact(last) * exact(last) > high:
        last = float(np.nextafter(last, -np.inf))
    return first, last


def estimated_level(
    target: Target,
    degree: int,
    domain: tuple[Interval, ...],
    weight: Target | None,
    parity: Parity | None,
) -> Exchange:
    """Only the double-precision exchange: for degree searches."""
    return exchange(reduced_problem(target, degree, domain, weight, parity), tolerance=1e-4)
