"""The levelled error and the trial polynomial on a reference, in barycentric form.

Pachón and Trefethen, BIT 49 (2009), 721: no linear system is solved, so degrees in the hundreds
work in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .problem import Array, Problem


def barycentric_weights(problem: Problem, nodes: Array) -> Array:
    """Barycentric weights of the nodes, scaled so that the largest is 1 in size."""
    difference = problem.difference(nodes, nodes)
    np.fill_diagonal(difference, 1.0)
    logarithm = -np.log(np.abs(difference)).sum(axis=1)
    sign = np.where((difference < 0).sum(axis=1) % 2, -1.0, 1.0)
    return sign * np.exp(logarithm - logarithm.max())


@dataclass(frozen=True)
class Trial:
    """The polynomial whose weighted error is ±level, alternating, on the reference."""

    problem: Problem
    nodes: Array
    weights: Array
    values: Array
    level: float

    @classmethod
    def on(cls, problem: Problem, nodes: Array) -> Trial:
        """Solve the levelled problem on N + 2 ascending nodes."""
        function, weight = problem.sample(nodes)
        bary = barycentric_weights(problem, nodes)
        alternating = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0)
        level = float((bary @ function) / (bary @ (alternating / weight)))
        return cls(problem, nodes, bary, function - alternating * level / weight, level)

    def error(self, z: Array) -> Array:
        """Weighted error W (F − q) at z, shape (len(z),)."""
        difference = self.problem.difference(z, self.nodes)
        hit_row, hit_column = np.nonzero(difference == 0)
        difference[hit_row, hit_column] = 1.0
        kernel = self.weights / difference
        value = (kernel @ self.values) / kernel.sum(axis=1)
        value[hit_row] = self.values[hit_column]
        function, weight = self.problem.sample(z)
        return weight * (function - value)
