# SPDX-License-Identifier: Apache-2.0
"""Proof where target and approximation are polynomials on each piece: the sampling theorem."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import mpmath

from .. import outward
from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball, exact, fraction
from ..precision import working_precision
from ..structures import total_degree
from ..targets import Target
from .between import noise_between_stages
from .bounded import BoundedArray
from .sampling import bound_plan
from .study import along_zero, study_domain

Method = tuple[mpmath.mpf, str, dict[str, object]]
SAMPLING = "sampling theorem"
_LARGE = 2000
_OVERSAMPLING, _OVERSAMPLING_OF_LARGE = 48, 20


def by_sampling(approximation: Approximation, target: Target) -> Method:
    """Bound of the error from samples on a verified mesh (exactly for parabolas).

    Raises
    ------
    ProofError
        If the plan overflows in float64.
    """
    degree = total_degree(approximation)
    steepest = max(len(coefficients) - 1 for _, _, coefficients in target.pieces or ((0, 0, (0,)),))
    if max(degree, steepest) <= 2 and approximation.inputs == 1:
        return _exactly(approximation, target)
    oversampling = _OVERSAMPLING if degree < _LARGE else _OVERSAMPLING_OF_LARGE
    plan, added = along_zero(approximation), noise_between_stages(approximation)
    upper, points = 0.0, 0
    for low, high in study_domain(approximation):
        for start, stop, coefficients in pieces_on(target, low, high):
            size = max(degree, len(coefficients) - 1)
            function = on_enclosures(BoundedArray, coefficients)
            ends = outward.below(start), outward.above(stop)
            found = bound_plan(plan, function, *ends, size, oversampling, added)
            upper, points = max(upper, found.upper), points + found.points
    if not math.isfinite(upper):
        raise ProofError("the plan overflows on its interval: its coefficients are too large")
    details: dict[str, object] = {"points": points, "degree": degree}
    if added is not None:
        details["noise_between_stages"] = float(approximation.guard)
    return exact(upper), SAMPLING, details


def floats_suffice(target: Target) -> bool:
    """Whether breakpoints are floats, as the float64 mesh needs."""
    return all(float(number) == number for number in target.breakpoints)


def pieces_on(
    target: Target, low: mpmath.mpf, high: mpmath.mpf
) -> list[tuple[mpmath.mpf, mpmath.mpf, tuple[Any, ...]]]:
    """The polynomial pieces of the target that meet [low, high]."""
    result = []
    for start, stop, coefficients in target.pieces or ():
        a = low if start is None else max(low, start)
        b = high if stop is None else min(high, stop)
        if a < b:
            result.append((a, b, coefficients))
    return result


def on_enclosures(kind: Any, coefficients: tuple[Any, ...]) -> Callable[[Any], Any]:
    """The polynomial with these coefficients, low to high, on arrays of a kind of enclosures."""
    constants = [kind.lift_constant(c) for c in coefficients]

    def evaluate(x: Any) -> Any:
        value = x * 0.0 + constants[-1]
        for constant in reversed(constants[:-1]):
            value = value * x + constant
        return value

    return evaluate


def _exactly(approximation: Approximation, target: Target) -> Method:
    largest = Fraction(0)
    for low, high in study_domain(approximation):
        for start, stop, coefficients in pieces_on(target, low, high):
            exact_coefficients = [Fraction(c) for c in coefficients]

            def error(x: Fraction, terms: list[Fraction] = exact_coefficients) -> Fraction:
                value = sum((c * x**power for power, c in enumerate(terms)), Fraction(0))
                return cast("Fraction", approximation.plan.run(x) - value)

            ends = fraction(exact(start)), fraction(exact(stop))
            largest = max(largest, largest_of_parabola(error, *ends))
    with working_precision(200):
        above = exact(ball(largest).upper())
    number = float(largest)
    upper = exact(number) if Fraction(number) == largest else exact(outward.above(above))
    return upper, "exact extrema of parabolas", {"degree": 2}


def largest_of_parabola(
    function: Callable[[Fraction], Fraction], low: Fraction, high: Fraction
) -> Fraction:
    """Largest |q| on [low, high] of a polynomial q of degree at most 2, in rational arithmetic.

    Parameters
    ----------
    function : callable
        Exact values of q.
    low, high : Fraction

    Examples
    --------
    >>> largest_of_parabola(lambda x: x * x - x, Fraction(0), Fraction(1))
    Fraction(1, 4)
    """
    left, centre, right = function(low), function((low + high) / 2), function(high)
    values = [left, right]
    bend = (left + right) / 2 - centre
    slope = (right - left) / 2
    if bend and abs(slope) < 2 * abs(bend):  # q = centre + slope t + bend t², t in [-1, 1]
        values.append(centre - slope * slope / (4 * bend))
    return max(abs(value) for value in values)
