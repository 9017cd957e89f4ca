# SPDX-License-Identifier: Apache-2.0
"""The levelled error and the trial polynomial on a reference, in barycentric form.

Pachón and Trefethen, BIT 49 (2009), 721: no linear system is solved, so degrees in the hundreds
work in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from .problem import Array, Problem


def barycentric_weights(problem: Problem, nodes: Array) -> Array:
    """Barycentric weights of the nodes, scaled so that the largest is 1 in size."""
    difference = problem.difference(nodes, nodes)
    np.fill_diagonal(difference, 1.0)
    logarithm = -np.log(np.abs(difference)).sum(axis=1)
    sign = np.where((difference < 0).sum(axis=1) % 2, -1.0, 1.0)
    return cast("Array", sign * np.exp(logarithm - logarithm.max()))


@dataclass(frozen=True)
class Trial:
    """The polynomial whose weighted error is ±level, alternating, on the reference.

    Attributes
    ----------
    nodes : ndarray, shape (N + 2,)
    weights, values : ndarray, shape (N + 2,)
        Barycentric weights and values of the polynomial at the nodes.
    level : float
        Levelled error, signed.
    noise : float
        Size of the errors that rounding makes in :meth:`error`.
    """

    problem: Problem
    nodes: Array
    weights: Array
    values: Array
    level: float
    noise: float

    @classmethod
    def on(cls, problem: Problem, nodes: Array) -> Trial:
        """Solve the levelled problem on N + 2 ascending nodes."""
        function, weight = problem.sample(nodes)
        bary = barycentric_weights(problem, nodes)
        alternating = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0)
        below = float(bary @ (alternating / weight))
        level = float(bary @ function) / below if below else np.nan
        values = function - alternating * level / weight
        size = float(np.max(np.abs(values) * weight)) if len(nodes) else 0.0
        noise = 4 * np.finfo(float).eps * size * np.sqrt(len(nodes)) + problem.float_noise
        return cls(problem, nodes, bary, values, level, noise)

    @property
    def size(self) -> float:
        """Levelled error, without its sign."""
        return abs(self.level)

    @property
    def magnitude(self) -> float:
        """log2 of the levelled error."""
        return float(np.log2(self.size)) if self.size else -np.inf

    @property
    def unit(self) -> float:
        """log2 of the unit of :meth:`error`."""
        return 0.0

    @property
    def sign(self) -> float:
        """Sign of the error at the first node."""
        return -1.0 if self.level < 0 else 1.0

    def error(self, z: Array) -> Array:
        """Weighted error W (F − q) at z, shape (len(z),)."""
        difference = self.problem.difference(z, self.nodes)
        hit_row, hit_column = np.nonzero(difference == 0)
        difference[hit_row, hit_column] = 1.0
        kernel = self.weights / difference
        total = kernel.sum(axis=1)
        total[hit_row] = 1.0
        value = (kernel @ self.values) / total
        value[hit_row] = self.values[hit_column]
        function, weight = self.problem.sample(z)
        return cast("Array", weight * (function - value))
