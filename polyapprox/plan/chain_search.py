"""Search of chains: the fewest products with which a degree's polynomials can be computed.

Sequences of products whose degrees do not fall, as in an addition chain, are listed for a family,
a degree and a depth; those with the most constants are tried on a set of polynomials, and the
first that computes them all is kept. What is found is shipped (``data/chains.json``); this module
makes it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from .chain import Chain, Family, Product
from .chain_fit import fit_chain, points

Array = np.ndarray
SEEDS = 10
_ENOUGH = 2  # solutions of one polynomial
_LARGEST = 64.0
_OFTEN = 0.6


def trial_series(family: Family, degree: int, seed: int = 0) -> list[Array]:
    """Chebyshev coefficients to try a chain on: at random, and like those of signs and steps."""
    random = np.random.default_rng(seed)
    index = np.arange(degree + 1)
    sign = np.where(index % 2, (-1.0) ** (index // 2), (-1.0) ** (index // 2 + 1)) / (index + 1.0)
    smooth = random.choice([-1.0, 1.0], degree + 1) * 0.5 ** (6 * index / (degree + 1))
    found = [
        random.uniform(-1, 1, degree + 1),
        sign,
        sign * (1 - 0.9 * (index / (degree + 1)) ** 2),
        smooth,
        random.normal(0, 1, degree + 1),
    ]
    for series in found:
        if family != "general":
            series[::2] = 0
        if abs(series[-1]) < 0.02:
            series[-1] = 0.02
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
        wanted = np.polynomial.chebyshev.chebval(points(chain), series)
        leading = series[-1] * 2.0 ** (chain.degree - 1 - chain.leading_power)
        sizes: list[float] = []
        for seed in range(seeds):
            fit = fit_chain(chain, wanted, leading, seed, thin=False)
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
    family: Family, degree: int, depth: int, most: int, tried: int = 10, listed: int = 3000
) -> Tried | None:
    """The first chain that does, by number of products; of those, the one solved most often."""
    for products in range(1, most + 1):
        candidates = [
            chain
            for chain in list_chains(family, degree, depth, products, listed)
            if chain.parameters >= chain.conditions
        ]
        candidates.sort(key=lambda chain: -chain.parameters)
        best: Tried | None = None
        for one in map(try_chain, candidates[:tried]):
            if one is not None and (best is None or one.share > best.share):
                best = one
            if best is not None and best.share > _OFTEN:
                break
        if best is not None:
            return best
    return None


def list_chains(
    family: Family, degree: int, depth: int, products: int, most: int, seed: int = 0
) -> Iterator[Chain]:
    """Chains of a degree with so many products, at most `most` of them, in a random order."""
    given = {"odd": [(1, 1, 0)], "times": [(1, 1, 0), (1, 2, 1)], "general": [(1, 0, 0)]}[family]
    wanted = {"odd": 1, "times": 2, "general": 0}[family]
    square = (2, 0, 1)
    random = np.random.default_rng(seed)
    found = 0
    budget = 60 * most

    def extend(
        values: list[tuple[int, int, int]], chosen: list[tuple[int, int, int]]
    ) -> Iterator[list[Product]]:
        nonlocal budget
        budget -= 1
        left = products - len(chosen)
        if budget < 0:
            return
        if not left:
            if values[-1][0] == degree and values[-1][1] == wanted and _all_used(chosen, len(given)):
                yield chosen
            return
        if max(v[0] for v in values) << left < degree:
            return
        pairs = [
            (i, j)
            for i in range(len(values))
            for j in range(i + 1)
            if _allowed(family, values, i, j)
            and values[-1][0] <= values[i][0] + values[j][0] <= degree
            and max(values[i][2], values[j][2]) < depth
        ]
        for at in random.permutation(len(pairs)):
            i, j = pairs[at]
            if len(chosen) > 1 and values[i][0] + values[j][0] == values[-1][0]:
                if (i, j, 0)[:2] <= chosen[-1][:2]:
                    continue
            kind = max(values[i][1], values[j][1]) if family == "times" else (
                values[i][1] + values[j][1]
            ) % 2
            level = max(values[i][2], values[j][2]) + 1
            value = (values[i][0] + values[j][0], kind, level)
            yield from extend([*values, value], [*chosen, (i, j, level)])

    for chosen in extend([*given, square], [(0, 0, 1)]):
        for variant in _levels(family, chosen, depth, len(given)):
            try:
                chain = Chain(family, variant, depth)
                chain.sides  # noqa: B018 (checks the levels)
            except ArgumentError:
                continue
            yield chain
            found += 1
        if found >= most:
            return


def _allowed(family: Family, values: list[tuple[int, int, int]], i: int, j: int) -> bool:
    if family != "times":
        return True
    return 0 not in (i, j) and (values[i][1], values[j][1]) != (2, 2)


def _all_used(chosen: list[Product], bases: int) -> bool:
    used = {index for left, right, _ in chosen for index in (left, right)}
    return all(bases + number in used for number in range(len(chosen) - 1))


def _levels(
    family: Family, chosen: list[Product], depth: int, bases: int
) -> set[tuple[Product, ...]]:
    """As early as possible, the last as late, all as late as possible."""
    early = list(chosen)
    last = [*early[:-1], (*early[-1][:2], depth)]
    late = list(last)
    for number in range(len(chosen) - 2, 0, -1):
        users = [lv for left, right, lv in late[number + 1 :] if bases + number in (left, right)]
        late[number] = (*late[number][:2], min(users) - 1)
    return {tuple(early), tuple(last), tuple(late)}
