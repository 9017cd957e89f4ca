# SPDX-License-Identifier: Apache-2.0
"""Chains of products as arrays: values, derivatives, and the grids they are fitted on.

A chain of m multiplications is n_0 = 1, n_1 given on the grid, and

    n_i = (Σ_{j<i} A_ij n_j) · (Σ_{j<i} B_ij n_j),   i = 2 … m,        out = w · Σ_{j<=m} c_j n_j

with a factor w (1, or x for odd functions). All of A, B and c are free; many of these constants
are redundant, which the damping of the fit does not mind. The derivatives come from one backward
pass: ∂out/∂A_ij = (∂out/∂n_i) · (Σ B_ik n_k) · n_j, one multiplication an entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_CHUNK = 4096


@dataclass
class Chain:
    """The constants of a chain, free in all of them.

    Attributes
    ----------
    left, right : numpy.ndarray, shape (m + 1, m + 1)
        A and B; rows 0 and 1 and the upper triangle are not used.
    output : numpy.ndarray, shape (m + 1,)
        c.
    """

    left: np.ndarray
    right: np.ndarray
    output: np.ndarray

    @property
    def multiplications(self) -> int:
        """m: the first node counts as one multiplication."""
        return len(self.output) - 1

    def copy(self) -> Chain:
        """A chain of its own."""
        return Chain(self.left.copy(), self.right.copy(), self.output.copy())

    def moved(self, step: np.ndarray, free: np.ndarray) -> Chain:
        """The chain with `step` added to its free constants."""
        vector = pack(self)
        vector[free] += step
        return unpack(vector, self.multiplications)


@dataclass(frozen=True)
class Grid:
    """Where a chain is fitted: first node, factor and target, each of shape (points,)."""

    first: np.ndarray
    target: np.ndarray
    factor: np.ndarray | None = None

    def take(self, where: np.ndarray) -> Grid:
        """Some of the points."""
        factor = None if self.factor is None else self.factor[where]
        return Grid(self.first[where], self.target[where], factor)


def absolute_grid(multiplications: int, density: int) -> Grid:
    """|x| on [0, 1] at x = sin θ with θ evenly spaced: density · 2^m intervals (at least 16 · density), n_1 = 2x² − 1."""
    count = density * max(16, 1 << multiplications)
    x = np.sin(np.arange(count + 1) * (np.pi / (2 * count)))
    return Grid(2 * x * x - 1, x)


@lru_cache(maxsize=64)
def _positions(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the constants of A, row by row from i = 2 (a fit asks very often)."""
    rows, columns = np.tril_indices(m + 1, -1, m + 1)
    used = rows >= 2
    return rows[used], columns[used]


def pack(chain: Chain) -> np.ndarray:
    """All constants in one vector: rows of A, rows of B (from i = 2), c."""
    place = _positions(chain.multiplications)
    return np.concatenate([chain.left[place], chain.right[place], chain.output])


def unpack(vector: np.ndarray, m: int) -> Chain:
    """The inverse of :func:`pack`."""
    place = _positions(m)
    size = len(place[0])
    left, right = np.zeros((m + 1, m + 1)), np.zeros((m + 1, m + 1))
    left[place], right[place] = vector[:size], vector[size : 2 * size]
    return Chain(left, right, vector[2 * size :].copy())


def free_constants(m: int, reduced: bool) -> np.ndarray:
    """Indices into the packed vector of the constants that are fitted.

    Reduced: without leading constants, without those on n_0, and without node 2, whose values do
    not matter to what the chain can reach.
    """
    rows, columns = _positions(m)
    if not reduced:
        return np.arange(2 * len(rows) + m + 1)
    half = np.flatnonzero((columns < rows - 1) & (columns > 0))
    return np.concatenate([half, half + len(rows), 2 * len(rows) + np.arange(m + 1)])


def nodes_of(chain: Chain, first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, left and right factors, each of shape (m + 1, points)."""
    m = chain.multiplications
    nodes, left, right = (np.empty((m + 1, len(first))) for _ in range(3))
    nodes[0] = 1.0
    nodes[1] = first
    for i in range(2, m + 1):
        left[i] = chain.left[i, :i] @ nodes[:i]
        right[i] = chain.right[i, :i] @ nodes[:i]
        np.multiply(left[i], right[i], out=nodes[i])
    return nodes, left, right


def errors(chain: Chain, grid: Grid) -> np.ndarray:
    """out − target on the grid; what overflows is infinite or not a number."""
    result = np.empty_like(grid.target)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(result), _CHUNK):
            part = slice(start, start + _CHUNK)
            nodes, _, _ = nodes_of(chain, grid.first[part])
            value = chain.output @ nodes
            if grid.factor is not None:
                value *= grid.factor[part]
            result[part] = value - grid.target[part]
    return result


def jacobian(chain: Chain, grid: Grid, free: np.ndarray) -> np.ndarray:
    """∂out/∂constant, shape (free constants, points)."""
    m = chain.multiplications
    nodes, left, right = nodes_of(chain, grid.first)
    size = m * (m + 1) // 2 - 1  # pairs j < i, i >= 2
    wanted = np.full(2 * size + m + 1, -1)
    wanted[free] = np.arange(len(free))
    result = np.empty((len(free), len(grid.target)))
    outer = np.empty_like(nodes)
    outer[:] = chain.output[:, None]
    if grid.factor is not None:
        outer *= grid.factor
    end = size
    for i in range(m, 1, -1):
        begin = end - i
        to_left, to_right = outer[i] * right[i], outer[i] * left[i]
        outer[:i] += chain.left[i, :i, None] * to_left
        outer[:i] += chain.right[i, :i, None] * to_right
        for offset, adjoint in ((0, to_left), (size, to_right)):
            for j in range(i):
                row = wanted[offset + begin + j]
                if row >= 0:
                    np.multiply(adjoint, nodes[j], out=result[row])
        end = begin
    for j in range(m + 1):
        row = wanted[2 * size + j]
        if row >= 0:
            result[row] = nodes[j] if grid.factor is None else nodes[j] * grid.factor
    return result
