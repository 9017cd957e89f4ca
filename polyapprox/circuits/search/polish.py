# SPDX-License-Identifier: Apache-2.0
"""Polishing by linear programs: the largest error itself, on its extrema.

Around a chain the errors at the extrema are taken as linear in the constants, and the largest of
them is minimised inside a trust region. The constants are measured in the singular directions of
the derivatives, each scaled to what it does to the error: otherwise the region is useless, for
some combinations of constants matter 10^8 times as much as others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from ..chain import Chain, Grid, errors, free_constants, jacobian
from .fit import Fit

Directions = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class _Rules:
    """What is watched, in which directions constants move, and when to stop.

    Attributes
    ----------
    watched : float
        Extrema below this share of the largest error are not watched.
    directions : callable
        From the derivatives of the watched errors and the least singular value that counts, as a share
        of the largest, to the directions and the derivatives along them.
    singular, region, gain : float
        That value; the smallest trust region; the least relative gain.
    """

    watched: float
    directions: Directions
    singular: float
    region: float
    gain: float


def _along(rows: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    left, singular, _ = np.linalg.svd(rows, full_matrices=False)
    kept = singular > least * singular[0]
    basis = left[:, kept] / singular[kept]
    return basis, rows.T @ basis


def _along_all(rows: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    kept = singular > least * singular[0]
    return left[:, kept] / singular[kept], right[kept].T


_POLISH = _Rules(0.7, _along, 1e-7, 1e-6, 1e-9)
_LEVEL = _Rules(0.5, _along_all, 1e-13, 1e-7, 1e-7)


def extrema(error: np.ndarray, share: float) -> np.ndarray:
    """Indices of the local extrema of |error| above a share of the largest, ends included."""
    size = np.abs(error)
    before = np.concatenate([[-1.0], size[:-1]])
    after = np.concatenate([size[1:], [-1.0]])
    return np.flatnonzero((size >= before) & (size >= after) & (size >= share * np.max(size)))


def polish(
    chain: Chain, grid: Grid, steps: int, reduced: bool = True, region: float = 0.1
) -> Fit:
    """At most `steps` linear programs, each accepted only where it lowers the largest error.

    Parameters
    ----------
    chain : Chain
    grid : Grid
    steps : int
    reduced : bool
        Leave the redundant constants as they are.
    region : float
        First size of the trust region, relative to the largest error.
    """
    free = free_constants(chain.multiplications, reduced)
    return _levelled(chain, grid, steps, region, free, _POLISH)


def level(chain: Chain, grid: Grid, steps: int, region: float = 0.1) -> Fit:
    """The same for small errors of smooth functions, in every direction that changes the error at all.

    It takes part however little it does for each unit of a constant.

    Parameters
    ----------
    chain : Chain
    grid : Grid
    steps : int
    region : float
        First size of the trust region, relative to the largest error.
    """
    free = free_constants(chain.multiplications, False)
    return _levelled(chain, grid, steps, region, free, _LEVEL)


def _levelled(
    chain: Chain, grid: Grid, steps: int, region: float, free: np.ndarray, rules: _Rules
) -> Fit:
    error = errors(chain, grid)
    largest = float(np.max(np.abs(error)))
    for _ in range(steps):
        if not 0 < largest < np.inf:
            break
        watched = extrema(error, rules.watched)
        root = np.sqrt(len(watched))
        rows = jacobian(chain, grid.take(watched), free) / largest
        basis, slopes = rules.directions(rows, rules.singular)
        accepted = False
        while region > rules.region and not accepted:
            move = program(error[watched] / largest, slopes * root, region)
            if move is None:
                return Fit(chain, largest)
            trial = chain.moved(basis @ move * root, free)
            found = errors(trial, grid)
            size = float(np.max(np.abs(found)))
            accepted = size < largest
            if not accepted:
                region /= 4
        if not accepted:
            break
        gain = 1 - size / largest
        chain, error, largest = trial, found, size
        region *= 2
        if gain < rules.gain:
            break
    return Fit(chain, largest)


def program(error: np.ndarray, slopes: np.ndarray, region: float) -> np.ndarray | None:
    """min t with |error + slopes · z| <= t and |z| <= region."""
    points, size = slopes.shape
    sign = np.sign(error)
    ones = np.ones((points, 1))
    rows = np.hstack([sign[:, None] * slopes, -ones])
    found = linprog(
        np.concatenate([np.zeros(size), [1.0]]),
        A_ub=rows,
        b_ub=-np.abs(error),
        bounds=[(-region, region)] * size + [(None, None)],
        method="highs",
    )
    return found.x[:-1] if found.status == 0 else None
