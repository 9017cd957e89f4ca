# SPDX-License-Identifier: Apache-2.0
"""Degree lists of the cheapest ReLU composites x(1 + s(x))/2 for a given ReLU error.

The threshold of the sign is free. The dynamic program runs for a few thresholds around the
likely one and proposes the lists of every cell that could do; each proposal is then judged by its
true ReLU error at its own best threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError, NotConvergedError
from .cost import composite_cost
from .refined import shipped_refined
from .search import (
    CostTable,
    Objective,
    check_max_degree,
    check_objective,
    limits,
    preference,
)
from .stage import gap_of_error, log_gap
from .threshold import Threshold, best_threshold

# thresholds of the proposals, as multiples of the wanted ReLU error (of twice it with an offset:
# the hump may then be almost twice as high)
THRESHOLD_FACTORS = (9.0, 12.0, 16.0, 20.0)

Key = tuple[int, int]


@dataclass(frozen=True)
class ReluChoice:
    """A degree list for ReLU, innermost first; counts include the final product by x.

    `threshold` and `error` (an estimate, sampled) are on the interval scaled to [−1, 1];
    `refined` says whether the error is that of jointly refined coefficients.
    """

    degrees: tuple[int, ...]
    multiplications: int
    levels: int
    threshold: float
    error: float
    refined: bool = False


def pareto_relu(
    error: float,
    max_degree: int = 31,
    offset: bool = True,
    refine: bool = False,
    guard: float = 0.0,
) -> tuple[ReluChoice, ...]:
    """Degree lists that meet a ReLU error and that no other found beats in both counts.

    Parameters
    ----------
    error : float
        Largest |r − ReLU| on [−1, 1], between 0 and 1/4.
    max_degree : int
        Largest degree of a stage, 3 to 63.
    offset : bool
        Whether r may add a constant (and then r(0) is that constant).
    refine : bool
        Also take jointly refined composites, of those that are shipped (errors down to 2^-16).
    guard : float
        What a stage hands on may be off by so much, relative: errors are meant with that.

    Returns
    -------
    tuple of ReluChoice
        Depth ascending, multiplications descending.

    Raises
    ------
    ArgumentError
        If error or max_degree is out of range.

    Examples
    --------
    >>> [(c.multiplications, c.levels) for c in pareto_relu(2**-9)]
    [(12, 8), (10, 9)]
    """
    refined = refined_choices(error, max_degree, offset, guard) if refine else []
    return _undominated([*refined, *_choices(error, max_degree, offset, guard)])


def search_relu(
    error: float,
    objective: Objective = "levels",
    limit: tuple[int, int] | None = None,
    max_degree: int = 31,
    offset: bool = True,
    refine: bool = False,
    guard: float = 0.0,
) -> ReluChoice | None:
    """The cheapest list by an objective: "levels", "multiplications" or "balanced"; None if there is none.

    Other parameters and errors as for :func:`pareto_relu`. Of lists that cost the same, the one
    with the smallest error.

    Parameters
    ----------
    limit : (int, int), optional
        Multiplications and levels to beat under the objective.

    Examples
    --------
    >>> alone, together = search_relu(2**-12), search_relu(2**-12, refine=True)
    >>> together.levels <= alone.levels, together.refined
    (True, True)
    """
    check_objective(objective)
    best: ReluChoice | None = None
    key: Key | None = None if limit is None else preference(objective, *limit)
    for choice in refined_choices(error, max_degree, offset, guard) if refine else []:
        cost = preference(objective, choice.multiplications, choice.levels)
        beats = key is None or cost < key or (best is not None and cost == key)
        if beats and (best is None or cost != key or choice.error < best.error):
            best, key = choice, cost
    ceiling = _Ceiling(objective, key)
    for choice in _choices(error, max_degree, offset, guard, ceiling):
        cost = preference(objective, choice.multiplications, choice.levels)
        if ceiling.key is None or cost < ceiling.key:
            best, ceiling.key = choice, cost
    return best


@dataclass
class _Ceiling:
    """The cost to beat so far: it shrinks while the search goes on."""

    objective: Objective
    key: Key | None

    def multiplications(self, levels: int, most: int) -> int:
        """How many counts 0, 1, … of multiplications beat it at a number of levels, `most` at most."""
        key = self.key
        if key is None:
            return most
        counts = (m for m in range(most) if preference(self.objective, m, levels) >= key)
        return next(counts, most)


def refined_choices(
    error: float, max_degree: int, offset: bool, guard: float = 0.0
) -> list[ReluChoice]:
    """Shipped refined composites that meet an error."""
    choices = []
    for (degrees, free), result in shipped_refined().items():
        reached = result.error_with(guard)
        if free == offset and max(degrees) <= max_degree and reached <= error:
            m, n = composite_cost(degrees, final_product=True)
            choices.append(ReluChoice(degrees, m, n, result.threshold, reached, True))
    return choices


def _undominated(choices: list[ReluChoice]) -> tuple[ReluChoice, ...]:
    """Depth ascending, multiplications strictly descending; the smaller error of equal costs."""
    kept: list[ReluChoice] = []
    for choice in sorted(choices, key=lambda c: (c.levels, c.multiplications, c.error)):
        if not kept or choice.multiplications < kept[-1].multiplications:
            kept.append(choice)
    return tuple(kept)


def _choices(
    error: float,
    max_degree: int,
    offset: bool,
    guard: float,
    ceiling: _Ceiling | None = None,
) -> Iterator[ReluChoice]:
    if not 0 < error < 0.25:
        raise ArgumentError(f"error is {error}: give a number between 0 and 1/4")
    check_max_degree(max_degree)
    hump = 2 * error if offset else error
    gaps = [log_gap(min(0.9, factor * hump)) for factor in THRESHOLD_FACTORS]
    loose = gap_of_error(min(0.9, 2 * error))
    width, height = limits(gaps[0])
    tables = [CostTable(gap, max_degree, width, guard) for gap in gaps]
    allowed, found = width, False
    known: dict[tuple[int, ...], Threshold] = {}
    for levels in range(1, height):
        # the product by x costs a multiplication more, and mostly no level
        below = allowed if ceiling is None else ceiling.multiplications(levels, allowed + 1) - 1
        if below <= 0 and ceiling is not None and ceiling.objective != "multiplications":
            return
        first = _first_below(tables[-1].row(levels)[: max(below, 0)], loose)
        for products in range(first, min(allowed, below)):
            choice = _judged(tables, products, levels, offset, guard, known)
            if choice is not None and choice.error <= error:
                allowed, found = products, True
                yield choice
                break
        if found and allowed <= 2:
            return
    if not found and ceiling is None:
        raise NotConvergedError(f"no degree list reaches the ReLU error {error}: lower it less")


def _first_below(gaps: np.ndarray, target: float) -> int:
    reached = np.flatnonzero(gaps <= target)
    return int(reached[0]) if len(reached) else len(gaps)


def _judged(
    tables: list[CostTable],
    products: int,
    levels: int,
    offset: bool,
    guard: float,
    known: dict[tuple[int, ...], Threshold],
) -> ReluChoice | None:
    """The best of the lists proposed for a cell; lists judged before are looked up."""
    for table in tables:
        table.row(levels)
    proposals = {table.backtrack(products, levels) for table in tables}
    proposals.discard(())
    for degrees in proposals - known.keys():
        known[degrees] = best_threshold(degrees, offset, guard)
    if not proposals:
        return None
    degrees = min(sorted(proposals), key=lambda d: known[d].error)
    best = known[degrees]
    m, n = composite_cost(degrees, final_product=True)
    return ReluChoice(degrees, m, n, best.threshold, best.error)
