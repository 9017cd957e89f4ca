"""Proving an approximation: which method serves which kind, and the certificate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import mpmath
from flint import arb, arb_poly

from ..approximation import Approximation
from ..certificate import Certificate
from ..errors import ProofError
from ..numbers import ZERO, ball, exact
from ..plan.plan import Plan
from ..precision import working_precision
from ..structures import TWO_ARGUMENTS, compose, total_degree
from ..targets import Target, as_target
from .bounded import BoundedArray
from .lower import alternation_bound
from .ranges import power_form
from .sampling import bound_ball_polynomial, bound_plan
from .stages import dead_zone, prove_stages
from .taylor import bound_error

_LARGEST_SAMPLED_DEGREE = 200_000
_FLOAT_ERROR = 2.0**-36


def prove(
    approximation: Approximation,
    reference: tuple[mpmath.mpf, ...] = (),
    target: Target | None = None,
    weight: Target | None = None,
) -> Certificate:
    """Prove a bound of the error over the whole domain.

    Parameters
    ----------
    approximation : Approximation
    reference : tuple of mpmath.mpf
        Points of alternation for the lower bound of a single polynomial.
    target, weight : Target, optional
        Function and weight where their names do not say what they are (callables).

    Raises
    ------
    ProofError
        If plan and components differ, or no bound is found within the budget.
    """
    check_agreement(approximation)
    if target is None:
        target = as_target(one_argument_function(approximation.function))
    if weight is None and approximation.weight != "1":
        weight = as_target(approximation.weight)
    lower, lower_for = _lower(approximation, target, weight, reference)
    relative = approximation.error_estimate / float(approximation.scale)
    polynomial_target = target.pieces is not None and weight is None
    if (
        polynomial_target
        and total_degree(approximation) <= _LARGEST_SAMPLED_DEGREE
        and relative > _FLOAT_ERROR
    ):
        upper, method, details = _by_sampling(approximation, target)
    elif approximation.structure == "composite":
        upper, method, details = _by_stages(approximation)
    else:
        upper, method, details = _by_taylor(approximation, target, weight, lower or ZERO)
    return Certificate(upper, lower, lower_for, method, details)


def one_argument_function(function: str) -> str:
    """max(a, b) and min(a, b) are studied along b = 0."""
    return {"maximum": "relu", "minimum": "-relu(-x)"}.get(function, function)


def check_agreement(approximation: Approximation) -> None:
    """Plan and components must be the same polynomial: compared at random points, to 70 digits."""
    seed = int(approximation.plan.digest[:12], 16)
    bits = 400 + 8 * sum(c.degree for c in approximation.components)
    low, high = approximation.interval
    with working_precision(bits):
        for _ in range(6):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            x = ball(low) + ball(high - low) * arb((seed >> 11, -53))
            arguments = [x, x * x / 3] if approximation.function in TWO_ARGUMENTS else [x]
            left = approximation.plan.run(*arguments)
            right = compose(approximation, *arguments, lift=ball)
            if not (left.overlaps(right) and (left - right).abs_upper() < arb((1, -320))):
                raise ProofError("the plan does not compute what the components say")


def _by_sampling(
    approximation: Approximation, target: Target
) -> tuple[mpmath.mpf, str, dict[str, object]]:
    degree = total_degree(approximation)
    oversampling = 48 if degree < 2000 else 20
    plan = along_zero(approximation)
    upper, points = 0.0, 0
    for low, high in study_domain(approximation):
        for start, stop, coefficients in pieces_on(target, low, high):
            function = _polynomial_on_bounded(coefficients)
            size = max(degree, len(coefficients) - 1)
            found = bound_plan(plan, function, start, stop, size, oversampling)
            upper, points = max(upper, found.upper), points + found.points
    if not math.isfinite(upper):
        raise ProofError("the plan overflows on its interval: its coefficients are too large")
    return exact(upper), "sampling theorem", {"points": points, "degree": degree}


def study_domain(approximation: Approximation) -> list[tuple[float, float]]:
    """The domain of the one-argument function (of a − b for maximum and minimum)."""
    if approximation.function in TWO_ARGUMENTS:
        low, high = approximation.interval
        width = float(high - low)
        return [(-width, width)]
    return [(float(a), float(b)) for a, b in approximation.domain]


def along_zero(approximation: Approximation) -> Plan:
    """The plan as a function of one argument, the second set to zero."""
    plan = approximation.plan
    return plan if plan.inputs == 1 else _WithZero(plan)  # type: ignore[return-value]


class _WithZero:
    """A two-argument plan whose second argument is zero."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def run(self, x: Any, lift: Callable[[mpmath.mpf], Any] | None = None) -> Any:
        return self.plan.run(x, x * 0, lift=lift)


def pieces_on(target: Target, low: float, high: float) -> list[tuple[float, float, tuple[Any, ...]]]:
    """The polynomial pieces of the target that meet [low, high]."""
    result = []
    for start, stop, coefficients in target.pieces or ():
        a = low if start is None else max(low, float(start))
        b = high if stop is None else min(high, float(stop))
        if a < b:
            result.append((a, b, coefficients))
    return result


def _polynomial_on_bounded(coefficients: tuple[Any, ...]) -> Callable[[BoundedArray], BoundedArray]:
    constants = [BoundedArray.lift_constant(exact_fraction(c)) for c in coefficients]

    def evaluate(x: BoundedArray) -> BoundedArray:
        value = x * 0.0 + constants[-1]
        for constant in reversed(constants[:-1]):
            value = value * x + constant
        return value

    return evaluate


