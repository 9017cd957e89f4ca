# SPDX-License-Identifier: Apache-2.0
"""The minimax polynomial of a target: exchange in double, polish in balls, round."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import mpmath
import numpy as np
from flint import arb

from ..errors import ArgumentError, NotConvergedError
from ..numbers import ZERO, ball, exact, log2
from ..polynomial import Parity, Polynomial
from ..precision import working_precision
from .barycentric import Trial
from .coefficients import chebyshev_coefficients, rounded_polynomial
from .extrema import search_grid
from .polish import BallTrial, solve_levelled
from .problem import Goal, Problem, Reduction
from .reference import initial_reference
from .remez import Exchange, exchange, exchange_in_balls

Interval = tuple[float, float]

_BITS_OF_ZERO = 113  # of coefficients when the error vanishes
_GOOD_BITS = 56
_ACCEPTED_GAP = 1e-5
_HOPELESS = 0.5
_ACCEPTED_BLACK_BOX_GAP = 1e-3


@dataclass(frozen=True)
class MinimaxPolynomial:
    """What the solver found.

    Attributes
    ----------
    polynomial : Polynomial
    level : mpmath.mpf
        Levelled error on the final reference, an estimate of the minimax error.
    estimate : mpmath.mpf
        Largest sampled error of the rounded polynomial.
    reference : tuple of mpmath.mpf
        Points of alternation, in x, ascending.
    space : str
        The polynomials among which it is best.
    cofactor : Polynomial or None
        q where the polynomial is (u − u₀) q(u), u₀ the unit variable of x = 0: it has to vanish
        there exactly.
    """

    polynomial: Polynomial
    level: mpmath.mpf
    estimate: mpmath.mpf
    reference: tuple[mpmath.mpf, ...]
    space: str
    cofactor: Polynomial | None = None


def solve_minimax(
    goal: Goal,
    degree: int,
    bits: int | None = None,
    tolerance: float = 1e-10,
    careful: bool = False,
    hull: Interval | None = None,
) -> MinimaxPolynomial:
    """The best polynomial of a degree, to a relative gap of `tolerance`.

    Parameters
    ----------
    goal : Goal
    degree : int
    bits : int, optional
        Significant bits of the coefficients.
    tolerance : float
        Relative gap between the largest error and the levelled error.
    careful : bool
        Run the whole exchange in balls, with a close look for extrema.
    hull : (float, float), optional
        The interval whose Chebyshev polynomials the result is written in (symmetric under a
        parity); by default the hull of the domain.

    Raises
    ------
    NotConvergedError
        With degree, gap and advice.
    """
    problem = reduced_problem(goal, degree)
    if hull is not None:
        problem = replace(problem, hull=hull)
    if careful and problem.provable:
        start = initial_reference(problem)
        polished = exchange_in_balls(problem, start, _GOOD_BITS, tolerance, thorough=True)
        return _rounded(_accepted(polished), bits)
    found = exchange(problem)
    if problem.provable:
        return _rounded(_converged(problem, found, tolerance), bits)
    return _rounded(_black_box(problem, found), bits, exact(found.largest))


def _converged(problem: Problem, found: Exchange[Trial], tolerance: float) -> BallTrial:
    """Continue in balls where double precision did not reach the tolerance."""
    if found.converged and found.gap <= tolerance and _is_quiet(found, tolerance):
        return solve_levelled(problem, found.trial.nodes, _GOOD_BITS)
    nodes = found.trial.nodes if found.gap < 0.5 else initial_reference(problem)
    return _accepted(exchange_in_balls(problem, nodes, _GOOD_BITS, tolerance))


def _accepted(polished: Exchange[BallTrial]) -> BallTrial:
    if polished.gap > _ACCEPTED_GAP:
        raise NotConvergedError(_complaint(polished.trial.problem, polished.gap))
    return polished.trial


def _is_quiet(found: Exchange[Trial], tolerance: float) -> bool:
    """Whether the target's own float64 values are good enough for the tolerance.

    Misplaced extrema change the level only to second order, so some noise does no harm.
    """
    return found.trial.problem.float_noise <= 1e3 * tolerance * found.trial.size


def _black_box(problem: Problem, found: Exchange[Trial]) -> BallTrial:
    """The best that float64 values allow."""
    close = found.gap <= _ACCEPTED_BLACK_BOX_GAP or not _resolved(found)
    if not close or not np.isfinite(found.largest):
        raise NotConvergedError(_complaint(problem, found.gap))
    return solve_levelled(problem, found.trial.nodes, 40)


def _resolved(found: Exchange[Trial]) -> bool:
    """Whether the error stands out from the rounding errors of float64."""
    return found.largest > 400 * found.trial.noise


def _complaint(problem: Problem, gap: float) -> str:
    if problem.is_relative and gap > _HOPELESS:
        return (
            f"no polynomial of degree {problem.x_degree} was found whose relative error for "
            f"{problem.target.name!r} stays below 1, the error of 0: the function varies too much "
            "on the domain for so low a degree; raise the degree, or shorten or split the domain"
        )
    return (
        f"the exchange for {problem.target.name!r} at degree {problem.x_degree} stopped at a "
        f"relative gap of {gap:.1e}; try another degree, split the domain where the function is "
        "not smooth, or give it as an expression if it is not one"
    )


def _rounded(trial: BallTrial, bits: int | None, sampled: mpmath.mpf = ZERO) -> MinimaxPolynomial:
    """Round the coefficients, and say what the rounded polynomial reaches."""
    problem = trial.problem
    with working_precision(trial.precision):
        coefficients = chebyshev_coefficients(trial)
        level = ZERO if trial.vanishes else exact(abs(trial.level))
        weight = trial.largest_weight
        total = exact(sum((abs(c) for c in coefficients), arb(0)) * weight)
    if bits is None:
        bits = needed_bits(total, level)
    if bits + 40 > trial.precision:
        finer = BallTrial.on(problem, trial.nodes, 2 * (bits + 40) + 4 * problem.x_degree)
        return _rounded(finer, bits, sampled)
    polynomial = rounded_polynomial(trial, coefficients, bits)
    with working_precision(trial.precision):
        pairs = zip(coefficients, polynomial.coefficients, strict=True)
        drift = exact((sum((abs(c - ball(r)) for c, r in pairs), arb(0)) * weight).upper())
        reference = tuple(exact(float(v)) for v in trial.nodes)
        if problem.reduction == "sqrt":
            reference = tuple(exact(ball(v) ** 2) for v in reference)
    estimate = max(level, sampled)
    if drift > level * mpmath.mpf(2) ** -30:
        estimate = max(estimate, _sampled_error(trial, polynomial))
    kind = f"{polynomial.parity} " if polynomial.parity else ""
    space = f"any {kind}polynomial of degree at most {problem.x_degree}"
    return MinimaxPolynomial(polynomial, level, estimate, reference, space)


def _sampled_error(trial: BallTrial, polynomial: Polynomial) -> mpmath.mpf:
    """Largest weighted error of the rounded polynomial on the search grid."""
    problem = trial.problem
    largest = arb(0)
    with working_precision(trial.precision):
        z = [arb(float(v)) for v in search_grid(problem, trial.nodes)]
        _, function, weight = problem.sample_balls(z)
        for v, f, w in zip(z, function, weight, strict=True):
            value = polynomial(v * v if problem.reduction == "sqrt" else v)
            if problem.reduction == "odd":
                value = value / v
            largest = largest.max(abs((f - value) * w).mid())
        return exact(largest)


def needed_bits(total: mpmath.mpf, level: mpmath.mpf) -> int:
    """Coefficient bits that keep rounding below 10^-11 of the error (53 where that suffices).

    `total` is the sum of the coefficients' sizes, times the largest weight.
    """
    if level == 0 or total == 0:
        return _BITS_OF_ZERO
    wanted = math.ceil(log2(total) - log2(level)) + 37
    return 53 if wanted <= 53 else 8 * math.ceil(wanted / 8)


def reduced_problem(goal: Goal, degree: int) -> Problem:
    """Reduce by parity or by the substitution of a square-root singularity."""
    target, domain, weight, parity = goal.target, goal.domain, goal.weight, goal.parity
    breaks = tuple(float(b) for b in target.breakpoints)
    if parity is not None:
        if not (_is_symmetric(domain) or domain[0][0] >= 0):
            raise ArgumentError(
                f"parity={parity!r} needs a domain that is symmetric about 0 or lies on its "
                f"positive side; got {domain}"
            )
        if parity == "odd" and degree < 1:
            raise ArgumentError("an odd polynomial has degree at least 1; got degree=0")
        reduced = (degree - 1) // 2 if parity == "odd" else degree // 2
        intervals = tuple((_start(a, b, parity), b) for a, b in domain if b > 0)
        high = domain[-1][1]
        breaks = tuple(b for b in breaks if b > 0)
        return Problem(parity, reduced, intervals, breaks, target, weight, (-high, high))
    hull = (domain[0][0], domain[-1][1])
    reduction: Reduction = "plain"
    if target.substitution == "sqrt" and len(domain) == 1:
        reduction, breaks = "sqrt", ()
        domain = (_square_root_interval(*domain[0]),)
    return Problem(reduction, degree, domain, breaks, target, weight, hull)


def _start(low: float, high: float, parity: Parity) -> float:
    """Start of the positive part; an odd error over x is not defined at 0 itself."""
    return low if low > 0 else high * 1e-9 if parity == "odd" else 0.0


def _is_symmetric(domain: tuple[Interval, ...]) -> bool:
    return tuple((-b, -a) for a, b in reversed(domain)) == domain


def _square_root_interval(low: float, high: float) -> Interval:
    """Float square roots whose squares stay inside [low, high]."""
    first, last = math.sqrt(low), math.sqrt(high)
    while Fraction(first) ** 2 < Fraction(low):
        first = float(np.nextafter(first, np.inf))
    while Fraction(last) ** 2 > Fraction(high):
        last = float(np.nextafter(last, -np.inf))
    return first, last


@dataclass(frozen=True)
class EstimatedLevel:
    """Levelled and largest sampled error of an unrounded best polynomial: both estimates.

    `resolved` says whether the error stands out from rounding errors; where it does not, the
    level means nothing.
    """

    level: mpmath.mpf
    largest: mpmath.mpf
    resolved: bool = True


def estimated_level(
    goal: Goal, degree: int, wanted: float | None = None, tolerance: float = 1e-4
) -> EstimatedLevel:
    """The exchange without rounding, to a loose tolerance: for degree searches.

    In balls where double precision does not resolve the error. With `wanted` it stops as soon as
    the best error is known to be larger or not.
    """
    problem = reduced_problem(goal, degree)
    threshold = None if wanted is None else math.log2(wanted)
    found = exchange(problem, tolerance=tolerance, threshold=threshold)
    resolved = _resolved(found)
    plain = EstimatedLevel(exact(found.trial.size), exact(found.largest), resolved)
    small = wanted is not None and found.largest + found.trial.noise <= wanted
    quiet = resolved and found.converged and _is_quiet(found, tolerance)
    if small or quiet or not problem.provable:
        return plain
    start = initial_reference(problem)
    polished = exchange_in_balls(problem, start, 40, tolerance, threshold=threshold)
    level = exact(abs(polished.trial.level))
    return EstimatedLevel(level, level * polished.largest)
