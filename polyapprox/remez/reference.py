"""Initial references: where the first N + 2 points go, on one interval or several."""

from __future__ import annotations

import numpy as np

from .problem import Array, Problem


def initial_reference(problem: Problem) -> Array:
    """N + 2 ascending points, distributed by the equilibrium density of the domain in t.

    One interval: Chebyshev points. Several: approximate Fekete points (greedy maximisation of
    the Vandermonde determinant by a pivoted QR factorisation; Sommariva and Vianello, Computers
    & Mathematics with Applications 57 (2009), 1324), which allocates the points over the
    intervals by itself.
    """
    count = problem.degree + 2
    if len(problem.intervals) == 1:
        low, high = problem.intervals[0]
        if problem.reduction == "odd" and low < 1e-9 * high:
            angles = (2 * np.arange(count) + 1) * np.pi / (2 * count)
        else:
            angles = np.arange(count) * np.pi / (count - 1)
        return _cosine_points(problem, low, high, angles)
    return _fekete_points(problem, count)


def _cosine_points(problem: Problem, low: float, high: float, angles: Array) -> Array:
    """Points of [low, high] whose t is cosine-spaced: t = t_low + (t_high − t_low) sin²(θ/2)."""
    sine_squared = np.sin(angles / 2) ** 2
    if problem.reduction == "plain":
        points = low + (high - low) * sine_squared
    else:
        points = np.sqrt(low * low + (high - low) * (high + low) * sine_squared)
    return np.clip(points, low, high)


def _fekete_points(problem: Problem, count: int) -> Array:
    angles = np.arange(8 * count + 1) * np.pi / (8 * count)
    candidates = np.concatenate(
        [_cosine_points(problem, a, b, angles) for a, b in problem.intervals]
    )
    candidates = np.unique(candidates)
    t = problem.t(candidates)
    scaled = (2 * t - t.min() - t.max()) / (t.max() - t.min())
    basis = np.cos(np.arange(count)[:, None] * np.arccos(np.clip(scaled, -1, 1)))
    return np.sort(candidates[_pivots(basis, count)])


def _pivots(basis: Array, count: int) -> Array:
    """Columns that a QR factorisation with column pivoting takes first."""
    rest = basis.copy()
    chosen = []
    for _ in range(count):
        column = int(np.argmax(np.einsum("ij,ij->j", rest, rest)))
        chosen.append(column)
        direction = rest[:, column] / np.linalg.norm(rest[:, column])
        rest -= np.outer(direction, direction @ rest)
        rest[:, column] = 0.0
    return np.array(chosen)
