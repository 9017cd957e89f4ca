# SPDX-License-Identifier: Apache-2.0
"""Search of chains: the fewest products with which a degree's polynomials can be computed.

For a family, a degree and a number of levels the addition chains are listed that consist of powers of two
and a few degrees more. Those whose constants suffice (the rank of the derivatives says so) are
tried on a set of polynomials, and the best of the shortest that compute them all is kept. What is
found is shipped (``data/chains.json``); ``polyapprox circuits chains`` makes it again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from ...errors import ArgumentError
from ...files import write_atomically
from ..chebyshev import chebyshev_cost
from .chain import Chain, Family, Product
from .fit import Evaluation, fit_chain, points
from .table import chains_text, read_chains

Array = np.ndarray
SEEDS = 8
_ENOUGH = 2  # solutions of one polynomial
_LARGEST = 2.0**10
_OFTEN = 0.6
_SELDOM = 0.2
_LEAST_LEADING = 1e-4


def trial_series(family: Family, degree: int, seed: int = 0) -> list[Array]:
    """Chebyshev coefficients to try a chain on: at random, and like those of signs and steps."""
    random = np.random.default_rng(seed)
    index = np.arange(degree + 1)
    sign = np.where(index % 2, (-1.0) ** (index // 2), (-1.0) ** (index // 2 + 1)) / (index + 1.0)
    smooth = random.choice([-1.0, 1.0], degree + 1) * 0.5 ** (6 * index / (degree + 1))
    found = [
        random.uniform(-1, 1, degree + 1),
        sign * np.exp(-2.5 * (index / (degree + 1)) ** 2),
        sign * np.exp(-5 * (index / (degree + 1)) ** 2),
        smooth,
        random.normal(0, 1, degree + 1),
    ]
    for series in found:
        if family != "general":
            series[::2] = 0
        if abs(series[-1]) < _LEAST_LEADING:
            series[-1] = _LEAST_LEADING
    return found


@dataclass(frozen=True)
class Tried:
    """How a chain did: the share of the starts that solved, and the largest constant."""

    chain: Chain
    share: float
    largest: float


def try_chain(chain: Chain, seeds: int = SEEDS) -> Tried | None:
    """Solve all trial polynomials (None: one was not solved)."""
    starts, solved, largest = 0, 0, 0.0
    for series in trial_series(chain.family, chain.degree):
        sizes: list[float] = []
        for seed in range(seeds):
            fit = fit_chain(chain, series, seed)
            starts += 1
            if fit is not None and fit.largest < _LARGEST:
                sizes.append(fit.largest)
                if len(sizes) == _ENOUGH:
                    break
        if not sizes:
            return None
        solved, largest = solved + len(sizes), max(largest, min(sizes))
    return Tried(chain, solved / starts, largest)


def search_chain(
    family: Family, degree: int, levels: int, most: int, kept: int = 4, listed: int = 60
) -> Tried | None:
    """The shortest chain that does, of at most so many products; of these, the easiest to solve.

    A chain that few starts solve gives way to one with a product more.
    """
    spare: Tried | None = None
    least = most
    for products in range(1, most + 1):
        candidates = []
        for chain in list_chains(family, degree, levels, products):
            if chain.parameters >= chain.conditions and _rank(chain) == chain.conditions:
                candidates.append(chain)
                if len(candidates) == listed:
                    break
        least = min(least, products) if candidates else least
        scored = sorted(candidates, key=_difficulty)
        best: Tried | None = None
        for one in map(try_chain, scored[:kept]):
            if one is not None and (best is None or one.share > best.share):
                best = one
            if best is not None and best.share > _OFTEN:
                break
        if best is not None and (spare is None or best.share > spare.share):
            spare = best
        if spare is not None and (spare.share > _SELDOM or products > least + 1):
            return spare
    return spare


def make_chains(
    path: Path, family: Family, degrees: Sequence[int], report: Callable[[int, Chain | None], None]
) -> None:
    """Search the chains of some degrees that a file does not hold yet, and write each when found.

    Parameters
    ----------
    path : Path
        Of the form of ``data/chains.json``; what it holds is not searched again.
    family : {"odd", "times", "general"}
    degrees : sequence of int
    report : callable
        Told each degree and its chain, None where no chain has fewer products than baby steps
        and giant steps.
    """
    known = read_chains(path) if path.exists() else {}
    rows = known.setdefault((family, "levels"), {})
    for degree in degrees:
        if degree not in rows:
            most, _ = chebyshev_cost(degree, None if family == "general" else "odd")
            found = search_chain(family, degree, degree.bit_length(), most + (family == "times"))
            if found is not None:
                rows[degree] = found.chain
                write_atomically(path, chains_text(known).encode())
        report(degree, rows.get(degree))


def _rank(chain: Chain) -> int:
    random = np.random.default_rng(0)
    constants = random.normal(0, 0.3, chain.parameters)
    jacobian = Evaluation(chain, constants, points(chain)).derivatives()[0]
    sizes = np.linalg.svd(jacobian, compute_uv=False)
    return int((sizes > 1e-11 * sizes[0]).sum())


def _difficulty(chain: Chain) -> tuple[int, int]:
    """How many of a few starts fail on two polynomials."""
    failures = 0
    for series in trial_series(chain.family, chain.degree)[1:4:2]:
        fits = [fit_chain(chain, series, seed) for seed in range(4)]
        failures += sum(fit is None for fit in fits)
    return failures, -chain.parameters


def list_chains(
    family: Family, degree: int, levels: int, products: int, seed: int = 0
) -> Iterator[Chain]:
    """Chains of a degree with so many products, in a random order."""
    random = np.random.default_rng(seed)
    for powers in range(degree.bit_length() - 1, 0, -1):
        base = [1 << k for k in range(1, powers + 1)]
        more = products - len(base) - (base[-1] != degree)
        if more < 0:
            continue
        others = [n for n in range(3, degree) if n & (n - 1)]
        sets = list(_some_combinations(others, more, random))
        for at in random.permutation(len(sets)):
            degrees = sorted({1, *base, *sets[at], degree})
            yield from _chains_of(family, degrees, levels)


def _some_combinations(
    others: list[int], size: int, random: np.random.Generator, most: int = 30_000
) -> Iterator[tuple[int, ...]]:
    total = math.comb(len(others), size)
    if total <= most:
        yield from combinations(others, size)
        return
    for _ in range(most):
        yield tuple(sorted(random.choice(others, size, replace=False).tolist()))


def _chains_of(family: Family, degrees: list[int], levels: int) -> Iterator[Chain]:
    """The chain that makes each degree of two smaller ones, at the lowest level."""
    bases = 2 if family == "times" else 1
    place = {1: bases - 1}  # the index of a degree: 1 is w in the family "times"
    level = {1: bases - 1}
    chosen: list[Product] = []
    used: set[int] = set()
    for wanted in degrees[1:]:
        pairs = [(a, wanted - a) for a in degrees if 2 * a >= wanted and wanted - a in place]
        pairs = [pair for pair in pairs if pair[0] in place and _fits(family, *pair)]
        if not pairs:
            return
        first, second = min(pairs, key=lambda pair: (max(level[pair[0]], level[pair[1]]), pair))
        if family == "times" and wanted == 2:
            level[2], left, right = 1, 0, 0
        else:
            level[wanted] = max(level[first], level[second]) + 1
            left, right = place[first], place[second]
            used |= {first, second}
        if level[wanted] > levels:
            return
        place[wanted] = bases + len(chosen)
        chosen.append((left, right, level[wanted]))
    if used | {1, degrees[-1]} != set(degrees):
        return
    for variant in _levels(chosen, levels, bases):
        try:
            chain = Chain(family, variant, levels)
            chain.sides  # noqa: B018 (checks the levels)
        except ArgumentError:
            continue
        yield chain


def _fits(family: Family, first: int, second: int) -> bool:
    """In the family "times" odd degrees carry the factor z, and only one side may."""
    return family != "times" or (first, second) == (1, 1) or not (first % 2 and second % 2)


def _levels(chosen: list[Product], levels: int, bases: int) -> set[tuple[Product, ...]]:
    """All as early as possible but the last; all as late as possible."""
    last = [*chosen[:-1], (*chosen[-1][:2], levels)]
    late = list(last)
    for number in range(len(chosen) - 2, 0, -1):
        users = [lv for left, right, lv in late[number + 1 :] if bases + number in (left, right)]
        late[number] = (*late[number][:2], min(users) - 1)
    return {tuple(last), tuple(late)}
