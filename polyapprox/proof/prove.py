# SPDX-License-Identifier: Apache-2.0
"""Proving an approximation: which method serves which kind, and the certificate."""

from __future__ import annotations

from dataclasses import replace

import mpmath

from ..approximation import Approximation
from ..certificate import Certificate
from ..errors import ProofError
from ..numbers import ZERO, ball, decimal
from ..plan.degree import plan_degree
from ..precision import one_at_a_time
from ..structures import total_degree
from ..targets import Target, as_target
from .by_cells import by_cells
from .by_cosine import by_cosine
from .by_power import Method, by_power, power_of
from .by_sampling import by_sampling, floats_suffice
from .by_series import by_series
from .by_stages import STEPS, by_stages
from .by_taylor import by_taylor
from .competitors import lower_bound
from .covered import check_covered
from .identity import difference_bound, sum_above
from .plan_polynomial import LARGEST_DEGREE, by_taylor_of_plan
from .relative import by_quotient, divides_zero_out
from .statement import check_statement
from .study import one_argument_function, study_domain

_LARGEST_SAMPLED_DEGREE = 20_000
_LARGEST_CIRCUIT = 1 << 24
_LARGEST_SAMPLED_CIRCUIT = 1 << 11  # cells are faster beyond
_FLOAT_ERROR = 2.0**-36
_WEIGHTS = 64  # points at which a weight is looked at


@one_at_a_time
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
    check_statement(approximation)
    if target is None:
        target = as_target(one_argument_function(approximation.function))
    if weight is None and approximation.weight != "1":
        weight = as_target(approximation.weight)
    _check_weight(approximation, weight)
    check_covered(approximation, target, weight)
    lower, lower_for = lower_bound(approximation, target, weight, reference)
    of_plan = True  # else of the components
    if weight is not None and divides_zero_out(approximation, target, weight):
        upper, method, details = by_quotient(approximation, target, weight, lower or ZERO)
    elif _sampled(approximation, target, weight):
        degree, circuit = total_degree(approximation), approximation.structure == "circuit"
        by_all = by_cells if circuit and degree > _LARGEST_SAMPLED_CIRCUIT else by_sampling
        upper, method, details = by_all(approximation, target)
    elif target.substitution == "cosine" and approximation.structure == "circuit" and not weight:
        upper, method, details = by_cosine(approximation)
    elif approximation.structure in ("polynomial", "direct"):
        of_plan = weight is not None
        upper, method, details = by_taylor(approximation, target, weight, lower or ZERO)
    elif weight is not None and approximation.structure == "circuit":
        upper, method, details = _weighted_plan(approximation, target, weight)
    elif weight is not None:
        raise ProofError(
            f"the error of a {approximation.structure} is proven without a weight; this one has "
            f"weight={approximation.weight!r}"
        )
    elif approximation.structure == "composite" or _of_a_step(approximation):
        of_plan = False
        upper, method, details = by_stages(approximation)
    elif _smooth_plan(approximation, target):
        upper, method, details = by_taylor_of_plan(approximation, target)
    elif approximation.structure == "circuit" and target.provable and target.pieces is None:
        upper, method, details = by_series(approximation, target)
    else:
        raise ProofError(
            f"a {approximation.structure} for {approximation.function!r} of degree "
            f"{total_degree(approximation)} is beyond the proof by samples and by Taylor models"
        )
    if not upper >= 0:
        raise ProofError(f"no bound was found for {approximation.function!r}")
    if approximation.components:
        difference = difference_bound(approximation, upper)
        upper = upper if of_plan else sum_above(upper, difference)
    if lower is not None and reference:
        details["reference"] = [decimal(x) for x in reference]
    return Certificate(upper, lower, lower_for, method, details)


def _weighted_plan(approximation: Approximation, target: Target, weight: Target) -> Method:
    """Of a plan without components: by the polynomial x^p r^q, or by Taylor balls."""
    power = power_of(approximation, target, weight)
    if power is not None:
        found = by_power(approximation, target, power)
        if found is not None:
            return found
    if not _smooth_plan(approximation, target):
        if target.provable and weight.provable:
            return by_series(approximation, target, weight)
        raise ProofError(
            f"a circuit for {approximation.function!r} with weight={approximation.weight!r} of degree "
            f"{total_degree(approximation)} is beyond the proof by Taylor models"
        )
    return by_taylor_of_plan(approximation, target, weight)


def _check_weight(approximation: Approximation, weight: Target | None) -> None:
    """Refuse a weight that is not positive somewhere: its error would say nothing there."""
    if weight is None:
        return
    for low, high in study_domain(approximation):
        for k in range(_WEIGHTS + 1):
            at = ball(low) + (ball(high) - ball(low)) * k / _WEIGHTS
            if weight.ball(at) <= 0:
                raise ProofError(
                    f"weight={approximation.weight!r} is not positive at x={float(at):.6g}: choose "
                    "one that is positive on the whole domain"
                )


def _of_a_step(approximation: Approximation) -> bool:
    """Whether stages are compared with a sign or a step on both sides of its gap."""
    return approximation.function in STEPS and approximation.structure == "composition"


def _sampled(approximation: Approximation, target: Target, weight: Target | None) -> bool:
    size = float(approximation.scale)
    if approximation.structure == "polynomial":  # large coefficients cost float64 its digits
        size = max(size, 2.0**10 * approximation.largest_coefficient)
    relative = approximation.error_estimate / size
    constants = approximation.function in STEPS and approximation.structure.startswith("compos")
    return (
        target.pieces is not None
        and weight is None
        and not constants
        and total_degree(approximation) <= _largest_sampled(approximation)
        and (relative > _FLOAT_ERROR or total_degree(approximation) <= 2)
        and floats_suffice(target)
    )


def _smooth_plan(approximation: Approximation, target: Target) -> bool:
    return (
        approximation.plan.inputs == 1
        and target.provable
        and max(total_degree(approximation), plan_degree(approximation.plan)) <= LARGEST_DEGREE
    )


def _largest_sampled(approximation: Approximation) -> int:
    return _LARGEST_CIRCUIT if approximation.structure == "circuit" else _LARGEST_SAMPLED_DEGREE


def certified(
    approximation: Approximation,
    reference: tuple[mpmath.mpf, ...] = (),
    target: Target | None = None,
    weight: Target | None = None,
) -> Approximation:
    """The approximation with its certificate; the arguments are those of :func:`prove`."""
    return replace(approximation, certificate=prove(approximation, reference, target, weight))
