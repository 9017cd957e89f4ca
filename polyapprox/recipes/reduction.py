# SPDX-License-Identifier: Apache-2.0
"""What `minimax` solves in the place of a problem: what is left without a line, or without x.

=================================  ===========================  ==========================
problem                            solved instead               made of it
=================================  ===========================  ==========================
f = s·x + even, symmetric domain   the even rest                s·x + even polynomial
f = c + odd, symmetric domain      the odd rest                 c + odd polynomial
relative error, f(0) = 0 inside    f/x, relative                x times that polynomial
anything else                      the problem itself
=================================  ===========================  ==========================
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import mpmath
import numpy as np
from flint import arb

from ..errors import ArgumentError
from ..functions.symmetry import TreeSymmetry
from ..interpreters import ball_function
from ..numbers import ZERO, add, ball, exact, multiply, nearest_dyadic, negate, rounded
from ..polynomial import Parity, Polynomial
from ..precision import working_precision
from ..remez.problem import Goal
from ..remez.solve import (
    EstimatedLevel,
    MinimaxPolynomial,
    estimated_level,
    needed_bits,
    solve_minimax,
)
from ..targets import Target
from .arguments import Interval
from .plans import times_argument

_CONSTANT_BITS = 400
_SAMPLES = 65
_GRID = 256  # the unit variable of x = 0 is a multiple of 1/256
_LENGTH_BITS = 24


@dataclass(frozen=True)
class Reduction:
    """The problem that is solved, and the degrees it loses.

    Attributes
    ----------
    kind : {"plain", "line", "quotient"}
    """

    kind: str
    goal: Goal
    lost: int = 0

    @property
    def degrees(self) -> tuple[int, int]:
        """The lowest degree of the polynomial wanted, and the step to the next one."""
        first, step = {"even": (0, 2), "odd": (1, 2)}.get(self.goal.parity or "", (0, 1))
        return first + self.lost, step


def reduction_of(goal: Goal, degree: int) -> Reduction:
    """Which problem is solved for a polynomial of a degree."""
    target, domain, weight = goal.target, goal.domain, goal.weight
    if crosses_zero(goal):
        over = target.over_x
        flipped: dict[Parity | None, Parity] = {"even": "odd", "odd": "even"}
        return Reduction("quotient", Goal(over, domain, over.reciprocal, flipped.get(goal.parity)), 1)
    known = target.symmetry
    symmetric = tuple((-b, -a) for a, b in reversed(domain)) == domain
    even = weight is None or weight.proven_parity == "even"
    if known is not None and not known.plain and goal.parity is None and degree > 0:
        rest: Parity = "even" if known.parity == "even" else "odd"
        if symmetric and even:
            return Reduction("line", Goal(target.without_line, domain, weight, rest))
    return Reduction("plain", goal)


def crosses_zero(goal: Goal) -> bool:
    """Whether the error is relative and f has its zero at 0 in the domain."""
    inside = any(a <= 0 <= b for a, b in goal.domain)
    if not inside or goal.weight is None or not goal.weight.is_reciprocal_of(goal.target):
        return False
    return goal.target.provable and bool(goal.target.ball(arb(0)) == 0)


def solve(
    goal: Goal,
    degree: int,
    bits: int | None,
    careful: bool = False,
    hull: Interval | None = None,
) -> MinimaxPolynomial:
    """As :func:`polyapprox.remez.solve.solve_minimax`, by way of the reduction."""
    target, domain = goal.target, goal.domain
    reduced = reduction_of(goal, degree)
    parity = reduced.goal.parity
    low, high = hull or (domain[0][0], domain[-1][1])
    if reduced.kind == "quotient":
        hull = _hull_about_zero(low, high) if parity is None else hull
    elif reduced.kind == "line":
        hull = (-high, high)
    if degree < reduced.degrees[0]:
        raise ArgumentError(
            f"degree={degree} is too low for the relative error of {target.name!r}, which is 0 at "
            f"x=0: only 0 itself vanishes there; give at least {reduced.degrees[0]}"
        )
    found = solve_minimax(reduced.goal, degree - reduced.lost, bits, careful=careful, hull=hull)
    if reduced.kind == "plain":
        return found
    found = replace(found, reference=_mirrored(found.reference, parity, domain))
    known = target.symmetry
    if reduced.kind == "quotient" or known is None:
        return _times_x(found, reduced.goal.target, domain, bits)
    return _with_line(found, known, bits)


def level_of(goal: Goal, degree: int, wanted: float) -> EstimatedLevel:
    """As :func:`polyapprox.remez.solve.estimated_level`, by way of the reduction."""
    reduced = reduction_of(goal, degree)
    return estimated_level(reduced.goal, degree - reduced.lost, wanted)


def _mirrored(
    reference: tuple[mpmath.mpf, ...], parity: Parity | None, domain: tuple[Interval, ...]
) -> tuple[mpmath.mpf, ...]:
    """The points of alternation of the whole domain, from those of its positive half.

    The error of an even problem has one sign at the two points next to 0: one of them goes.
    """
    if parity is None or domain[0][0] >= 0:
        return reference
    left = tuple(negate(x) for x in reversed(reference))
    return left + (reference[1:] if parity == "even" else reference)


def _with_line(
    found: MinimaxPolynomial, known: TreeSymmetry, bits: int | None
) -> MinimaxPolynomial:
    """Add s·x, the coefficient of T_1, or the constant."""
    polynomial = found.polynomial
    coefficients = list(polynomial.coefficients)
    high = polynomial.domain[1]
    if known.parity == "even":
        coefficients += [ZERO] * (2 - len(coefficients))
        value = multiply(nearest_dyadic(known.slope, _CONSTANT_BITS), high)
    else:
        with working_precision(_CONSTANT_BITS):
            value = exact(ball_function(known.constant)(arb(0)))
    largest = max((abs(c) for c in coefficients), default=ZERO)
    value = rounded(value, bits or needed_bits(max(largest, abs(value)), found.level))
    coefficients[int(known.parity == "even")] = value
    space = f"any polynomial of degree at most {max(polynomial.degree, 1)}"
    whole = Polynomial(tuple(coefficients), polynomial.domain, None)
    return replace(found, polynomial=whole, space=space)


def _times_x(
    found: MinimaxPolynomial, over: Target, domain: tuple[Interval, ...], bits: int | None
) -> MinimaxPolynomial:
    """x q(x) = (u − u₀) q(u) / slope, with 1/slope half the length of the interval."""
    q = found.polynomial
    half = mpmath.ldexp(add(q.domain[1], negate(q.domain[0])), -1)
    scaled = tuple(multiply(c, half) for c in q.coefficients)
    if bits is not None:
        scaled = tuple(rounded(c, bits) for c in scaled)
    cofactor = replace(q, coefficients=scaled)
    whole = times_argument(cofactor)
    found = replace(
        found,
        polynomial=whole,
        space=f"any polynomial of degree at most {whole.degree}",
        cofactor=None if whole.parity == "odd" or whole.degree <= 1 else cofactor,
    )
    if bits is None:
        return found
    points = [x for a, b in domain for x in np.linspace(a, b, _SAMPLES)]
    worst = arb(0)
    with working_precision(_CONSTANT_BITS):
        for x in (*found.reference, *points):
            quotient = cofactor(ball(x)) / ball(half) / over.ball(ball(x))
            worst = worst.max(abs(1 - quotient).mid())
    return replace(found, estimate=max(found.estimate, exact(worst)))


def _hull_about_zero(low: float, high: float) -> Interval:
    """An interval around [low, high] in whose unit variable 0 is a multiple of 1/256, exactly."""
    if low == 0 or high == 0:
        return low, high
    low, high = min(low, 0.0), max(high, 0.0)
    place = Fraction(
        round(-_GRID * (Fraction(low) + Fraction(high)) / (Fraction(high) - Fraction(low))), _GRID
    )
    place = min(max(place, Fraction(1 - _GRID, _GRID)), Fraction(_GRID - 1, _GRID))
    half = max(Fraction(high) / (1 - place), -Fraction(low) / (1 + place))
    exponent = math.frexp(float(half))[1] - _LENGTH_BITS
    half = Fraction(math.floor(half / Fraction(2) ** exponent) + 1) * Fraction(2) ** exponent
    return float(-half * (1 + place)), float(half * (1 - place))
