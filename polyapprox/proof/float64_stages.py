# SPDX-License-Identifier: Apache-2.0
"""The error of evaluating a long composite in float64: stage by stage.

The interval is cut into cells of |x|: one from the threshold on, and ever smaller ones towards 0,
where every stage increases. On each cell a stage hands on a set that holds its exact value and the
one computed, and a bound of their difference: the rounding errors of the stage itself, and its
steepest slope on that set times the difference of the stage before; or the width of the set.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import mpmath
import numpy as np
from flint import arb, arb_poly

from ..approximation import Approximation
from ..numbers import ball
from ..plan.count import input_scaling
from ..plan.cuts import between, handed_over, with_own_scalings
from ..plan.degree import plan_degree
from ..plan.plan import Plan
from ..precision import working_precision
from .bounded import BoundedArray
from .by_stages import STEPS
from .evaluation import NOTHING, UNKNOWN, Evaluation
from .mesh import Mesh, chebyshev_mesh
from .ranges import is_odd, power_form, range_on
from .sensitivity import sensitivity
from .study import study_domain

_HALVINGS = 64  # cells between the threshold and 0
_OVERSAMPLING = 6
_NARROW = 1e-9  # cells are widened to this half-width, relative to their ends
_SLACK = 1.0 + 1e-12  # above what plan and components may differ by, and the rounding here


@dataclass(frozen=True)
class _Cell:
    """|v| in [low, high] and how far the computed value may be from it; the slope of all before."""

    low: arb
    high: arb
    error: float
    slope: float


def by_stages(approximation: Approximation, plan: Plan) -> Evaluation:
    """The error of a plan of one argument that is made of odd stages.

    Parameters
    ----------
    approximation : Approximation
        A composite.
    plan : Plan
        Of one argument: the approximation's own, or its part for a − b.

    Returns
    -------
    Evaluation
        Infinite where a stage is not odd, does not increase up to its interval, or overflows.
    """
    components = approximation.components
    start = _start(approximation)
    if start is None or not all(map(is_odd, components)):
        return UNKNOWN
    scaling = input_scaling(plan)
    plan = with_own_scalings(plan) if scaling is None else plan
    unit = 0 if scaling is None else scaling
    values = handed_over(plan, unit, [component.degree for component in components[:-1]])
    if not values:
        return UNKNOWN
    stages = [between(plan, a, b) for a, b in zip([unit, *values[:-1]], values, strict=True)]
    last = between(plan, values[-1], plan.output, unit)
    first = between(plan, 0, unit)
    if last is None or first is None or None in stages:
        return UNKNOWN
    small = max(mpmath.mpf(approximation.error_estimate), mpmath.mpf(2) ** -1000)
    bits = 128 + 2 * int(max(0.0, -float(mpmath.log(small, 2)))) + 6 * max(approximation.degrees)
    with working_precision(bits):
        scale = ball(plan.operations[scaling].constant) if scaling is not None else arb(1)
        forms = [power_form(component) for component in components[:-1]]
        forms[0] = forms[0](arb_poly([0, 1 / scale]))
        cells = _first_cells(approximation, ball(start), first, scale)
        inputs = list(cells)
        for stage, form in zip(stages, forms, strict=True):
            if stage is None:
                return UNKNOWN
            found = _through(stage, form, cells)
            if found is None:
                return UNKNOWN
            cells = found
        return _last(last, cells, inputs)


def _start(approximation: Approximation) -> mpmath.mpf | None:
    """From which |x| on all stages but the first see their own intervals."""
    if approximation.function in STEPS:
        least = min(abs(end) for part in approximation.covered for end in part)
        return least if least > 0 else None
    return approximation.threshold


def _first_cells(
    approximation: Approximation, start: arb, first: Plan, scale: arb
) -> list[_Cell]:
    """Cells of the unit variable; the first one is from the threshold to the end."""
    ends = [abs(ball(end)) for part in study_domain(approximation) for end in part]
    end = ends[0].max(ends[-1]).upper()
    edges = [start.lower() * arb((1, -k)) for k in range(_HALVINGS + 1)]
    pairs = [(edges[0], end)]
    if approximation.function not in STEPS:  # these have a gap there
        pairs += [(low, high) for high, low in itertools.pairwise(edges)]
        pairs.append((arb(0), edges[-1]))
    cells = []
    for low, high in pairs:
        x = BoundedArray(np.array([_above(high)]))
        found = sensitivity(first, [x], BoundedArray.lift_constant)
        error = float(found.rounding[0])
        slope = float(found.slopes[0][0])
        cells.append(_Cell((low * scale).lower() - error, (high * scale).upper() + error, error, slope))
    return cells


def _through(stage: Plan, form: arb_poly, cells: list[_Cell]) -> list[_Cell] | None:
    """The cells after a stage."""
    bounds = _evaluated(stage, [(cell.low, cell.high) for cell in cells])
    tail = range_on(form, True, cells[0].low, cells[0].high)
    if not (tail.increasing_before or len(cells) == 1):
        return None
    result = []
    for index, (cell, found) in enumerate(zip(cells, bounds, strict=True)):
        if not found.finite:
            return None
        low, high = tail.smallest, tail.largest
        if index and not cell.low >= cells[0].low:
            low = low.min(form(cell.low).lower())
            if cell.high <= cells[0].low:
                low, high = form(cell.low).lower(), form(cell.high).upper()
        elif index and not cell.high <= cells[0].high:
            return None
        error = (found.error + found.slope * cell.error) * _SLACK
        low, high = (low - found.error * _SLACK).lower(), (high + found.error * _SLACK).upper()
        error = min(error, _above(high - low))
        result.append(_Cell(low, high, error, found.slope * cell.slope * _SLACK))
    return result


def _evaluated(stage: Plan, sets: list[tuple[arb, arb]]) -> list[Evaluation]:
    """Error, slope and size of a stage on each of these sets and their mirror images."""
    degree = plan_degree(stage)
    meshes = _meshes(sets, degree)
    points = np.concatenate([mesh.points for mesh in meshes])
    found = [
        sensitivity(stage, [BoundedArray(side)], BoundedArray.lift_constant)
        for side in (points, -points)
    ]
    rounding = np.maximum(found[0].rounding, found[1].rounding)
    slope = np.maximum(found[0].slopes[0], found[1].slopes[0])
    size = np.maximum(found[0].size, found[1].size)
    return _of_each(meshes, degree, rounding, slope, size)


def _last(stage: Plan, cells: list[_Cell], inputs: list[_Cell]) -> Evaluation:
    """Of the last stage, a polynomial of v and the unit variable z, of first degree in z.

    For fixed v the sum of the rounding errors is largest at an end of z.
    """
    degree = plan_degree(stage)
    meshes = _meshes([(cell.low, cell.high) for cell in cells], degree)
    v = np.concatenate([mesh.points for mesh in meshes])
    of_v = of_z = rounding = size = np.zeros(v.shape)
    for sign in (1.0, -1.0):
        for end in ("low", "high"):
            ends = [_above(getattr(cell, end)) for cell in inputs]
            z = np.concatenate(
                [np.full(mesh.points.shape, e) for mesh, e in zip(meshes, ends, strict=True)]
            )
            arguments = [BoundedArray(sign * v), BoundedArray(sign * z)]
            found = sensitivity(stage, arguments, BoundedArray.lift_constant)
            rounding = np.maximum(rounding, found.rounding)
            size = np.maximum(size, found.size)
            of_v = np.maximum(of_v, found.slopes[0])
            of_z = np.maximum(of_z, found.slopes[1])
    total = NOTHING
    by_v = _of_each(meshes, degree, rounding, of_v, size)
    by_z = _of_each(meshes, degree, rounding, of_z, size)
    for cell, start, one, other in zip(cells, inputs, by_v, by_z, strict=True):
        error = one.error + one.slope * cell.error + other.slope * start.error
        slope = one.slope * cell.slope + other.slope * start.slope
        total = total.joined(Evaluation(error, slope, one.size).times(_SLACK))
    return total if total.finite else UNKNOWN


def _of_each(
    meshes: list[Mesh], degree: int, rounding: np.ndarray, slope: np.ndarray, size: np.ndarray
) -> list[Evaluation]:
    """Bounds on each set from the samples on its mesh."""
    result, start = [], 0
    for mesh in meshes:
        part = slice(start, start + len(mesh.points))
        numbers = (float(np.max(column[part])) for column in (rounding, slope, size))
        found = Evaluation(*(math.inf if math.isnan(n) else n for n in numbers))
        result.append(found.times(mesh.factor(degree)))
        start = part.stop
    return result


def _meshes(sets: list[tuple[arb, arb]], degree: int) -> list[Mesh]:
    """A mesh over each set, widened where it is narrow beside the floats."""
    result = []
    for low, high in sets:
        a, b = -_above(-low), _above(high)
        room = _NARROW * max(abs(a), abs(b), 1e-290)
        if b - a < 2 * room:
            a, b = a - room, b + room
        result.append(chebyshev_mesh(a, b, max(8, _OVERSAMPLING * degree)))
    return result


def _above(number: arb) -> float:
    """A float that is not smaller."""
    return float(np.nextafter(float(number.upper()), math.inf))
