# SPDX-License-Identifier: Apache-2.0
"""Fitting circuits with few plaintext products: constants that are zero stay zero.

A pattern says which constants of a chain may differ from zero. Those on n_0 cost nothing (a
constant is added), nor does the last output constant (it is folded into the input); the two
leading constants of a node are kept as they are, for a node may be scaled freely. What is left
are the plaintext products. Removal is guided by the surgeon's rule (Hassibi and Stork, NIPS 5
(1993), 164): with H the Hessian of the objective, a constant t_k costs t_k² / (2 (H⁻¹)_kk), and
moving all others by −t_k H⁻¹ e_k / (H⁻¹)_kk makes up for it as well as can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

from ..chain import Chain, Grid, errors, jacobian, pack, unpack
from .polish import extrema, program

_NEGLECTED = 1e-7
_LARGEST_DAMPING = 1e8
_RIDGE = 1e-10
_WATCHED = 0.7
_LEAST_SINGULAR = 1e-9
_SMALLEST_REGION = 1e-6


@dataclass(frozen=True)
class Places:
    """Where in the packed constants of a chain of m multiplications is what."""

    multiplications: int
    leads: np.ndarray
    additions: np.ndarray  # on n_0, and the last output constant: free of cost
    products: np.ndarray


@lru_cache(maxsize=32)
def places(m: int) -> Places:
    """The kinds of all constants of a chain of m multiplications, as indices into `pack`."""
    rows, columns = np.tril_indices(m + 1, -1, m + 1)
    used = rows >= 2
    rows, columns = rows[used], columns[used]
    size = len(rows)
    lead = np.flatnonzero(columns == rows - 1)
    zero = np.flatnonzero(columns == 0)
    rest = np.flatnonzero((columns > 0) & (columns < rows - 1))
    output = 2 * size + np.arange(m + 1)
    return Places(
        m,
        np.concatenate([lead, lead + size]),
        np.concatenate([zero, zero + size, output[[0, m]]]),
        np.concatenate([rest, rest + size, output[1:m]]),
    )


def pattern_of(chain: Chain) -> np.ndarray:
    """Indices of the plaintext products that a chain uses, ascending."""
    vector = pack(chain)
    found = places(chain.multiplications).products
    return np.sort(found[vector[found] != 0])


def norm_of(chain: Chain, grid: Grid, p: int) -> float:
    """log of the mean p-norm of the error; infinite where something overflows."""
    return _norm(errors(chain, grid), p)


def _norm(error: np.ndarray, p: int) -> float:
    size = np.abs(error)
    largest = float(np.max(size))
    if not np.isfinite(largest) or largest == 0.0:
        return np.inf if largest else -np.inf
    share = np.maximum(size / largest, 1e-300 ** (1 / p))
    return float(np.log(largest) + np.log(np.mean(share**p)) / p)


def _normal(
    chain: Chain, grid: Grid, p: int, free: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Hessian (p − 1) JᵀWJ and slope JᵀWe of the p-norm, relative to the largest error."""
    largest = float(np.max(np.abs(error)))
    if not np.isfinite(largest):
        return None
    share = np.abs(error) / largest
    weight = np.maximum(share, 1e-30) ** (p - 2)
    used = np.flatnonzero(weight > _NEGLECTED)
    root = np.sqrt(weight[used])
    with np.errstate(over="ignore", invalid="ignore"):
        rows = jacobian(chain, grid.take(used), free) * (root / largest)
        matrix = rows @ rows.T * (p - 1)
        slope = rows @ (root * error[used] / largest)
    if not np.all(np.isfinite(matrix)):
        return None
    return matrix, slope


