# SPDX-License-Identifier: Apache-2.0
"""Degree lists of the cheapest composite signs: a dynamic program on exact stage maps.

The best composition for given degrees takes at each stage the minimax polynomial on the image of
the stage before (Lee et al., eprint 2020/834; Amsel et al., arXiv 2505.16932, theorem 4.1), so a
list of degrees has one figure, the log gap of its image. That figure is monotone in the log gap
of the input: the best list that costs m multiplications and n levels extends a best list of
(m − m_d, n − n_d). The stage maps are interpolants good to 1e-11, and what is returned has been
solved again exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import ArgumentError, NotConvergedError
from ..given import is_whole
from .cost import MAX_DEGREE, composite_cost, stage_cost
from .maps import map_gap, widened_gap
from .stage import error_of, gap_of_error, log_gap, next_gap

Array = np.ndarray
Objective = Literal["levels", "multiplications", "balanced"]

SLACK = 1e-9  # in the log gap: far above the interpolation error, far below any difference of lists


@dataclass(frozen=True)
class Choice:
    """A degree list, innermost first, with its cost and its sign error (an estimate)."""

    degrees: tuple[int, ...]
    multiplications: int
    levels: int
    error: float


class CostTable:
    """Smallest log gap for every number of multiplications and levels, and the lists behind it.

    Parameters
    ----------
    gap : float
        Log gap of the input interval.
    max_degree : int
        Largest degree of a stage.
    width : int
        Multiplications 0 … width − 1 are tabulated.
    guard : float
        By which a stage is made for more than the one before gives, relative.
    """

    def __init__(self, gap: float, max_degree: int, width: int, guard: float = 0.0) -> None:
        self.width, self.guard = width, guard
        self.degrees = tuple(range(3, max_degree + 1, 2))
        self.costs = [stage_cost(d) for d in self.degrees]
        self.start = gap
        self.gaps: list[Array] = []
        self.last: list[Array] = []

    def row(self, levels: int) -> Array:
        """Gaps reachable with at most `levels` levels, by multiplications, shape (width,)."""
        while len(self.gaps) <= levels:
            self._add_row()
        return self.gaps[levels]

    def _add_row(self) -> None:
        width, levels = self.width, len(self.gaps)
        best = np.full(width, self.start)
        last = np.zeros(width, dtype=np.int64)
        if levels:
            best, last = self.gaps[-1].copy(), -np.ones(width, dtype=np.int64)
        for degree, (products, used) in zip(self.degrees, self.costs, strict=True):
            if used > levels or products >= width:
                continue
            reached = map_gap(degree, self._inputs(levels - used, width - products))
            better = reached < best[products:] - SLACK
            best[products:][better] = reached[better]
            last[products:][better] = degree
        fewer = np.minimum.accumulate(best)
        last[fewer < best - SLACK] = -2
        self.gaps.append(np.where(last == -2, fewer, best))
        self.last.append(last)

    def _inputs(self, levels: int, count: int) -> Array:
        """Log gaps that a next stage is made for: wider than what is reached, after a stage."""
        gaps = self.gaps[levels][:count]
        return gaps if not self.guard else np.where(
            gaps == self.start, gaps, widened_gap(gaps, self.guard)
        )

    def backtrack(self, products: int, levels: int) -> tuple[int, ...]:
        """The list behind a cell, innermost first."""
        found: list[int] = []
        while True:
            degree = int(self.last[levels][products])
            if degree == -1:
                levels -= 1
            elif degree == -2:
                products -= 1
            elif degree == 0:
                return tuple(reversed(found))
            else:
                found.append(degree)
                m, n = stage_cost(degree)
                products, levels = products - m, levels - n


def composite_gap(degrees: tuple[int, ...], gap: float, guard: float = 0.0) -> float:
    """Log gap of the image of a composition, by the exact solver."""
    current = np.array([gap])
    for position, degree in enumerate(degrees):
        current = next_gap(degree, np.asarray(widened_gap(current, guard)) if position else current)
    return float(current[0])


def limits(gap: float) -> tuple[int, int]:
    """Multiplications and levels that surely suffice: stages of degree 3, then some."""
    stages = 12 + math.ceil(max(gap, 0.0) / math.log(1.5))
    return 2 * stages + 40, 2 * stages + 30


def cheapest_cells(table: CostTable, target: float, height: int) -> Iterator[tuple[int, int]]:
    """Cells (multiplications, levels) that reach the target, levels ascending, none dominated."""
    allowed = table.width
    for levels in range(1, height):
        reached = np.flatnonzero(table.row(levels)[:allowed] <= target)
        if len(reached):
            allowed = int(reached[0])
            yield allowed, levels
        if allowed <= 1:
            return


def pareto(
    ratio: float, sign_error: float, max_degree: int = 31, guard: float = 0.0
) -> tuple[Choice, ...]:
    """Every degree list that no other beats in both multiplications and levels.

    Parameters
    ----------
    ratio : float
        The sign is wanted on [−1, −ratio] and [ratio, 1].
    sign_error : float
        Largest |s − sign| allowed.
    max_degree : int
        Largest degree of a stage, 3 to 63.
    guard : float
        By which each stage is made for more than the one before gives, relative.

    Returns
    -------
    tuple of Choice
        Depth ascending, multiplications descending; without a final product by x.

    Raises
    ------
    ArgumentError
        If ratio or sign_error is not between 0 and 1, or max_degree is out of range.

    Examples
    --------
    >>> [(c.degrees, c.multiplications, c.levels) for c in pareto(2**-6, 2**-5)]
    [((15, 15), 12, 8), ((13, 17), 10, 9)]
    """
    return tuple(_choices(ratio, sign_error, max_degree, guard))


def search_degrees(
    ratio: float,
    sign_error: float,
    objective: Objective = "levels",
    max_degree: int = 31,
    guard: float = 0.0,
) -> tuple[int, ...]:
    """The degree list that is cheapest by an objective (ties: the other count decides).

    Parameters
    ----------
    ratio, sign_error, max_degree, guard
        As for :func:`pareto`.
    objective : {"levels", "multiplications", "balanced"}
        What to minimise; "balanced" weighs a level as two multiplications.

    Examples
    --------
    >>> search_degrees(2**-10, 2**-9, "multiplications")
    (17, 17, 29)
    """
    check_objective(objective)
    choices = _choices(ratio, sign_error, max_degree, guard)
    if objective == "levels":
        return next(choices).degrees
    return min(choices, key=lambda c: preference(objective, c.multiplications, c.levels)).degrees


def preference(objective: Objective, multiplications: int, levels: int) -> tuple[int, int]:
    """Sort key of a cost under an objective; "balanced" weighs a level as two multiplications."""
    if objective == "levels":
        return levels, multiplications
    if objective == "multiplications":
        return multiplications, levels
    return 2 * levels + multiplications, levels


def check_objective(objective: str) -> None:
    """Raise ArgumentError for an unknown objective."""
    if objective not in ("levels", "multiplications", "balanced"):
        raise ArgumentError(
            f"objective is {objective!r}: use 'levels', 'multiplications' or 'balanced'"
        )


def check_max_degree(max_degree: int) -> None:
    """Raise ArgumentError for a largest degree without stage maps or cost."""
    if not is_whole(max_degree) or not 3 <= max_degree <= MAX_DEGREE:
        raise ArgumentError(f"max_degree is {max_degree!r}: give an integer from 3 to {MAX_DEGREE}")


def _choices(
    ratio: float, sign_error: float, max_degree: int, guard: float
) -> Iterator[Choice]:
    for name, value in (("ratio", ratio), ("sign_error", sign_error)):
        if not 0 < value < 1:
            raise ArgumentError(f"{name} is {value}: give a number strictly between 0 and 1")
    check_max_degree(max_degree)
    start, target = log_gap(ratio), gap_of_error(sign_error)
    width, height = limits(start)
    if start <= target:
        yield Choice((1,), 0, 1, float(error_of(start)))
        return
    table = CostTable(start, max_degree, width, guard)
    for products, levels in cheapest_cells(table, target, height):
        degrees = table.backtrack(products, levels)
        reached = composite_gap(degrees, start, guard)
        if reached > target + SLACK:
            raise NotConvergedError(
                f"the degree list {degrees} misses the target when solved exactly: the stage maps "
                "are damaged, make them again with python -m polyapprox.composite.maps"
            )
        m, n = composite_cost(degrees, final_product=False)
        yield Choice(degrees, m, n, float(error_of(reached)))
