"""Remez exchange in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .barycentric import Trial
from .exchange import exchange_one, thin_alternation
from .extrema import search_grid, signed_extrema
from .problem import Array, Problem
from .reference import initial_reference

_NOISE = 2e-13


@dataclass(frozen=True)
class Exchange:
    """Where the exchange stopped.

    Attributes
    ----------
    nodes : ndarray, shape (N + 2,)
        Reference, ascending in z.
    level : float
        Levelled error: a lower estimate of the minimax error.
    largest : float
        Largest error found.
    converged : bool
        Whether the relative gap fell under the tolerance.
    resolved : bool
        Whether double precision can resolve the error at all.
    iterations : int
    """

    nodes: Array
    level: float
    largest: float
    converged: bool
    resolved: bool
    iterations: int

    @property
    def gap(self) -> float:
        """Relative gap between largest error and level."""
        return (self.largest - abs(self.level)) / self.largest if self.largest else 0.0


def exchange(
    problem: Problem,
    nodes: Array | None = None,
    tolerance: float = 1e-11,
    max_iterations: int = 100,
) -> Exchange:
    """Run the multi-point exchange; fall back to one-point exchange where it stalls.

    Parameters
    ----------
    problem : Problem
    nodes : ndarray, optional
        First reference; by default :func:`initial_reference`.
    tolerance : float
        Relative gap at which to stop.
    max_iterations : int
    """
    nodes = initial_reference(problem) if nodes is None else nodes
    best: Exchange | None = None
    careful = False
    parabolas = 0
    for iteration in range(1, max_iterations + 1):
        trial = Trial.on(problem, nodes)
        grid = search_grid(problem, nodes)
        points, values = signed_extrema(trial.error, grid, problem.intervals, parabolas)
        top = int(np.argmax(np.abs(values)))
        largest = max(abs(float(values[top])), abs(trial.level))
        size = float(np.max(np.abs(trial.values) * problem.sample(nodes)[1]))
        resolved = largest > _NOISE * max(size, 1e-300)
        state = Exchange(nodes, trial.level, largest, False, resolved, iteration)
        if best is None or state.gap < best.gap:
            best = state
        elif best.iterations <= iteration - 4:
            careful = True
        noise = 4 * np.finfo(float).eps * size * np.sqrt(len(nodes)) / largest
        if not resolved or state.gap < max(tolerance, noise):
            return Exchange(nodes, trial.level, largest, resolved, resolved, iteration)
        parabolas = 0 if state.gap > 1e-2 else 1 if state.gap > 1e-4 else 2
        thinned = None if careful else thin_alternation(points, values, len(nodes))
        if thinned is None:
            signs = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0) * np.sign(trial.level or 1.0)
            nodes = exchange_one(nodes, signs, float(points[top]), float(np.sign(values[top])))
        else:
            nodes = thinned[0]
        if np.any(np.diff(nodes) <= 0) or not np.all(np.isfinite(values)):
            break
    if best is None:
        raise ArithmeticError("the exchange made no step")
    return best
