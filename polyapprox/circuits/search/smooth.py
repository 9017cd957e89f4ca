# SPDX-License-Identifier: Apache-2.0
"""Growing and finishing chains for smooth functions and the sign, by orthogonal factors."""

from __future__ import annotations

import numpy as np

from ..chain import Chain, Grid, errors
from .fit import Fit
from .grow import KINDS, Candidate, inserted, norm, normalised
from .orthogonal import minimise
from .polish import level

_RANKED_AT = 8
_POWERS = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
_RATHER = 1e-3  # gain of five steps below which a trial ends


def attempt(chain: Chain, grid: Grid, rng: np.random.Generator, steps: int) -> Candidate:
    """One trial: a node at a random place, a short fit, the norm it reaches."""
    place = int(rng.integers(2, chain.multiplications + 2))
    kind = KINDS[int(rng.integers(len(KINDS)))]
    larger = normalised(inserted(chain, place, kind, rng), grid.first)
    found = minimise(larger, grid, 2, steps, _RATHER)
    found = minimise(normalised(found.chain, grid.first), grid, 2, steps, _RATHER)
    found = minimise(normalised(found.chain, grid.first), grid, _RANKED_AT, steps, _RATHER)
    return Candidate(found.chain, norm(found.chain, grid))


def longer(candidate: Candidate, grid: Grid, steps: int) -> Candidate:
    """More steps for one that is kept."""
    found = minimise(normalised(candidate.chain, grid.first), grid, _RANKED_AT, steps, 1e-4)
    return Candidate(found.chain, norm(found.chain, grid))


def finish(chain: Chain, grid: Grid, steps: int) -> Fit:
    """p from 4 to 1024, then linear programs on the extrema; the best of all."""
    best = Fit(chain, float(np.max(np.abs(errors(chain, grid)))))
    chain = normalised(chain, grid.first)
    for p in _POWERS:
        found = minimise(chain, grid, p, steps, 1e-4)
        chain = normalised(found.chain, grid.first)
        if found.largest < best.largest:
            best = Fit(chain, float(np.max(np.abs(errors(chain, grid)))))
    return min((best, level(best.chain, grid, steps)), key=lambda fit: fit.largest)