def exact_fraction(value: Any) -> mpmath.mpf:
    """A dyadic coefficient of a piece as an exact number."""
    return exact(value)


def _by_stages(approximation: Approximation) -> tuple[mpmath.mpf, str, dict[str, object]]:
    function = approximation.function
    bits = 128 + 2 * int(max(0.0, -math.log2(approximation.error_estimate)))
    bits += 6 * max(approximation.degrees)
    if any(component.parity != "odd" for component in approximation.components):
        raise ProofError("a composite is proven stage by stage only if its stages are odd")
    with working_precision(bits):
        if function in ("sign", "step"):
            start, end = (ball(v) for v in approximation.domain[-1])
            proof = prove_stages(approximation.components, start, end)
            low, high = proof.image
            upper = (1 - low).max(high - 1)
            if function == "step":
                upper = upper / 2
        else:
            upper, proof = _absolute_by_stages(approximation)
        images = [
            [str(mpmath.nstr(exact(r.smallest), 17)), str(mpmath.nstr(exact(r.largest), 17))]
            for r in proof.ranges
        ]
        return exact(upper.upper() * arb(1 + 2.0**-60)), "stages", {"images": images}


def _absolute_by_stages(approximation: Approximation) -> tuple[arb, Any]:
    """max |x s(x) + 2 offset − |x|| · (1/2 for ReLU), from image and dead zone."""
    start_value = approximation.threshold
    if start_value is None:
        raise ProofError("a composite of this size needs its threshold for the proof")
    _, high = approximation.components[0].domain
    start, end = ball(start_value), ball(high)
    proof = prove_stages(approximation.components, start, end)
    tail_low, tail_high = proof.image
    zone_low, zone_high, _ = dead_zone(proof, start)
    greatest = zone_high.max((end * (1 - tail_low)).upper())
    least = zone_low.min((end * (1 - tail_high)).lower())
    half = 1 if approximation.function == "abs" else 2
    offset = ball(approximation.offset)
    return abs(offset - greatest / half).max(abs(offset - least / half)).upper(), proof


def _by_taylor(
    approximation: Approximation, target: Target, weight: Target | None, lower: mpmath.mpf
) -> tuple[mpmath.mpf, str, dict[str, object]]:
    """Taylor balls; `lower` replaces an estimate that is too small for a float."""
    component = approximation.components[0]
    estimate = max(exact(approximation.error_estimate), lower)
    size = component.largest_coefficient or 1.0
    room = max(0.0, math.log2(size) - mpmath.log(estimate or mpmath.mpf(2) ** -200, 2))
    bits = 100 + int(room) + 4 * component.degree
    cells = []
    for low, high in approximation.domain:
        cuts = [b for b in target.breakpoints if low < b < high]
        ends = [low, *cuts, high]
        cells += list(pairwise(ends))
    scale = estimate or mpmath.mpf(2) ** -(bits // 2)
    with working_precision(bits):
        form = power_form(component)
        if target.substitution == "sqrt" and target.name in ("sqrt", "sqrt(x)") and weight is None:
            return _square_root(form, approximation)
        found = bound_error(target, weight, form, cells, ball(scale), bits)
    return exact(found.upper), "Taylor balls", {"cells": found.cells}


def _square_root(
    form: arb_poly, approximation: Approximation
) -> tuple[mpmath.mpf, str, dict[str, object]]:
    """sqrt(x) − p(x) is the polynomial s − p(s²) in s = sqrt(x)."""
    upper = arb(0)
    error = form(arb_poly([0, 0, 1])) - arb_poly([0, 1])
    for low, high in approximation.domain:
        bound, _ = bound_ball_polynomial(error, ball(low).sqrt(), ball(high).sqrt(), 48)
        upper = upper.max(bound)
    return exact(upper.upper()), "sampling theorem", {"degree": error.degree()}


def _lower(
    approximation: Approximation,
    target: Target,
    weight: Target | None,
    reference: tuple[mpmath.mpf, ...],
) -> tuple[mpmath.mpf | None, str]:
    if approximation.structure == "composite" or approximation.function in TWO_ARGUMENTS:
        return _bernstein(approximation)
    component = approximation.components[0]
    if not reference:
        return None, "no reference given"
    for bits in (200 + 4 * component.degree, 1000 + 16 * component.degree):
        with working_precision(bits):
            found = alternation_bound(
                target, weight, power_form(component), [ball(x) for x in reference]
            )
        if found is not None:
            break
    if found is None:
        return ZERO, "every polynomial (the trivial bound)"
    parity = f"{component.parity} " if component.parity else ""
    return exact(found), f"any {parity}polynomial of degree at most {component.degree}"


def _bernstein(approximation: Approximation) -> tuple[mpmath.mpf | None, str]:
    """S. Bernstein (Acta Math. 37 (1913), 1): E_2n(|x|) > 1 / (4 (1 + sqrt 2)(2n − 1)) on [-1, 1]."""
    function = approximation.function
    if function in ("sign", "step"):
        return ZERO, "every polynomial (the trivial bound)"
    degree = total_degree(approximation) + 1
    scale = approximation.components[0].domain[1]
    value = mpmath.mpf("0.1035") / (degree if degree > 1 else 1) * scale
    return value if function == "abs" else value / 2, (
        f"any polynomial of the total degree {total_degree(approximation)}"
    )


def certified(
    approximation: Approximation,
    reference: tuple[mpmath.mpf, ...] = (),
    target: Target | None = None,
    weight: Target | None = None,
) -> Approximation:
    """The approximation with its certificate; the arguments are those of :func:`prove`."""
    return replace(approximation, certificate=prove(approximation, reference, target, weight))
