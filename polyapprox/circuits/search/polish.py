"""Polishing by linear programs: the largest error itself, on its extrema.

Around a chain the errors at the extrema are taken as linear in the constants, and the largest of
them is minimised inside a trust region. The constants are measured in the singular directions of
the derivatives, each scaled to what it does to the error: otherwise the region is useless, for
some combinations of constants matter 10^8 times as much as others.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from ..chain import Chain, Grid, errors, free_constants, jacobian
from .fit import Fit

_WATCHED = 0.7  # extrema below this share of the largest error are not watched
_LEAST_SINGULAR = 1e-7
_SMALLEST_REGION = 1e-6


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
    error = errors(chain, grid)
    largest = float(np.max(np.abs(error)))
    for _ in range(steps):
        watched = extrema(error, _WATCHED)
        rows = jacobian(chain, grid.take(watched), free) / largest
        left, singular, _ = np.linalg.svd(rows, full_matrices=False)
        kept = singular > _LEAST_SINGULAR * singular[0]
        basis = left[:, kept] / singular[kept]
        slopes = (rows.T @ basis) * np.sqrt(len(watched))
        accepted = False
        while region > _SMALLEST_REGION and not accepted:
            move = program(error[watched] / largest, slopes, region)
            if move is None:
                return Fit(chain, largest)
            trial = chain.moved(basis @ move * np.sqrt(len(watched)), free)
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
        if gain < 1e-9:
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
