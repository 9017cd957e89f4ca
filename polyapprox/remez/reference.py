# SPDX-License-Identifier: Apache-2.0
"""Initial references: where the first N + 2 points go, on one interval or several."""

from __future__ import annotations

import numpy as np

from .problem import Array, Problem


def initial_reference(problem: Problem) -> Array:
    """N + 2 ascending points, distributed by the equilibrium density of the domain in t.

    One interval: Chebyshev points. Several: Leja points (F. Leja, Ann. Polon. Math. 4 (1957), 8),
    which allocates the points over the intervals by itself, at any degree.
    """
    count = problem.degree + 2
    if len(problem.intervals) == 1:
        low, high = problem.intervals[0]
        if problem.reduction == "odd" and low < 1e-9 * high:
            angles = (2 * np.arange(count) + 1) * np.pi / (2 * count)
        else:
            angles = np.arange(count) * np.pi / (count - 1)
        return _cosine_points(problem, low, high, angles)
    return _leja_points(problem, count)


def _cosine_points(problem: Problem, low: float, high: float, angles: Array) -> Array:
    """Points of [low, high] whose t is cosine-spaced: t = t_low + (t_high − t_low) sin²(θ/2)."""
    sine_squared = np.sin(angles / 2) ** 2
    if problem.reduction == "plain":
        points = low + (high - low) * sine_squared
    else:
        points = np.sqrt(low * low + (high - low) * (high + low) * sine_squared)
    return np.clip(points, low, high)


def _leja_points(problem: Problem, count: int) -> Array:
    """One by one, the candidate with the largest product of distances in t to those before."""
    angles = np.arange(8 * count + 1) * np.pi / (8 * count)
    pieces = [_cosine_points(problem, a, b, angles) for a, b in problem.intervals]
    candidates = np.unique(np.concatenate(pieces))
    t = problem.t(candidates)
    t = t / (t.max() - t.min())
    chosen = [int(np.argmax(np.abs(t - (t.max() + t.min()) / 2)))]
    with np.errstate(divide="ignore"):
        total = np.log(np.abs(t - t[chosen[0]]))
        for _ in range(count - 1):
            chosen.append(int(np.argmax(total)))
            total = total + np.log(np.abs(t - t[chosen[-1]]))
    return np.sort(candidates[chosen])
