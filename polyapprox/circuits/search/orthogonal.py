# SPDX-License-Identifier: Apache-2.0
"""Fitting chains to smooth functions: p-norms by orthogonal factors, to the last digits.

The same steps as :mod:`polyapprox.circuits.search.fit`, without normal equations: those square the
condition of the derivatives, and a smooth function's error then stops falling near 1e-8. Here the
weighted derivatives are taken apart once a step (QR, then the singular values of the triangle), and
every damping is tried on the same factors. Each step bends along the geodesic (Transtrum and Sethna,
arXiv 1201.5885, section 4): the valleys of these problems are narrow and curved, and straight steps
creep along them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..chain import Chain, Grid, errors, free_constants, jacobian
from .fit import Fit, State, descended

_NEGLECTED = 1e-7  # a weight below this share of the largest is none
_LEAST_DAMPING, _LARGEST_DAMPING = 1e-26, 1e6
_FACTOR = 10.0
_PROBE = 0.1  # of a step: where its curvature is measured
_LARGEST_BEND = 1.5  # a second-order part longer than this many steps is not believed
_LEAST_COLUMN = 1e-7


def _state(chain: Chain, grid: Grid, p: int) -> State:
    error = errors(chain, grid)
    size = np.abs(error)
    largest = float(np.max(size))
    if not np.isfinite(largest):
        return State(chain, error, np.inf)
    if largest == 0.0:
        return State(chain, error, -np.inf)
    power = np.exp(p * np.log(np.maximum(size / largest, 1e-6)))
    return State(chain, error, np.log(largest) + float(np.log(np.mean(power))) / p)


def minimise(
    chain: Chain, grid: Grid, p: int, steps: int, enough: float = 1e-6, free: np.ndarray | None = None
) -> Fit:
    """At most `steps` steps towards the least p-norm of the error.

    Parameters
    ----------
    chain : Chain
        Start.
    grid : Grid
    p : int
        From 2 on, even.
    steps : int
    enough : float
        Stop when five steps together gain less than this relative part.
    free : numpy.ndarray, optional
        Indices of the constants to be changed; all by default.
    """
    if free is None:
        free = free_constants(chain.multiplications, False)
    state = _state(chain, grid, p)
    return descended(state, partial(_step, grid=grid, p=p, free=free), 1e-4, steps, enough)


@dataclass(frozen=True)
class _Factors:
    """The weighted derivatives at a chain, taken apart: columns scaled, then U·S·V."""

    state: State
    grid: Grid
    p: int
    free: np.ndarray
    scale: np.ndarray
    root: np.ndarray
    rows: np.ndarray
    left: np.ndarray
    singular: np.ndarray
    right: np.ndarray
    kept_errors: np.ndarray
    whole: Grid

    def solved(self, vector: np.ndarray, damping: float) -> np.ndarray:
        """Damped least squares: the constants' move (scaled) whose effect is nearest to it."""
        share = self.singular / (self.singular**2 + damping)
        return np.asarray(self.right.T @ (share * (self.left @ (self.root * vector))))

    def moved(self, damping: float) -> State:
        """The state after a step along the geodesic of that damping, to second order."""
        step = -self.solved(self.kept_errors / (self.p - 1), damping)
        move = self.scale * step
        near = errors(self.state.chain.moved(_PROBE * move, self.free), self.grid)
        if np.all(np.isfinite(near)):
            slope = (near - self.kept_errors) / _PROBE
            bend = 2 / _PROBE * (slope - (self.rows.T @ move) / self.root)
            second = -self.solved(bend, damping)
            if np.linalg.norm(second) < _LARGEST_BEND * np.linalg.norm(step):
                move = move + self.scale * second / 2
        return _state(self.state.chain.moved(move, self.free), self.whole, self.p)


def _factors(state: State, grid: Grid, p: int, free: np.ndarray) -> _Factors | None:
    share = np.abs(state.errors) / np.max(np.abs(state.errors))
    weight = np.maximum(share, 1e-30) ** (p - 2)
    used = np.flatnonzero(weight > _NEGLECTED)
    root, some = np.sqrt(weight[used]), grid.take(used)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = jacobian(state.chain, some, free) * root
        size = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    largest = float(np.max(size))
    if not np.isfinite(largest) or largest == 0.0:
        return None
    scale = 1 / np.maximum(size, _LEAST_COLUMN * largest)
    orthogonal, triangle = np.linalg.qr((rows * scale[:, None]).T)
    left, singular, right = np.linalg.svd(triangle, full_matrices=False)
    return _Factors(
        state, some, p, free, scale, root, rows, left.T @ orthogonal.T, singular, right,
        state.errors[used], grid,
    )


def _step(
    state: State, grid: Grid, p: int, free: np.ndarray, damping: float
) -> tuple[State | None, float]:
    """The best of the steps along a path of dampings, and its damping."""
    factors = _factors(state, grid, p, free)
    if factors is None:
        return None, damping
    best, at, value = state, damping, damping
    while value >= _LEAST_DAMPING:  # downwards while it helps
        found = factors.moved(value)
        if not found.objective < best.objective:
            break
        best, at = found, value
        value /= _FACTOR
    value = damping * _FACTOR
    while best is state and value <= _LARGEST_DAMPING:
        found = factors.moved(value)
        if found.objective < best.objective:
            best, at = found, value
        value *= _FACTOR
    return (None if best is state else best), max(at, _LEAST_DAMPING)
