# SPDX-License-Identifier: Apache-2.0
"""The error of evaluating an approximation in float64, proven.

Along one argument the sum of :mod:`polyapprox.proof.sensitivity` is, for fixed ε and fixed signs,
a polynomial in x of the plan's degree. It is bounded by

=========================  ===============================================================
degree up to 2^13          samples on a verified mesh (:mod:`polyapprox.proof.mesh`)
larger: circuits           Taylor models on cells (:mod:`polyapprox.proof.cells`)
larger: composites         stage by stage (:mod:`polyapprox.proof.float64_stages`)
=========================  ===============================================================

Maximum and minimum are a polynomial of a − b between linear operations, which are looked at apart.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from ..approximation import Approximation
from ..outward import float_down, float_up
from ..plan.degree import plan_degree
from ..plan.plan import Plan
from ..plan.two_arguments import parts
from ..precision import one_at_a_time
from .bounded import BoundedArray
from .by_cells import graded_edges, halved
from .cells import TaylorArray
from .evaluation import NOTHING, UNKNOWN, Evaluation, largest_of
from .float64_stages import by_stages
from .mesh import chebyshev_mesh
from .sensitivity import Sensitivity, sensitivity
from .study import study_domain

_OVERSAMPLING, _OVERSAMPLING_OF_LARGE = 8.0, 3.0
_SMALL, _LARGEST_SAMPLED = 1 << 8, 1 << 13  # degrees
_LARGEST_SAMPLED_COMPOSITE = 1 << 15
_AT_ONCE = 1 << 20  # numbers
_CELLS_AT_ONCE = 512
_AN_OCTAVE = 4
_MOST = 1 << 14  # cells
_NARROWEST = 1e-14  # cells are not halved beyond, relatively
_CLOSE = 3.0  # a cell may have so many times the largest sample
_GROW = 1.0 + 1e-11


@one_at_a_time
def float64_error_bound(approximation: Approximation) -> float:
    """Proven bound of |r evaluated in float64 − r| on what is covered, absolute.

    IEEE double arithmetic, rounding to nearest, operation by operation as the plan says (what a
    call with floats or NumPy arrays does); the constants' rounding to double included.

    Parameters
    ----------
    approximation : Approximation

    Returns
    -------
    float
        Infinite where values overflow, or nothing can be proven.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> 1e-16 < float64_error_bound(circuit("relu", multiplications=5)) < 1e-13
    True
    """
    key = approximation.plan.digest, tuple(study_domain(approximation))
    if key not in _known:
        with np.errstate(all="ignore"):
            _known[key] = _bound(approximation)
    return _known[key]


_known: dict[Any, float] = {}


@one_at_a_time
def slope_bound(approximation: Approximation) -> float:
    """Proven bound of |r'| on what is covered: how many times larger noise of the input comes out.

    Parameters
    ----------
    approximation : Approximation
        Of maximum and minimum: the derivative with respect to either argument.

    Returns
    -------
    float
        Infinite where nothing can be proven. Near the truth, but for composites of a degree above
        2^15: there the steepest slopes of all stages are multiplied, which may be far above it.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> 4.42 < slope_bound(circuit("relu", multiplications=5)) < 4.6
    True
    """
    with np.errstate(all="ignore"):
        if approximation.plan.inputs == 1:
            return _on_domain(approximation, approximation.plan, slopes=True).slope
        found = _apart(approximation)
        if found is None:
            return math.inf
        front, inner, back, _ = found
        slopes = (
            float(own[0]) * inner.slope * float(back.slopes[0][0]) + float(direct[0])
            for own, direct in zip(front.slopes, back.slopes[1:], strict=True)
        )
        return max(slopes) * _GROW


def _bound(approximation: Approximation) -> float:
    if approximation.plan.inputs == 1:
        return _on_domain(approximation, approximation.plan, slopes=False).error
    found = _apart(approximation)
    if found is None:
        return math.inf
    _, _, back, error = found
    return (float(back.rounding[0]) + float(back.slopes[0][0]) * error) * _GROW


def _apart(
    approximation: Approximation,
) -> tuple[Sensitivity, Evaluation, Sensitivity, float] | None:
    """The three parts of a plan of two arguments, and the error of the value in the middle."""
    found = parts(approximation.plan) if approximation.plan.inputs == 2 else None
    if found is None:
        return None
    low, high = approximation.covered[0][0], approximation.covered[-1][1]
    size = max(float_up(high), -float_down(low))
    arguments = [BoundedArray(np.zeros(1), np.full(1, size)) for _ in range(2)]
    front = sensitivity(found.front, arguments, BoundedArray.lift_constant)
    inner = _on_domain(approximation, found.inner, slopes=True)
    error = inner.error + inner.slope * float(front.rounding[0])
    value = BoundedArray(np.zeros(1), np.full(1, inner.size + error))
    return front, inner, sensitivity(found.back, [value, *arguments], BoundedArray.lift_constant), error


def _on_domain(approximation: Approximation, plan: Plan, slopes: bool) -> Evaluation:
    """A plan of one argument on all that is covered (a little more, for rounded arguments)."""
    by_parts = approximation.structure in ("composite", "composition")
    if by_parts and plan_degree(plan) > _LARGEST_SAMPLED_COMPOSITE:
        return by_stages(approximation, plan)
    total = NOTHING
    for low, high in study_domain(approximation):
        ends = float_down(low), float_up(high)
        room = 4e-16 * max(map(abs, ends)) if slopes else 0.0
        composite = approximation.structure != "circuit"
        total = total.joined(
            evaluation(plan, ends[0] - room, ends[1] + room, slopes=slopes, sampled=composite)
        )
    return total


def evaluation(
    plan: Plan, low: float, high: float, *, slopes: bool = True, sampled: bool = False
) -> Evaluation:
    """The error of a plan of one argument evaluated in float64 on [low, high], proven.

    Parameters
    ----------
    plan : Plan
    low, high : float
    slopes : bool
        Whether the bound of the slope is to be near the truth too.
    sampled : bool
        Whether larger degrees too are bounded by samples.

    Returns
    -------
    Evaluation
        Infinite where it overflows, or cannot be bounded within the budget.
    """
    degree = max(1, plan_degree(plan))
    if not (math.isfinite(low) and math.isfinite(high)):
        return UNKNOWN
    if degree <= (_LARGEST_SAMPLED_COMPOSITE if sampled else _LARGEST_SAMPLED):
        found = _on_mesh(plan, low, high, degree)
    else:
        found = _on_cells(plan, low, high, degree, slopes)
    return found if found.finite else UNKNOWN


def _on_mesh(plan: Plan, low: float, high: float, degree: int) -> Evaluation:
    """From samples on a verified mesh."""
    samples = degree * (_OVERSAMPLING if degree <= _SMALL else _OVERSAMPLING_OF_LARGE)
    mesh = chebyshev_mesh(low, high, max(8, int(samples)))
    step = max(64, _AT_ONCE // len(plan.operations))
    total = NOTHING
    for start in range(0, len(mesh.points), step):
        x = BoundedArray(mesh.points[start : start + step])
        total = total.joined(largest_of(sensitivity(plan, [x], BoundedArray.lift_constant)))
        if not math.isfinite(total.error):
            return UNKNOWN
    return total.times(mesh.factor(degree))


def _on_cells(plan: Plan, low: float, high: float, degree: int, slopes: bool) -> Evaluation:
    """From Taylor models on cells, which are halved until the bound is near the largest sample."""
    cuts = [low, *([0.0] if low < 0 < high else []), high]
    edges = np.concatenate(
        [graded_edges(a, b, degree, _AN_OCTAVE) for a, b in pairwise(cuts)], axis=1
    )
    total, sampled, done = NOTHING, NOTHING, 0
    while edges.shape[1]:
        done += edges.shape[1]
        if done > _MOST:
            return UNKNOWN
        centre = BoundedArray(0.5 * (edges[0] + edges[1]))
        at_centre = sensitivity(plan, [centre], BoundedArray.lift_constant)
        sampled = sampled.joined(largest_of(at_centre))
        wide = []
        for start in range(0, edges.shape[1], _CELLS_AT_ONCE):
            part = edges[:, start : start + _CELLS_AT_ONCE]
            found = sensitivity(plan, [TaylorArray.on(*part)], TaylorArray.lift_constant)
            kept = found.rounding <= _CLOSE * sampled.error
            if slopes:
                kept &= found.slopes[0] <= _CLOSE * sampled.slope
            wide.append(part[:, ~kept])
            if np.any(kept):
                total = total.joined(largest_of(found, kept))
        edges = np.concatenate(wide, axis=1)
        if np.any(edges[1] - edges[0] <= _NARROWEST * np.abs(edges[0])):
            return UNKNOWN
        edges = halved(edges)
    return total
