# SPDX-License-Identifier: Apache-2.0
"""Growing chains: a node is put in anywhere, the chain is fitted again, the best are kept.

The node starts almost unused: everything after it takes it with small constants only, so the
larger chain starts where the smaller one ended. Places in the middle win most often; a chain that
grows only at its end gets stuck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..chain import Chain, Grid, errors, nodes_of
from .fit import HIGH, Fit, fit, minimise
from .polish import polish

KINDS = ("doubling", "copy", "random")
_RANKED_AT = 8  # the p-norm by which candidates are compared
_COARSE = 400
_SAME = 1e-4  # candidates whose norms differ by less, relatively, are taken for one


@dataclass(frozen=True)
class Candidate:
    """A chain and the norm of its error at p = 8, by which it is ranked."""

    chain: Chain
    norm: float


def normalised(chain: Chain, first: np.ndarray) -> Chain:
    """The same function with every node of largest size 1 and both its factors alike."""
    chain = chain.copy()
    nodes, left, right = nodes_of(chain, first[:: max(1, len(first) // _COARSE)])
    size = np.ones(chain.multiplications + 1)
    for i in range(2, chain.multiplications + 1):
        chain.left[i, :i] *= size[:i]
        chain.right[i, :i] *= size[:i]
        size[i] = max(float(np.max(np.abs(nodes[i]))), 1e-12)
        largest_left = float(np.max(np.abs(left[i]))) or 1.0
        largest_right = float(np.max(np.abs(right[i]))) or 1.0
        balance = np.sqrt(largest_right / largest_left)
        chain.left[i] *= balance / np.sqrt(size[i])
        chain.right[i] /= balance * np.sqrt(size[i])
    chain.output *= size
    return chain


def inserted(chain: Chain, place: int, kind: str, rng: np.random.Generator) -> Chain:
    """A chain with one more node at `place` (2 … m + 1), hardly used yet."""
    m = chain.multiplications
    old = [i for i in range(m + 2) if i != place]
    left, right = np.zeros((m + 2, m + 2)), np.zeros((m + 2, m + 2))
    left[np.ix_(old, old)], right[np.ix_(old, old)] = chain.left, chain.right
    output = np.zeros(m + 2)
    output[old] = chain.output
    for row in (left, right):
        row[place, :place] = _pattern(row, place, kind, rng)
    weight = 10.0 ** rng.uniform(-3, -0.5)
    for i in range(place + 1, m + 2):
        left[i, place] = weight * rng.standard_normal()
        right[i, place] = weight * rng.standard_normal()
    output[place] = weight * rng.standard_normal()
    return Chain(left, right, output)


def _pattern(rows: np.ndarray, place: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """The constants of the new node."""
    result = np.zeros(place)
    if kind == "doubling":
        result[place - 1] = 1.0
        result += 0.3 * rng.standard_normal(place) * (np.arange(place) != place - 1)
    elif kind == "copy":
        source = place + 1 if place + 1 < len(rows) and rng.random() < 0.5 else place - 1
        result[: min(place, source)] = rows[source, : min(place, source)]
        result += 0.2 * rng.standard_normal(place)
    else:
        result = rng.standard_normal(place)
    return result


def deleted(chain: Chain, place: int) -> Chain:
    """A chain without one of its nodes (2 … m)."""
    kept = [i for i in range(chain.multiplications + 1) if i != place]
    return Chain(
        chain.left[np.ix_(kept, kept)].copy(),
        chain.right[np.ix_(kept, kept)].copy(),
        chain.output[kept].copy(),
    )


def attempt(chain: Chain, grid: Grid, rng: np.random.Generator, steps: int) -> Candidate:
    """One trial: a node at a random place, a short fit, the norm it reaches."""
    place = int(rng.integers(2, chain.multiplications + 2))
    kind = KINDS[int(rng.integers(len(KINDS)))]
    larger = normalised(inserted(chain, place, kind, rng), grid.first)
    found = minimise(larger, grid, 4, steps // 2, enough=1e-4)
    found = minimise(normalised(found.chain, grid.first), grid, _RANKED_AT, steps, enough=1e-4)
    return Candidate(found.chain, norm(found.chain, grid))


def norm(chain: Chain, grid: Grid) -> float:
    """Mean p-norm of the error at p = 8."""
    size = np.abs(errors(chain, grid))
    largest = float(np.max(size))
    if not np.isfinite(largest):
        return float("inf")
    if largest == 0.0:
        return 0.0
    return float(largest * float(np.mean((size / largest) ** _RANKED_AT)) ** (1 / _RANKED_AT))


def best_of(candidates: Sequence[Candidate], keep: int) -> list[Candidate]:
    """The best few that differ."""
    kept: list[Candidate] = []
    for one in sorted(candidates, key=lambda candidate: candidate.norm):
        if all(abs(one.norm - other.norm) > _SAME * other.norm for other in kept):
            kept.append(one)
        if len(kept) == keep:
            break
    return kept


def longer(candidate: Candidate, grid: Grid, steps: int) -> Candidate:
    """More steps at p = 8 for one that is kept."""
    found = minimise(normalised(candidate.chain, grid.first), grid, _RANKED_AT, steps)
    return Candidate(found.chain, norm(found.chain, grid))


def finish(chain: Chain, grid: Grid, steps: int) -> Fit:
    """Everything that helps: p from 16 to 1024, the last on the fine grid, then linear programs."""
    chain = normalised(chain, grid.first)
    every_other = grid.take(np.arange(0, len(grid.target), 2))
    chain = fit(chain, every_other, (16, 32), steps).chain
    return polish(fit(chain, grid, HIGH, steps).chain, grid, steps)
