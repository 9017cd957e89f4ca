# SPDX-License-Identifier: Apache-2.0
"""Whether float64 is too coarse for an approximation, in one sentence."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np

from ..approximation import Approximation
from ..errors import ArgumentError
from ..outward import float_down, float_up, upper
from ..plan.degree import plan_degree
from ..targets import as_target
from .float64 import evaluation, float64_error_bound
from .study import largest_value, study_domain

_OCTAVES = 40  # of the distance from 0, in each of which error and weight are taken together
_LARGEST = 1 << 10  # degree of a plan that is looked at octave by octave


def warning_of(approximation: Approximation) -> str | None:
    """What to say before a call with floats, or None where float64 is fine enough.

    Returns
    -------
    str or None
        None if the proven bound of the rounding errors (weighted as the error is) is at most the
        bound of the approximation (its estimate where nothing is proven).

    Examples
    --------
    >>> from polyapprox import minimax
    >>> warning_of(minimax("exp", 5)) is None, warning_of(minimax("exp", 20))[:10]
    (True, 'exp on [-1')
    """
    certificate = approximation.certificate
    own = approximation.error_estimate if certificate is None else certificate.upper
    if certificate is None and not own:  # nothing is claimed
        return None
    found = float64_error_bound(approximation)
    if approximation.weight != "1":
        found = _weighted(approximation, found)
    if found <= own:
        return None
    low, high = (mpmath.nstr(end, 6, strip_zeros=True) for end in approximation.interval)
    size = "without limit" if math.isinf(found) else f"by {upper(found, 3)}"
    return (
        f"{approximation.function} on [{low}, {high}] evaluated in float64 may be off {size}, more "
        f"than its own error of {upper(own, 3)}: call it with mpmath numbers or "
        "python-flint balls of more bits, or use a less precise approximation"
    )


def _weighted(approximation: Approximation, absolute: float) -> float:
    """Bound of weight times rounding error; next to 0, where the weight may be infinite, left out."""
    try:
        weight = as_target(approximation.weight)
    except ArgumentError:
        return absolute
    plan, parts = approximation.plan, []
    for low, high in study_domain(approximation):
        parts += _octaves(float_down(low), float_up(high))
    together = plan.inputs == 1 and plan_degree(plan) <= _LARGEST
    largest = 0.0
    for low, high in parts:
        heaviest = largest_value(weight, low, high)
        error = evaluation(plan, low, high).error if together else absolute
        if math.isfinite(heaviest):
            largest = max(largest, heaviest * error)
    return largest


def _octaves(low: float, high: float) -> list[tuple[float, float]]:
    edges = [low, high]
    for end in (low, high):
        steps = end * 0.5 ** np.arange(1, _OCTAVES)
        edges += [float(x) for x in steps if low < x < high]
    if low < 0 < high:
        edges.append(0.0)
    edges = sorted(set(edges))
    return list(itertools.pairwise(edges))
