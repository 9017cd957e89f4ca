# SPDX-License-Identifier: Apache-2.0
"""Fitting a chain: p-norms by Levenberg and Marquardt's method, p rising towards the maximum.

With e the errors and E the largest of them, Σ |e/E|^p is minimised. Its Hessian, without second
derivatives of the chain, is p (p − 1) JᵀWJ with W = |e/E|^(p−2): points with small weights are
left out, so that a step at p = 1024 looks at little more than the extrema.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.linalg

from ..chain import Chain, Grid, errors, free_constants, jacobian

LOW = (4, 8, 16, 32)
HIGH = (64, 128, 256, 512, 1024)
_NEGLECTED = 1e-7  # a weight below this share of the largest is none
_LARGEST_DAMPING = 1e9
_CHUNK = 16384


@dataclass(frozen=True)
class Fit:
    """A fitted chain and its largest error on the grid (an estimate)."""

    chain: Chain
    largest: float


@dataclass(frozen=True)
class State:
    """A chain, its errors on the grid, and what is minimised."""

    chain: Chain
    errors: np.ndarray
    objective: float


def _state(chain: Chain, grid: Grid, p: int) -> State:
    error = errors(chain, grid)
    largest = float(np.max(np.abs(error)))
    if not np.isfinite(largest):
        return State(chain, error, np.inf)
    if largest == 0.0:
        return State(chain, error, -np.inf)
    return State(chain, error, np.log(largest) + _log_sum(np.abs(error) / largest, p) / p)


def _log_sum(share: np.ndarray, p: int) -> float:
    power = np.maximum(share, 1e-300) ** p if p < 64 else np.exp(p * np.log(np.maximum(share, 1e-4)))
    return float(np.log(np.mean(power)))


def _normal_equations(
    state: State, grid: Grid, p: int, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(p − 1) JᵀWJ and JᵀW e, W scaled to a largest weight of 1."""
    share = np.abs(state.errors) / np.max(np.abs(state.errors))
    weight = np.maximum(share, 1e-30) ** (p - 2)
    used = np.flatnonzero(weight > _NEGLECTED)
    matrix, slope = np.zeros((len(free), len(free))), np.zeros(len(free))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows ends the fit
        for start in range(0, len(used), _CHUNK):
            part = used[start : start + _CHUNK]
            rows = jacobian(state.chain, grid.take(part), free)
            root = np.sqrt(weight[part])
            rows *= root
            matrix += rows @ rows.T
            slope += rows @ (root * state.errors[part])
        return matrix * (p - 1), slope


def minimise(
    chain: Chain,
    grid: Grid,
    p: int,
    steps: int,
    reduced: bool = False,
    enough: float = 1e-7,
) -> Fit:
    """At most `steps` steps towards the least p-norm of the error.

    Parameters
    ----------
    chain : Chain
        Start.
    grid : Grid
    p : int
        Even, from 4 on.
    steps : int
    reduced : bool
        Leave the redundant constants as they are.
    enough : float
        Stop when five steps together gain less than this relative part.
    """
    free = free_constants(chain.multiplications, reduced)
    state = _state(chain, grid, p)
    return descended(state, partial(_step, grid=grid, p=p, free=free), 1e-3, steps, enough)


def descended(
    state: State,
    step: Callable[..., tuple[State | None, float]],
    damping: float,
    steps: int,
    enough: float,
) -> Fit:
    """Step after step, until none helps or five together gain too little.

    Parameters
    ----------
    state : State
        Start.
    step : callable
        (state, damping=…) to the next state, None where there is none, and its damping.
    damping : float
        Of the first step.
    steps : int
        At most so many.
    enough : float
        Stop when five steps together gain less than this relative part.
    """
    history = [state.objective]
    for _ in range(steps):
        if not np.isfinite(state.objective):
            break
        found, damping = step(state, damping=damping)
        if found is None:
            break
        state = found
        history.append(state.objective)
        if len(history) > 5 and history[-6] - history[-1] < enough:
            break
    return Fit(state.chain, float(np.max(np.abs(state.errors))))


def _step(
    state: State, grid: Grid, p: int, free: np.ndarray, damping: float
) -> tuple[State | None, float]:
    matrix, slope = _normal_equations(state, grid, p, free)
    diagonal = np.diag(matrix).copy()
    if not np.all(np.isfinite(diagonal)):
        return None, damping
    diagonal += 1e-9 * np.max(diagonal)
    damping = max(damping / 8, 1e-12)
    while damping < _LARGEST_DAMPING:
        move = _solve(matrix + np.diag(damping * diagonal), -slope)
        if move is not None:
            found = _state(state.chain.moved(move, free), grid, p)
            if found.objective < state.objective:
                return found, damping
        damping *= 6
    return None, damping


def _solve(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray | None:
    scale = 1 / np.sqrt(np.diag(matrix))
    try:
        factor = scipy.linalg.cho_factor(matrix * np.outer(scale, scale), check_finite=False)
    except scipy.linalg.LinAlgError:
        return None
    result = scale * scipy.linalg.cho_solve(factor, scale * vector, check_finite=False)
    return result if np.all(np.isfinite(result)) else None


def fit(
    chain: Chain, grid: Grid, powers: Sequence[int] = LOW, steps: int = 40, reduced: bool = False
) -> Fit:
    """:func:`minimise` for each p in turn; the best of all by the largest error."""
    best = Fit(chain, float(np.max(np.abs(errors(chain, grid)))))
    for p in powers:
        found = minimise(chain, grid, p, steps, reduced)
        chain = found.chain
        if found.largest < best.largest:
            best = found
    return best
