# SPDX-License-Identifier: Apache-2.0
"""Bounds of polynomials by samples on a verified mesh (see :mod:`polyapprox.proof.mesh`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from flint import arb, arb_poly

from ..outward import UNIT
from ..plan.plan import Plan
from .bounded import BoundedArray
from .mesh import chebyshev_mesh

_CHUNK = 8192


@dataclass(frozen=True)
class SampledBound:
    """A proven bound and the largest sample it came from."""

    upper: float
    sampled: float
    points: int
    where: float


def bound_plan(
    plan: Plan,
    target: Callable[[BoundedArray], BoundedArray],
    low: float,
    high: float,
    degree: int,
    oversampling: int,
    added: Callable[[np.ndarray], np.ndarray] | None = None,
) -> SampledBound:
    """Bound |plan(x) − target(x)| on [low, high], where the difference has at most that degree.

    Float64 with running rounding bounds: fast for plans of total degree up to a few millions.

    Parameters
    ----------
    plan : Plan
        Of one argument.
    target : callable
        A polynomial, on :class:`BoundedArray`.
    low, high : float
    degree : int
        Of plan(x) − target(x).
    oversampling : int
        Mesh points for each degree: the bound exceeds the largest sample by a factor of
        1/cos(π / (2 · oversampling)).
    added : callable, optional
        What is to be added to the size of the difference at points.
    """
    mesh = chebyshev_mesh(low, high, max(4, oversampling * max(degree, 1)))
    largest, sampled, where = 0.0, 0.0, low
    for start in range(0, len(mesh.points), _CHUNK):
        points = mesh.points[start : start + _CHUNK]
        x = BoundedArray(points)
        error = plan.run(x, lift=BoundedArray.lift_constant) - target(x)
        if added is not None:
            error.radius = error.radius + added(points)
        bound = error.largest()
        if not math.isfinite(bound):
            return SampledBound(math.inf, math.inf, len(mesh.points), low)
        largest = max(largest, bound)
        peak = int(np.argmax(np.abs(error.value)))
        if abs(error.value[peak]) > sampled:
            sampled, where = float(abs(error.value[peak])), float(points[peak])
    upper = largest * mesh.factor(degree) * (1 + 1e-15)
    return SampledBound(upper, sampled, len(mesh.points), where)


def bound_unit_polynomial(
    coefficients: list[float], uncertainty: float, oversampling: int
) -> float:
    """Bound |sum c_k s^k| on [-1, 1] for float coefficients, each known within a radius.

    Parameters
    ----------
    coefficients : list of float
        Low to high.
    uncertainty : float
        Sum of the radii of the coefficients.
    oversampling : int
    """
    degree = max(1, len(coefficients) - 1)
    mesh = chebyshev_mesh(-1.0, 1.0, oversampling * degree)
    value = np.full_like(mesh.points, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * mesh.points + coefficient
    rounding = (2 * degree + 4) * UNIT * sum(abs(c) for c in coefficients) * 1.01
    largest = float(np.max(np.abs(value))) + rounding + uncertainty
    return largest * mesh.factor(degree) * (1 + 1e-14)


def bound_ball_polynomial(
    polynomial: arb_poly, low: arb, high: arb, oversampling: int
) -> tuple[arb, arb]:
    """Bound |q| on [low, high] in ball arithmetic.

    Returns
    -------
    upper, sampled : arb
        Proven upper bound; largest lower end of a sample.
    """
    degree = max(1, polynomial.degree())
    mesh = chebyshev_mesh(-1.0, 1.0, oversampling * degree)
    centre, radius = (low + high) / 2, (high - low) / 2
    shifted = polynomial(arb_poly([centre, radius]))
    values = shifted.evaluate([arb(float(v)) for v in mesh.points], "iter")
    largest = arb(0)
    sampled = arb(0)
    for value in values:
        upper, lower = value.abs_upper(), value.abs_lower()
        if not upper <= largest:
            largest = upper
        if lower > sampled:
            sampled = lower
    return (largest * arb(mesh.factor(degree))).upper(), sampled
