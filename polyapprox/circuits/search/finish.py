# SPDX-License-Identifier: Apache-2.0
"""The end of a long chain: fitted on a graded grid that takes in every extremum it has missed."""

from __future__ import annotations

import numpy as np

from ..chain import Chain, errors
from .fit import Fit
from .graded import Values, at_angles, graded_angles, graded_grid
from .grow import normalised
from .orthogonal import minimise
from .polish import extrema, polish

_START, _CHECK = 4, 48  # densities
_FULL = (16, 32, 64, 128, 256, 512, 1024)
_AGAIN = (128, 512)
_CLOSE = 0.9  # of the largest error: extrema that the grid must hold
_ENOUGH = 1e-4


def largest_error(chain: Chain, density: int = _CHECK, value: Values | None = None) -> float:
    """Largest error for |x|, or another function, on a fine graded grid (an estimate)."""
    grid = graded_grid(chain.multiplications, density, value)
    return float(np.max(np.abs(errors(chain, grid))))


def finished(
    chain: Chain, steps: int = 20, rounds: int = 6, value: Values | None = None
) -> Fit:
    """A chain for |x|, or another function, fitted to the end.

    Parameters
    ----------
    chain : Chain
        Well fitted for a small p.
    steps : int
        Steps for each p, and linear programs.
    rounds : int
        At most so often the grid takes in the extrema that it lacks.
    value : callable, optional
        The function in place of x, as of :func:`polyapprox.circuits.search.graded.at_angles`.

    Returns
    -------
    Fit
        Its largest error is that on a grid twelve times as fine as the first.
    """
    m = chain.multiplications
    angles, fine = graded_angles(m, _START), graded_angles(m, _CHECK)
    check = at_angles(fine, value)
    best = Fit(chain, largest_error(chain, value=value))
    powers: tuple[int, ...] = _FULL
    for _ in range(rounds):
        grid = at_angles(angles, value)
        chain = normalised(chain, grid.first)
        for p in powers:
            chain = minimise(chain, grid, p, steps).chain
        found = polish(chain, grid, steps // 2)
        chain, powers = found.chain, _AGAIN
        error = errors(chain, check)
        largest = float(np.max(np.abs(error)))
        if largest < best.largest:
            best = Fit(chain, largest)
        if largest <= found.largest * (1 + _ENOUGH):
            break
        missed = extrema(error, _CLOSE)
        angles = np.unique(np.concatenate([angles, fine[_with_neighbours(missed, len(fine))]]))
    return best


def _with_neighbours(where: np.ndarray, count: int) -> np.ndarray:
    around = where[:, None] + np.array([-6, -3, -1, 0, 1, 3, 6])
    return np.unique(np.clip(around, 0, count - 1))