def minimise_pattern(
    chain: Chain, grid: Grid, p: int, steps: int, pattern: np.ndarray, enough: float = 1e-6
) -> Chain:
    """At most `steps` steps of Levenberg and Marquardt's method in the constants of a pattern.

    Parameters
    ----------
    chain : Chain
    grid : Grid
    p : int
    steps : int
    pattern : numpy.ndarray of int
        The plaintext products that are fitted; the others stay as they are.
    enough : float
        Stop when five steps together gain less than this relative part.
    """
    free = np.sort(np.concatenate([places(chain.multiplications).additions, pattern]))
    error, damping = errors(chain, grid), 1e-3
    value = _norm(error, p)
    history = [value]
    for _ in range(steps):
        found = _normal(chain, grid, p, free, error)
        if found is None:
            break
        matrix, slope = found
        diagonal = np.diag(matrix) + 1e-10 * np.max(np.diag(matrix))
        damping = max(damping / 8, 1e-12)
        better = False
        while damping < _LARGEST_DAMPING and not better:
            move = _solved(matrix + np.diag(damping * diagonal), -slope)
            if move is not None:
                trial = _moved(chain, move, free)
                new = errors(trial, grid)
                size = _norm(new, p)
                better = size < value
            if not better:
                damping *= 6
        if not better:
            break
        chain, value, error = trial, size, new
        history.append(value)
        if len(history) > 5 and history[-6] - history[-1] < enough:
            break
    return chain


def _solved(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray | None:
    scale = 1 / np.sqrt(np.diag(matrix))
    _, move, failed = lapack.dposv(matrix * np.outer(scale, scale), scale * vector)
    return scale * move if failed == 0 and np.all(np.isfinite(move)) else None


@lru_cache(maxsize=32)
def _rows_and_columns(m: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.tril_indices(m + 1, -1, m + 1)
    return rows[rows >= 2], columns[rows >= 2]


def _moved(chain: Chain, move: np.ndarray, free: np.ndarray) -> Chain:
    """As :meth:`Chain.moved`, which looks the places up every time."""
    place = _rows_and_columns(chain.multiplications)
    size = len(place[0])
    step = np.zeros(2 * size + len(chain.output))
    step[free] = move
    left, right = chain.left.copy(), chain.right.copy()
    left[place] += step[:size]
    right[place] += step[size : 2 * size]
    return Chain(left, right, chain.output + step[2 * size :])


def removals(
    chain: Chain, grid: Grid, p: int, pattern: np.ndarray
) -> list[tuple[float, int, Chain]]:
    """What each removal of one product costs by the surgeon's rule, least first.

    Returns
    -------
    list of (cost, place, chain)
        The chain has that constant zero and all others moved.
    """
    free = np.sort(np.concatenate([places(chain.multiplications).additions, pattern]))
    found = _normal(chain, grid, p, free, errors(chain, grid))
    if found is None:
        return []
    matrix = found[0]
    scale = 1 / np.sqrt(np.diag(matrix) + 1e-12 * np.max(np.diag(matrix)))
    matrix = matrix * np.outer(scale, scale) + _RIDGE * np.eye(len(free))
    inverse = np.linalg.inv(matrix)
    vector = pack(chain)
    result = []
    for k, place in enumerate(free):
        if place not in pattern:
            continue
        value = vector[place] / scale[k]
        move = -value * inverse[:, k] / inverse[k, k] * scale
        changed = vector.copy()
        changed[free] += move
        changed[place] = 0.0
        cost = value * value / inverse[k, k]
        result.append((float(cost), int(place), unpack(changed, chain.multiplications)))
    return sorted(result, key=lambda one: one[0])


def levelled(chain: Chain, grid: Grid, pattern: np.ndarray, steps: int) -> Chain:
    """At most `steps` linear programs on the extrema, in the constants of a pattern.

    As :func:`polyapprox.circuits.search.polish.polish`.
    """
    free = np.sort(np.concatenate([places(chain.multiplications).additions, pattern]))
    error = errors(chain, grid)
    largest, region = float(np.max(np.abs(error))), 0.1
    for _ in range(steps):
        watched = extrema(error, _WATCHED)
        rows = jacobian(chain, grid.take(watched), free) / largest
        left, singular, right = np.linalg.svd(rows, full_matrices=False)
        kept = singular > _LEAST_SINGULAR * singular[0]
        root = np.sqrt(len(watched))
        size = largest
        while region > _SMALLEST_REGION:
            move = program(error[watched] / largest, right[kept].T * root, region)
            if move is None:
                return chain
            trial = _moved(chain, (left[:, kept] / singular[kept]) @ move * root, free)
            new = errors(trial, grid)
            size = float(np.max(np.abs(new)))
            if size < largest:
                break
            region /= 4
        if not size < largest:
            break
        chain, error, largest = trial, new, size
        region *= 2
    return chain
