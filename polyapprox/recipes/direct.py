# SPDX-License-Identifier: Apache-2.0
"""|x| and its disguises by one minimax polynomial: even, or general where that is cheaper."""

from __future__ import annotations

import math
from collections.abc import Iterator

import mpmath

from .. import outward
from ..approximation import Approximation
from ..errors import ArgumentError
from ..numbers import exact
from ..plan.series import series_cost
from ..polynomial import Parity, Polynomial
from ..proof.prove import certified
from ..remez.problem import Goal
from ..remez.solve import estimated_level, solve_minimax
from ..targets import as_target
from .absolute import AbsoluteWish
from .plans import polynomial_plan, two_argument_direct_plan

HIGHEST_DEGREE = 1200
BERNSTEIN = 0.28017  # 2n E_2n(|x|) tends to this: Varga and Carpenter, Constr. Approx. 1 (1985), 333
_PROOF = 1.0006  # what the sampling theorem adds to the minimax error


def even_degree(unit_error: float) -> int:
    """The least even degree that reaches a ReLU error on [-1, 1] (a forecast, proven later)."""
    if unit_error >= 1 / 16:
        return 2
    degree = max(4, 2 * math.ceil(_PROOF * BERNSTEIN / (2 * unit_error) / 2))
    return degree - 2 if 4 < degree <= 8 else degree


def direct(wish: AbsoluteWish) -> Approximation:
    """The cheapest direct polynomial whose proven error is within the tolerance.

    Raises
    ------
    ArgumentError
        If the structure cannot do it.
    """
    if not wish.offset:
        raise ArgumentError(
            "structure='direct' has r(0) ≠ 0; use offset=True or structure='composite'"
        )
    even, general = even_degree(wish.unit_error), general_degree(wish)
    if general is not None:
        even_first = sum(series_cost(even, "even")) <= sum(series_cost(general))
        if even > HIGHEST_DEGREE or not even_first:
            return direct_of(wish, general, None)
    if even > HIGHEST_DEGREE:
        raise ArgumentError(
            f"structure='direct' reaches about 2^-13 (degree {HIGHEST_DEGREE}); "
            "use structure='composite' for more"
        )
    return direct_of(wish, even, "even")


def direct_of(wish: AbsoluteWish, degree: int, parity: Parity | None) -> Approximation:
    """The first polynomial of a kind, from a degree on, whose proven error is small enough."""
    if parity == "even":
        degrees = range(degree, 2 * degree + 8, 2)
        return _first_good(wish, (_even(wish, n) for n in degrees))
    return _first_good(wish, (_general(wish, n) for n in range(degree, 2 * degree)))


def _first_good(wish: AbsoluteWish, candidates: Iterator[Approximation]) -> Approximation:
    for result in candidates:
        if wish.meets(result):
            break
    return result


def general_forecast(wish: AbsoluteWish) -> int | None:
    """About the degree of a general polynomial on an interval that is not symmetric (None elsewhere).

    On [a, b] the kink sits at c = −(a + b)/(b − a) of [-1, 1], and the error of degree n is about
    0.28017/n · sqrt(1 − c²) · (b − a)/2 (Bernstein): smaller than on [-B, B].
    """
    low, high = wish.ends
    if wish.inputs == 2 or low == -high or not low < 0 < high:
        return None
    half = (high - low) / 2
    centre = (high + low) / (high - low)
    wanted = _wanted_of_absolute(wish)
    guess = math.ceil(BERNSTEIN * half * math.sqrt(1 - centre * centre) / wanted)
    return max(1, guess) if guess <= HIGHEST_DEGREE // 2 else None


def _wanted_of_absolute(wish: AbsoluteWish) -> float:
    return (wish.wanted or 0.0) / float(wish.kin.share) / _PROOF


def general_degree(wish: AbsoluteWish) -> int | None:
    """The least degree of a general polynomial on an interval that is not symmetric."""
    degree = general_forecast(wish)
    if degree is None:
        return None
    wanted = _wanted_of_absolute(wish)
    goal = Goal(as_target("abs"), _parts(wish))

    def good(n: int) -> bool:
        return bool(estimated_level(goal, n).largest <= wanted)

    while not good(degree):
        degree += 1
    while degree > 1 and good(degree - 1):
        degree -= 1
    return degree


def _even(wish: AbsoluteWish, degree: int) -> Approximation:
    width, reach = wish.half_width, wish.reach
    goal = Goal(as_target("abs"), ((-reach, reach),), parity="even")
    found = solve_minimax(goal, degree, hull=(-width, width))
    coefficients = list(found.polynomial.coefficients)
    parity = found.polynomial.parity
    level = found.level
    if wish.kin.halved:
        coefficients = [mpmath.ldexp(c, -1) for c in coefficients]
        level = mpmath.ldexp(level, -1)
    if wish.kin.lined:
        coefficients[1] = mpmath.ldexp(exact(width), -1)
        parity = None
    component = Polynomial(tuple(coefficients), found.polynomial.domain, parity)
    plan = (
        two_argument_direct_plan(wish.function, component)
        if wish.inputs == 2
        else polynomial_plan(component)
    )
    low, high = wish.covered
    mirrored = [-x for x in found.reference] if -low > high else found.reference
    reference = tuple(sorted(x for x in mirrored if low <= x <= high))
    result = wish.approximation("direct", (component,), plan, float(level))
    return certified(result, reference)


def _general(wish: AbsoluteWish, degree: int) -> Approximation:
    goal = Goal(as_target(wish.function), _parts(wish))
    found = solve_minimax(goal, degree, hull=wish.ends)
    plan = polynomial_plan(found.polynomial)
    result = wish.approximation("direct", (found.polynomial,), plan, float(found.level))
    return certified(result, found.reference)


def _parts(wish: AbsoluteWish) -> tuple[tuple[float, float]]:
    low, high = wish.covered
    return ((outward.below(low), outward.above(high)),)


def linear(wish: AbsoluteWish) -> Approximation:
    """On an interval on one side of 0 ReLU is x or 0, and |x| is ±x: exact."""
    side = 1 if wish.ends[0] >= 0 else -1
    slope = int(wish.kin.line + side * wish.kin.share)
    width = 2.0 ** math.ceil(math.log2(wish.half_width))  # x/width is then exact
    component = Polynomial.from_floats([0.0, slope * width], (-width, width), "odd")
    return certified(wish.approximation("direct", (component,), polynomial_plan(component), 0.0))
