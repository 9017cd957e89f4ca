# SPDX-License-Identifier: Apache-2.0
"""Fitting a chain where the inputs are: least squares under a density, the largest error kept in.

With the errors e on a grid, shares w of the inputs (Σ w = 1), E the largest error of the start and a
limit c,

    Σ w (e/E)² + mean((e/(cE))^24)

is minimised. The second term is nothing below the limit and a wall above it. Its Hessian, without
second derivatives of the chain, is JᵀWJ: damped steps on orthogonal factors, as in
:mod:`polyapprox.circuits.search.orthogonal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..circuits.chain import Chain, Grid, errors, free_constants, jacobian, pack
from ..circuits.search.fit import State, descended

_POWER = 24
_FIRST_DAMPING, _LARGEST_DAMPING = 1e-8, 1e4
_FACTOR = 10.0
_LEAST_COLUMN = 1e-12
_ENOUGH = 1e-4


@dataclass(frozen=True)
class Wanted:
    """What is minimised.

    Attributes
    ----------
    grid : Grid
    shares : numpy.ndarray, shape (points,)
        Of the inputs, summing to 1.
    size : float
        E.
    limit : float
        c·E: what no error should pass.
    """

    grid: Grid
    shares: np.ndarray
    size: float
    limit: float

    def rms(self, chain: Chain) -> float:
        """Root mean square of the errors of the inputs."""
        return float(np.sqrt(self.shares @ errors(chain, self.grid) ** 2))

    def state(self, chain: Chain) -> State:
        """Errors and the logarithm of the objective."""
        error = errors(chain, self.grid)
        if not np.all(np.isfinite(error)):
            return State(chain, error, np.inf)
        with np.errstate(over="ignore"):
            wall = float(np.mean((error / self.limit) ** _POWER))
        value = float(self.shares @ (error / self.size) ** 2) + wall
        return State(chain, error, np.log(value) if value > 0 else -np.inf)

    def halves(self, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Half the slope and half the curvature of the objective, by each error."""
        mass = self.shares / self.size**2
        wall = _POWER / 2 / len(error) * (error / self.limit) ** (_POWER - 2) / self.limit**2
        return (mass + wall) * error, mass + (_POWER - 1) * wall


def weighted_fit(chain: Chain, wanted: Wanted, steps: int, thin: bool = False) -> Chain:
    """At most so many steps from a chain.

    Parameters
    ----------
    chain : Chain
        Start: the minimax chain of as many multiplications.
    wanted : Wanted
    steps : int
    thin : bool
        Constants that are zero stay zero.

    Examples
    --------
    >>> from polyapprox.circuits.search.graded import graded_grid
    >>> from polyapprox.circuits.library import shipped_circuits
    >>> chain, grid = shipped_circuits()[3].circuit.chain(), graded_grid(3, 2)
    >>> near_zero = np.where(grid.target < 0.2, 1.0, 0.0)
    >>> wanted = Wanted(grid, near_zero / near_zero.sum(), 0.035, 0.14)
    >>> bool(wanted.rms(weighted_fit(chain, wanted, 50)) < 0.7 * wanted.rms(chain))
    True
    """
    free = free_constants(chain.multiplications, False)
    if thin:
        free = free[pack(chain)[free] != 0]
    step = partial(_step, wanted=wanted, free=free)
    return descended(wanted.state(chain), step, _FIRST_DAMPING, steps, _ENOUGH).chain


def _step(
    state: State, wanted: Wanted, free: np.ndarray, damping: float
) -> tuple[State | None, float]:
    """The first step that helps, the damping rising from a tenth of the last one."""
    slope, curvature = wanted.halves(state.errors)
    root = np.sqrt(curvature)
    used = np.flatnonzero(root > 1e-9 * np.max(root))
    with np.errstate(over="ignore", invalid="ignore"):
        rows = jacobian(state.chain, wanted.grid.take(used), free) * root[used]
        size = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    largest = float(np.max(size))
    if not 0 < largest < np.inf:
        return None, damping
    scale = 1 / np.maximum(size, _LEAST_COLUMN * largest)
    orthogonal, triangle = np.linalg.qr((rows * scale[:, None]).T)
    left, singular, right = np.linalg.svd(triangle, full_matrices=False)
    aim = left.T @ (orthogonal.T @ (slope[used] / root[used]))
    while damping < _LARGEST_DAMPING:
        damping /= _FACTOR
        share = singular / (singular**2 + damping * singular[0] ** 2)
        found = wanted.state(state.chain.moved(-scale * (right.T @ (share * aim)), free))
        if found.objective < state.objective:
            return found, damping
        damping *= _FACTOR**2
    return None, damping
