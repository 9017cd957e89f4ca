"""Levelling the extrema of a smooth function's error by linear programs.

As :mod:`polyapprox.circuits.search.polish`, with what a small error needs: every direction that changes
it at all takes part, however little it does for each unit of a constant.
"""

from __future__ import annotations

import numpy as np

from ..chain import Chain, Grid, errors, free_constants, jacobian
from .fit import Fit
from .polish import extrema, program

_WATCHED = 0.5
_LEAST_SINGULAR = 1e-13
_SMALLEST_REGION = 1e-7


def level(chain: Chain, grid: Grid, steps: int, region: float = 0.1) -> Fit:
    """At most `steps` linear programs, each accepted only where it lowers the largest error.

    Parameters
    ----------
    chain : Chain
    grid : Grid
    steps : int
    region : float
        First size of the trust region, relative to the largest error.
    """
    free = free_constants(chain.multiplications, False)
    error = errors(chain, grid)
    largest = float(np.max(np.abs(error)))
    for _ in range(steps):
        if not 0 < largest < np.inf:
            break
        watched = extrema(error, _WATCHED)
        rows = jacobian(chain, grid.take(watched), free) / largest
        left, singular, right = np.linalg.svd(rows, full_matrices=False)
        kept = singular > _LEAST_SINGULAR * singular[0]
        root = np.sqrt(len(watched))
        slopes = right[kept].T * root
        accepted = False
        while region > _SMALLEST_REGION and not accepted:
            move = program(error[watched] / largest, slopes, region)
            if move is None:
                return Fit(chain, largest)
            trial = chain.moved((left[:, kept] / singular[kept]) @ move * root, free)
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
        if gain < 1e-7:
            break
    return Fit(chain, largest)
