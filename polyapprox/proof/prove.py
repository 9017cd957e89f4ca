"""Proving an approximation: which method serves which kind, and the certificate."""

from __future__ import annotations

from dataclasses import replace

import mpmath

from ..approximation import Approximation
from ..certificate import Certificate
from ..errors import ProofError
from ..numbers import ZERO, decimal
from ..precision import one_at_a_time
from ..structures import total_degree
from ..targets import Target, as_target
from .agreement import check_agreement
from .by_cells import by_cells
from .by_sampling import by_sampling, floats_suffice
from .by_stages import STEPS, by_stages
from .by_taylor import by_taylor
from .competitors import lower_bound
from .plan_polynomial import LARGEST_DEGREE, by_taylor_of_plan
from .study import one_argument_function

_LARGEST_SAMPLED_DEGREE = 20_000
_LARGEST_CIRCUIT = 1 << 24
_LARGEST_SAMPLED_CIRCUIT = 1 << 11  # cells are faster beyond
_FLOAT_ERROR = 2.0**-36


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
    check_agreement(approximation)
    if target is None:
        target = as_target(one_argument_function(approximation.function))
    if weight is None and approximation.weight != "1":
        weight = as_target(approximation.weight)
    lower, lower_for = lower_bound(approximation, target, weight, reference)
    if _sampled(approximation, target, weight):
        degree, circuit = total_degree(approximation), approximation.structure == "circuit"
        by_all = by_cells if circuit and degree > _LARGEST_SAMPLED_CIRCUIT else by_sampling
        upper, method, details = by_all(approximation, target)
    elif _smooth_plan(approximation, target, weight):
        upper, method, details = by_taylor_of_plan(approximation, target)
    elif approximation.structure == "circuit":
        raise ProofError(
            f"a circuit for {approximation.function!r} of degree {total_degree(approximation)} is "
            "beyond the proof by samples and by Taylor models in float64"
        )
    elif approximation.structure in ("composite", "composition"):
        upper, method, details = by_stages(approximation)
    else:
        upper, method, details = by_taylor(approximation, target, weight, lower or ZERO)
    if not upper >= 0:
        raise ProofError(f"no bound was found for {approximation.function!r}")
    if lower is not None and reference:
        details["reference"] = [decimal(x) for x in reference]
    return Certificate(upper, lower, lower_for, method, details)


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


def _smooth_plan(
    approximation: Approximation, target: Target, weight: Target | None
) -> bool:
    return (
        approximation.structure == "circuit"
        and weight is None
        and approximation.plan.inputs == 1
        and target.provable
        and total_degree(approximation) <= LARGEST_DEGREE
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
