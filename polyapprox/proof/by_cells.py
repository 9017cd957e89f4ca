# SPDX-License-Identifier: Apache-2.0
"""Proof of long chains of products against piecewise polynomials: Taylor models on cells.

The cells of each piece of the target are split until the models are tight; the polynomial of
each model is then bounded on a verified mesh (see :mod:`polyapprox.proof.mesh`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

from .. import outward
from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import exact
from ..outward import UNIT
from ..structures import total_degree
from ..targets import Target
from .by_sampling import on_enclosures, pieces_on
from .cells import ORDER, TaylorArray
from .mesh import chebyshev_mesh
from .study import along_zero, study_domain

Method = tuple[mpmath.mpf, str, dict[str, object]]
Part = tuple[float, float, Callable[[TaylorArray], TaylorArray]]
Argument = Callable[[np.ndarray, np.ndarray], TaylorArray]
_AN_OCTAVE = 12  # first cells: so many to each halving of the distance from either end
_TIGHT = 5e-4  # of the estimate: the largest radius of a model
_LOOSE = 0.05  # of the estimate: what rounding may leave where halving a cell no longer helps
_HELPED = 0.7
_SMALL = 0.98  # of the estimate: cells with a bound below it are not looked at any closer
_OVERSAMPLING = 48
_MOST = 200_000  # cells
_AT_ONCE = 2048


def by_cells(approximation: Approximation, target: Target) -> Method:
    """Bound of the error from Taylor models, split until their radii are small beside it.

    Raises
    ------
    ProofError
        If the models stay wide: rounding is as large as the error, or the plan overflows.
    """
    parts = [
        (outward.below(start), outward.above(stop), on_enclosures(TaylorArray, coefficients))
        for low, high in study_domain(approximation)
        for start, stop, coefficients in pieces_on(target, low, high)
    ]
    return bounded_on_cells(approximation, parts, TaylorArray.on)


def bounded_on_cells(
    approximation: Approximation, parts: Sequence[Part], argument: Argument
) -> Method:
    """Bound of |r(argument) − f| over intervals, on which f is a function of models.

    Parameters
    ----------
    approximation : Approximation
    parts : sequence of (low, high, function)
        Intervals of a variable x, and f on models of x.
    argument : callable
        From the lower and the upper ends of cells to what the plan takes there, as a function of x.

    Raises
    ------
    ProofError
        If the models stay wide.
    """
    plan, estimate = along_zero(approximation), float(approximation.error_estimate)
    degree = total_degree(approximation)
    largest, cells = 0.0, 0
    for low, high, function in parts:
        edges = graded_edges(low, high, degree)
        done, before = 0, np.full(edges.shape[1], np.inf)
        while edges.shape[1]:
            done += edges.shape[1]
            if done > _MOST:
                raise ProofError(
                    f"the error of this circuit for {approximation.function!r} is not "
                    f"enclosed by {_MOST} Taylor models: rounding is as large as it is"
                )
            wide, radii = [], []
            for first in range(0, edges.shape[1], _AT_ONCE):
                part = slice(first, first + _AT_ONCE)
                with np.errstate(over="ignore", invalid="ignore"):
                    bound, kept, radius = _bounded(
                        plan, argument, function, edges[:, part], before[part], estimate, largest
                    )
                largest = max(largest, bound)
                wide.append(edges[:, part][:, ~kept])
                radii.append(radius[~kept])
            edges = halved(np.concatenate(wide, axis=1))
            before = np.tile(np.concatenate(radii), 2)
        cells += done
    return exact(largest), "Taylor models on cells", {"cells": cells, "degree": degree}


def graded_edges(
    start: float, stop: float, degree: int, an_octave: int = _AN_OCTAVE
) -> np.ndarray:
    """First cells of [start, stop], smaller towards both ends; shape (2, cells): low and high."""
    octaves = max(4, degree.bit_length() + 2)
    share = 0.5 ** (1 + np.arange(an_octave * octaves) / an_octave)
    length = stop - start
    inner = np.concatenate([start + length * share, stop - length * share])
    inner = inner[(inner > start) & (inner < stop)]
    points = np.unique(np.concatenate([[start], inner, [stop]]))
    return np.stack([points[:-1], points[1:]])


def halved(edges: np.ndarray) -> np.ndarray:
    """Both halves of each cell.

    Raises
    ------
    ProofError
        If a cell is so small that no float lies inside.
    """
    low, high = edges
    middle = 0.5 * (low + high)
    if np.any((middle <= low) | (middle >= high)):
        raise ProofError("a Taylor model stays wide on the smallest cell that there is")
    return np.stack([np.concatenate([low, middle]), np.concatenate([middle, high])])


def _bounded(
    plan: Any,
    argument: Argument,
    target: Callable[[TaylorArray], TaylorArray],
    edges: np.ndarray,
    before: np.ndarray,
    estimate: float,
    known: float,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Bound of the error on the cells whose models are tight, which these are, and all radii.

    `before` are the radii of the cells that these are halves of.
    """
    x = TaylorArray.on(*edges)
    error = plan.run(argument(*edges), lift=TaylorArray.lift_constant) - target(x)
    plain = (error.size + error.radius) * (1 + 1e-14)
    stays = (error.radius <= _LOOSE * estimate) & (error.radius > _HELPED * before)
    kept = (error.radius <= _TIGHT * estimate) | (plain <= _SMALL * estimate) | stays
    if not np.any(kept):
        return 0.0, kept, error.radius
    closer = kept & (plain > max(known, _SMALL * estimate))
    largest = float(np.max(plain[kept & ~closer], initial=0.0))
    if np.any(closer):
        models = TaylorArray(error.coefficients[:, closer], error.radius[closer])
        largest = max(largest, _on_mesh(models))
    return largest, kept, error.radius


def _on_mesh(models: TaylorArray) -> float:
    """Bound of the functions on all their cells."""
    mesh = chebyshev_mesh(-1.0, 1.0, _OVERSAMPLING * (ORDER - 1))
    points = mesh.points[:, None]
    coefficients = models.coefficients.astype(np.float64)
    value = np.broadcast_to(coefficients[-1], (len(points), len(models.radius))).copy()
    for coefficient in coefficients[-2::-1]:
        value *= points
        value += coefficient
    rounding = (2 * ORDER + 5) * UNIT * models.size * 1.01
    sampled = np.max(np.abs(value), axis=0) + rounding
    return float(np.max(sampled * mesh.factor(ORDER - 1) + models.radius)) * (1 + 1e-14)
