# SPDX-License-Identifier: Apache-2.0
"""Search for the fewest plaintext products: an archive of the best chains for every number of them.

Every move takes a chain of the archive, changes its pattern (a product removed, added or
exchanged for another; a node put into a chain of one multiplication less, or moved), fits it
anew and keeps it where it is among the best few with that many products. The state, the random
numbers' included, is written now and then: a search that is started again goes on from there
and ends as if it had not been interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...files import write_atomically
from ..chain import Chain, Grid, absolute_grid, errors, pack, unpack
from ..shape import canonical
from .graded import graded_grid
from .grow import deleted, inserted, normalised
from .sparse_fit import minimise_pattern, norm_of, pattern_of, places, removals

_KEPT = 6  # chains for each number of products
_SAME = 1e-3  # bits
_EVENLY = 7  # up to so many multiplications all extrema are spaced evenly
_LARGEST_CONSTANT = 14.0
_WITHIN = 2.2  # bits of the best: numbers of products with less are not worked on
_SAVED = 200  # moves
_MOVES = ("remove", "exchange", "exchange", "add", "shake", "insert", "move", "longer")
_STEPS, _LONGER = 12, 60


@dataclass(frozen=True)
class Kept:
    """A chain of the archive; bits is 1 − log2 of its largest error on the grid (an estimate)."""

    bits: float
    chain: Chain

    @property
    def products(self) -> int:
        """Plaintext products."""
        return len(pattern_of(self.chain))


@dataclass
class Archive:
    """The best chains of m multiplications, by plaintext products.

    Attributes
    ----------
    multiplications : int
    kept : dict of int to list of Kept
        Best first.
    moves : int
        Moves made so far.
    """

    multiplications: int
    kept: dict[int, list[Kept]] = field(default_factory=dict)
    moves: int = 0

    def add(self, one: Kept) -> bool:
        """Take a chain if it is among the best few."""
        known = self.kept.setdefault(one.products, [])
        if any(abs(one.bits - other.bits) < _SAME for other in known):
            return False
        if len(known) == _KEPT and one.bits <= known[-1].bits:
            return False
        known.append(one)
        known.sort(key=lambda k: -k.bits)
        del known[_KEPT:]
        return True

    def front(self) -> list[Kept]:
        """The best with each number of products, those left out that fewer products beat."""
        result: list[Kept] = []
        for products in sorted(self.kept):
            best = self.kept[products][0]
            if not result or best.bits > result[-1].bits:
                result.append(best)
        return result


def grids(m: int) -> tuple[Grid, Grid]:
    """A coarse grid to search on and a finer one."""
    if m <= _EVENLY:
        return absolute_grid(m, 4), absolute_grid(m, 16)
    return graded_grid(m, 2), graded_grid(m, 8)


def refitted(chain: Chain, grid: Grid, steps: int, least: float = -np.inf) -> Chain | None:
    """The chain fitted in the pattern it has, p rising; None once it cannot reach `least` bits.

    A mean p-norm is at most the largest error, so its bits are above those that can be reached.
    """
    pattern = pattern_of(chain)
    chain = normalised(chain, grid.first)
    for p in (8, 32, 128):
        chain = minimise_pattern(chain, grid, p, steps, pattern)
        if not 1 - norm_of(chain, grid, p) / np.log(2) > least:
            return None
    return chain


def bits_of(chain: Chain, grid: Grid) -> float:
    """1 − log2 of the largest error on the grid."""
    largest = float(np.max(np.abs(errors(chain, grid))))
    return 1 - float(np.log2(largest)) if 0 < largest < np.inf else -np.inf


def removed(chain: Chain, grid: Grid, rng: np.random.Generator, number: int) -> Chain | None:
    """Without some of its products, chosen among those that cost least."""
    for _ in range(number):
        pattern = pattern_of(chain)
        found = removals(chain, grid, 16, pattern)
        if not found:
            return None
        _, place, changed = found[min(int(rng.geometric(0.35)) - 1, len(found) - 1)]
        if not np.isfinite(norm_of(changed, grid, 8)):
            vector = pack(chain)
            vector[place] = 0.0
            changed = unpack(vector, chain.multiplications)
        chain = minimise_pattern(changed, grid, 8, 6, pattern[pattern != place])
    return chain


def extended(chain: Chain, rng: np.random.Generator, number: int) -> Chain:
    """With some products more, of small constants."""
    vector = pack(chain)
    all_places = places(chain.multiplications).products
    empty = all_places[vector[all_places] == 0]
    chosen = rng.choice(empty, min(number, len(empty)), replace=False)
    vector[chosen] = 10.0 ** rng.uniform(-3, -0.3) * rng.standard_normal(len(chosen))
    return unpack(vector, chain.multiplications)


def longer_by_one(chain: Chain, rng: np.random.Generator) -> Chain:
    """With a node more, anywhere, that is a doubling and brings at most two products."""
    m = chain.multiplications
    place = int(rng.integers(2, m + 2))
    larger = inserted(chain, place, "doubling", rng)
    kept = rng.integers(0, 3)
    for table in (larger.left, larger.right):
        table[place, 1 : place - 1] = 0.0
        table[place, place - 1] = 1.0
        table[place + 1 :, place] = 0.0
        if place <= m:  # the node after it takes it in place of its predecessor
            table[place + 1, place] = table[place + 1, place - 1]
            table[place + 1, place - 1] = 0.0
    if place > m:
        larger.output[place] = larger.output[m]
        larger.output[m] = 0.0
    else:
        larger.output[place] = 0.0
    return extended(larger, rng, int(kept))


def _changed(
    archive: Archive, shorter: Sequence[Kept], grid: Grid, rng: np.random.Generator
) -> Chain | None:
    best = max(known[0].bits for known in archive.kept.values())
    counts = [n for n in sorted(archive.kept) if archive.kept[n][0].bits > best - _WITHIN]
    kind = _MOVES[int(rng.integers(len(_MOVES)))]
    if kind == "insert" and shorter:
        return longer_by_one(shorter[int(rng.integers(len(shorter)))].chain, rng)
    known = archive.kept[counts[int(rng.integers(len(counts)))]]
    chain = normalised(known[int(rng.integers(len(known)))].chain, grid.first)
    if kind == "remove":
        return removed(chain, grid, rng, int(rng.integers(1, 3)))
    if kind == "exchange":
        number = int(rng.integers(1, 4))
        longer = minimise_pattern(
            more := extended(chain, rng, number), grid, 8, 8, pattern_of(more)
        )
        return removed(longer, grid, rng, number)
    if kind == "add":
        return extended(chain, rng, int(rng.integers(1, 3)))
    if kind == "move" and chain.multiplications > 3:
        place = int(rng.integers(2, chain.multiplications + 1))
        return longer_by_one(_bridged(chain, place), rng)
    if kind == "longer":
        for p in (8, 32, 128):
            chain = minimise_pattern(chain, grid, p, _LONGER, pattern_of(chain))
        return chain
    vector = pack(chain)
    vector *= 1 + 10.0 ** rng.uniform(-2, 0) * rng.standard_normal(len(vector))
    return unpack(vector, chain.multiplications)


def _bridged(chain: Chain, place: int) -> Chain:
    """Without a node: the next takes its predecessor in its place."""
    m = chain.multiplications
    left, right, output = chain.left.copy(), chain.right.copy(), chain.output.copy()
    if place < m:
        for table in (left, right):
            table[place + 1, place - 1] = table[place + 1, place]
    else:
        output[m - 1] = output[m]
    return deleted(Chain(left, right, output), place)


def one_move(
    archive: Archive, shorter: Sequence[Kept], grid: Grid, rng: np.random.Generator, most: int
) -> bool:
    """Make a move; whether the archive took what came of it."""
    archive.moves += 1
    with np.errstate(all="ignore"):
        chain = _changed(archive, shorter, grid, rng)
        if chain is None or len(pattern_of(chain)) > most:
            return False
        known = archive.kept.get(len(pattern_of(chain)), [])
        least = known[-1].bits if len(known) == _KEPT else -np.inf
        fitted = refitted(chain, grid, _STEPS, least)
        return fitted is not None and admitted(archive, fitted, grid)


def admitted(archive: Archive, chain: Chain, grid: Grid) -> bool:
    """Whether the archive takes a chain, which must be of full degree and of moderate constants."""
    found = Kept(bits_of(chain, grid), chain)
    known = archive.kept.get(found.products, [])
    if not np.isfinite(found.bits) or (len(known) == _KEPT and found.bits <= known[-1].bits):
        return False
    try:
        circuit = canonical(chain, "even")
    except (ArgumentError, ValueError, OverflowError):
        return False
    if circuit.largest_constant > _LARGEST_CONSTANT:
        return False
    return archive.add(found)


def descend(archive: Archive, chain: Chain, grid: Grid, most: int) -> None:
    """One product after the other is removed, the best of a few choices each time."""
    m = archive.multiplications
    with np.errstate(all="ignore"):
        chain = normalised(chain, grid.first)
        while len(pattern := pattern_of(chain)):
            trials: list[tuple[float, Chain]] = []
            for _, place, changed in removals(chain, grid, 16, pattern)[:6]:
                if not np.isfinite(norm_of(changed, grid, 8)):
                    vector = pack(chain)
                    vector[place] = 0.0
                    changed = unpack(vector, m)
                rest = pattern[pattern != place]
                trial = minimise_pattern(changed, grid, 8, 8, rest)
                trial = minimise_pattern(trial, grid, 32, 8, rest)
                trials.append((norm_of(trial, grid, 32), trial))
            if not trials:
                return
            chain = normalised(min(trials, key=lambda one: one[0])[1], grid.first)
            if len(pattern) - 1 <= most:
                fitted = refitted(chain, grid, _STEPS)
                if fitted is not None:
                    admitted(archive, fitted, grid)


def search_products(
    m: int,
    starts: Sequence[Chain],
    shorter: Sequence[Kept],
    moves: int,
    most: int,
    seed: int,
    record: Path | None = None,
    progress: Callable[[Archive], None] | None = None,
) -> Archive:
    """Search chains of m multiplications with at most `most` plaintext products.

    Parameters
    ----------
    m : int
    starts : sequence of Chain
        Chains of m multiplications, of any number of products.
    shorter : sequence of Kept
        Chains of m − 1 multiplications, from which others grow.
    moves : int
        Moves in all, those on record included.
    most : int
    seed : int
    record : Path, optional
        Where the state is written, and taken up from.
    progress : callable, optional
        Called whenever the state is written.
    """
    grid, _ = grids(m)
    rng = np.random.default_rng([seed, m])
    archive = Archive(m)
    if record is not None and record.exists():
        archive, state = read_archive(record)
        rng.bit_generator.state = state
    else:
        for chain in starts:
            descend(archive, chain, grid, most)
    while archive.moves < moves:
        one_move(archive, shorter, grid, rng, most)
        if archive.moves % _SAVED == 0 or archive.moves == moves:
            if record is not None:
                write_archive(record, archive, rng.bit_generator.state)
            if progress is not None:
                progress(archive)
    return archive


def write_archive(path: Path, archive: Archive, state: Any) -> None:
    """Write the archive and the state of the random numbers, whole or not at all."""
    content = {
        "multiplications": archive.multiplications,
        "moves": archive.moves,
        "random": state,
        "chains": [
            [one.bits, pack(one.chain).tolist()]
            for count in sorted(archive.kept)
            for one in archive.kept[count]
        ],
    }
    write_atomically(path, json.dumps(content).encode())


def read_archive(path: Path) -> tuple[Archive, Any]:
    """The inverse of :func:`write_archive`."""
    content = json.loads(path.read_text(encoding="utf-8"))
    m = content["multiplications"]
    archive = Archive(m, moves=content["moves"])
    for bits, vector in content["chains"]:
        one = Kept(bits, unpack(np.array(vector), m))
        archive.kept.setdefault(one.products, []).append(one)
    return archive, content["random"]
