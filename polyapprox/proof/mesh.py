# SPDX-License-Identifier: Apache-2.0
"""Meshes on which a few samples bound a polynomial everywhere.

If q has degree n, |q| reaches its maximum M over [a, b] at x*, and θ is the angle of the
interval (x = (a+b)/2 + (b−a)/2 · cos θ), then |q| >= M cos(n |θ − θ*|) as long as
n |θ − θ*| < π/2 (M. Riesz; this is what makes the sampling theorem of Ehlich and Zeller, Math.
Z. 86 (1964), 41, true). So if every angle has a mesh point within ρ, nρ < π/2,

    max over [a, b] of |q|  <=  max over the mesh of |q| / cos(nρ).

ρ is *measured* on the float64 points that are used, with IEEE operations whose rounding is
bounded, so nothing is assumed about the accuracy of the library's cosine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Mesh:
    """Ascending float64 points of [a, b] (both ends included) and their angular half-gap ρ."""

    points: np.ndarray
    half_gap: float

    def factor(self, degree: int) -> float:
        """Upper bound of max |q| over the interval / max |q| over the mesh, deg q <= degree."""
        angle = degree * self.half_gap
        if not angle < 1.5:
            return math.inf
        return 1.0 / math.cos(angle) * (1 + 1e-15)


def angular_half_gap(points: np.ndarray) -> float:
    """Half of the largest angular distance of neighbours (proven upper bound).

    The chord between the angles of x < y on the unit circle has the legs (y − x)/r and
    (s_y − s_x)/r with s = sqrt((x − a)(b − x)), r = (b − a)/2; the difference of the roots is
    taken without cancellation. Each quantity has a relative rounding error below 20 units.
    """
    low, high = points[0], points[-1]
    root = np.sqrt((points - low) * (high - points))
    step = np.diff(points)
    middle = (points[1:] - low) - (high - points[:-1])
    total = root[1:] + root[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.where(total > 0, step * np.abs(middle) / total, 0.0)
        # |s_y² − s_x²| = (y − x)|a + b − x − y|; `middle` is −(a + b − x − y) to rounding, whose
        # absolute error is at most 3 units of (b − a): added here.
        rise = rise + np.where(total > 0, step * (1e-15 * (high - low)) / total, 0.0)
    chord = np.hypot(step, rise) / (0.5 * (high - low))
    largest = float(np.max(chord)) * (1 + 1e-14)
    if largest >= 2.0:
        return math.inf
    return math.asin(largest / 2) * (1 + 1e-14)


@lru_cache(maxsize=256)
def chebyshev_mesh(low: float, high: float, count: int) -> Mesh:
    """About `count` + 1 points, cosine-spaced on [low, high], with their measured half-gap."""
    angles = np.arange(count + 1) * (math.pi / (2 * count))
    points = low + (high - low) * np.sin(angles) ** 2
    upper = angles > math.pi / 4
    points[upper] = high - (high - low) * np.cos(angles[upper]) ** 2
    points = np.unique(np.clip(points, low, high))
    points[0], points[-1] = low, high
    points.setflags(write=False)
    return Mesh(points, angular_half_gap(points))
