# SPDX-License-Identifier: Apache-2.0
"""Where the error is largest: the extremum of each run of one sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from .problem import Array, Problem

_RIVAL = 0.9


def search_grid(problem: Problem, nodes: Array, per_gap: int = 10, least: int = 240) -> Array:
    """Ascending points: cosine-spaced between neighbouring nodes, ends and breakpoints.

    Parameters
    ----------
    nodes : ndarray
        Ascending.
    per_gap : int
        Points for each gap.
    least : int
        About as many points in all, however few the gaps.
    """
    per_gap = max(per_gap, least // len(nodes))
    pieces = []
    cosines = 0.5 - 0.5 * np.cos(np.pi * np.arange(per_gap) / per_gap)
    for low, high in problem.intervals:
        inside = [v for v in (*nodes, *problem.breakpoints) if low < v < high]
        knots = np.unique(np.array([low, *inside, high]))
        pieces.append((knots[:-1, None] + np.diff(knots)[:, None] * cosines).ravel())
        pieces.append(np.array([high]))
    return np.concatenate(pieces)


def signed_extrema(
    error: Callable[[Array], Array],
    grid: Array,
    intervals: tuple[tuple[float, float], ...],
    parabolas: int = 2,
    zoom: bool = True,
) -> tuple[Array, Array]:
    """The extremum of each sign run of the error on an ascending grid.

    Every local maximum that rivals the largest of its run is refined by one zoom into its bracket
    (unless values are dear), then by parabolas through three points ever closer together.

    Returns
    -------
    points, values : ndarray, shape (runs,)
        Signs of `values` alternate. A single NaN where the error is not finite everywhere.
    """
    values = error(grid)
    if not np.all(np.isfinite(values)):
        return grid[:1], np.array([np.nan])
    run = np.concatenate([[0], np.cumsum(np.diff(values >= 0))])
    best = _rivals(np.abs(values), run)
    points, extrema = grid[best], values[best]
    bounds = np.array(intervals)[
        np.searchsorted([low for low, _ in intervals], points, side="right") - 1
    ]
    left = np.maximum(grid[np.maximum(best - 1, 0)], bounds[:, 0])
    right = np.minimum(grid[np.minimum(best + 1, len(grid) - 1)], bounds[:, 1])
    bracket = _Bracket(error, bounds, np.where(extrema >= 0, 1.0, -1.0))
    if zoom:
        points, extrema = bracket.zoom(points, extrema, left, right)
    step = (right - left) / (8 if zoom else 4)
    for _ in range(parabolas):
        points, extrema = bracket.parabola(points, extrema, step)
        step = step / 12
    order = np.lexsort((-np.abs(extrema), run[best]))
    first = order[np.unique(run[best][order], return_index=True)[1]]
    return points[first], extrema[first]


def _rivals(size: Array, run: Array) -> Array:
    """Indices of the local maxima within 10% of the largest of their run."""
    starts = np.concatenate([[0], np.nonzero(np.diff(run))[0] + 1])
    largest = np.repeat(np.maximum.reduceat(size, starts), np.diff([*starts, len(size)]))
    padded = np.concatenate([[-1.0], size, [-1.0]])
    same_left = np.concatenate([[False], run[1:] == run[:-1]])
    same_right = np.concatenate([run[1:] == run[:-1], [False]])
    local = (~same_left | (size > padded[:-2])) & (~same_right | (size >= padded[2:]))
    return np.nonzero((local & (size >= _RIVAL * largest)) | (size == largest))[0]


class _Bracket:
    """Refinement of all extrema at once: every step is one vectorised evaluation."""

    def __init__(self, error: Callable[[Array], Array], bounds: Array, signs: Array) -> None:
        self.error, self.bounds, self.signs = error, bounds, signs

    def _evaluate(self, trial: Array) -> Array:
        clipped = np.clip(trial, self.bounds[:, :1], self.bounds[:, 1:])
        return cast("Array", self.error(clipped.ravel()).reshape(trial.shape) * self.signs[:, None])

    def _better(
        self, points: Array, extrema: Array, trial: Array, values: Array
    ) -> tuple[Array, Array]:
        row, winner = np.arange(len(points)), np.argmax(values, axis=1)
        candidate, size = trial[row, winner], values[row, winner]
        better = size > np.abs(extrema)
        candidate = np.clip(candidate, self.bounds[:, 0], self.bounds[:, 1])
        return np.where(better, candidate, points), np.where(better, size * self.signs, extrema)

    def zoom(self, points: Array, extrema: Array, left: Array, right: Array) -> tuple[Array, Array]:
        """Seven points inside each bracket."""
        trial = left[:, None] + (right - left)[:, None] * np.linspace(0, 1, 9)[1:-1]
        return self._better(points, extrema, trial, self._evaluate(trial))

    def parabola(self, points: Array, extrema: Array, step: Array) -> tuple[Array, Array]:
        """Vertex of the parabola through each point and its neighbours at distance `step`."""
        trial = points[:, None] + step[:, None] * np.array([-1.0, 1.0])
        values = self._evaluate(trial)
        middle = np.abs(extrema)
        curvature = values[:, 0] + values[:, 1] - 2 * middle
        safe = np.where(curvature < 0, curvature, -1.0)
        shift = np.where(curvature < 0, (values[:, 0] - values[:, 1]) / (2 * safe), 0.0)
        vertex = (points + step * np.clip(shift, -1, 1))[:, None]
        trial = np.concatenate([trial, vertex], axis=1)
        values = np.concatenate([values, self._evaluate(vertex)], axis=1)
        return self._better(points, extrema, trial, values)
