# SPDX-License-Identifier: Apache-2.0
"""The cheapest plan of a Chebyshev series: adapted coefficients, or baby steps and giant steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mpmath

from ..polynomial import Parity
from ..words import counted
from .builder import PlanBuilder
from .chains.adapted import LARGEST_CONSTANT, Adapted, Refusal, adapt, append_adapted
from .chains.chain import Family
from .chains.table import Objective, best_chain
from .chebyshev import append_chebyshev, chebyshev_cost, double_angle
from .count import count


@dataclass(frozen=True)
class SeriesChoice:
    """How a series is evaluated, and why.

    Attributes
    ----------
    method : {"adapted", "baby steps, giant steps"}
    reason : str
    adapted : Adapted or None
        The chain, with its largest constant and its amplification.
    """

    method: str
    reason: str
    adapted: Adapted | None = None


def series_cost(
    degree: int, parity: Parity | None = None, objective: Objective = "levels"
) -> tuple[int, int]:
    """What the cheapest plan of a series costs under the rule "published", for most series.

    A series whose adapted coefficients are refused costs what
    :func:`polyapprox.plan.chebyshev.chebyshev_cost` says.

    Parameters
    ----------
    degree : int
        Degree, of the parity's kind.
    parity : {"even", "odd"}, optional
    objective : {"levels", "multiplications"}
        Which of both is least; the other decides between equals.

    Returns
    -------
    (int, int)
        Multiplications and levels.

    Raises
    ------
    ArgumentError
        If the degree is negative or does not have the parity.

    Examples
    --------
    >>> series_cost(7, "odd"), series_cost(15, "odd"), series_cost(31, "odd")
    ((4, 3), (6, 4), (8, 5))
    """
    cost = chebyshev_cost(degree, parity)
    chain = best_chain(*_chain_of(degree, parity), objective)
    if chain is None:
        return cost
    more = int(parity == "even")
    other = chain.multiplications + more, chain.levels + more
    return min(cost, other, key=lambda both: _key(both[0], both[1], objective))


def times_cost(degree: int) -> tuple[int, int]:
    """Multiplications and levels of z·p(y), p odd, where z is known at least a level before y.

    Examples
    --------
    >>> times_cost(7), times_cost(15)
    ((5, 3), (7, 4))
    """
    products, levels = series_cost(degree, "odd")
    chain = best_chain("times", degree)
    if chain is None or (chain.levels, chain.multiplications) >= (levels + 1, products + 1):
        return products + 1, levels + 1
    return chain.multiplications, chain.levels


def _chain_of(degree: int, parity: Parity | None) -> tuple[Family, int]:
    if parity == "odd":
        return "odd", degree
    return "general", degree // 2 if parity == "even" else degree


def _key(products: int, levels: int, objective: Objective) -> tuple[int, int]:
    return (levels, products) if objective == "levels" else (products, levels)


def choose_series(
    coefficients: Sequence[mpmath.mpf],
    parity: Parity | None = None,
    objective: Objective = "levels",
    largest_constant: float = LARGEST_CONSTANT,
) -> SeriesChoice:
    """Whether adapted coefficients are used for a series, and why.

    Parameters
    ----------
    coefficients : sequence of mpmath.mpf, shape (degree + 1,)
        Chebyshev coefficients, low to high, exact.
    parity : {"even", "odd"}, optional
    objective : {"levels", "multiplications"}
    largest_constant : float
        Adapted constants above this, relative to the largest coefficient, are refused.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> series = [exact(c) for c in (0, 1.2, 0, -0.35, 0, 0.2, 0, -0.1)]
    >>> choose_series(series, "odd").reason
    '4 multiplications and 3 levels instead of 5 and 3'
    """
    series = list(coefficients)
    while len(series) > 1 and not series[-1]:
        series.pop()
    scratch = PlanBuilder()
    plain = count(scratch.finish(append_chebyshev(scratch, scratch.arguments[0], series, parity)))
    family, degree = _chain_of(len(series) - 1, parity)
    chain = best_chain(family, degree, objective)
    plainly = "baby steps, giant steps"
    if chain is None:
        return SeriesChoice(plainly, f"no chain is known for degree {len(series) - 1}")
    more = int(parity == "even")
    cost = _key(chain.multiplications + more, chain.levels + more, objective)
    if cost >= _key(plain.multiplications, plain.levels, objective):
        return SeriesChoice(plainly, "adapted coefficients save nothing")
    found = adapt(
        tuple(series[::2] if parity == "even" else series), family, objective, largest_constant
    )
    if isinstance(found, Refusal):
        return SeriesChoice(plainly, found.reason)
    reason = (
        f"{counted(chain.multiplications + more, 'multiplication')} and {counted(chain.levels + more, 'level')} instead "
        f"of {plain.multiplications} and {plain.levels}"
    )
    return SeriesChoice("adapted", reason, found)


def append_series(
    builder: PlanBuilder,
    value: int,
    coefficients: Sequence[mpmath.mpf],
    parity: Parity | None = None,
    objective: Objective = "levels",
    largest_constant: float = LARGEST_CONSTANT,
) -> int:
    """Append the cheapest operations that compute sum c_k T_k(u); see :func:`choose_series`.

    Parameters
    ----------
    builder : PlanBuilder
    value : int
        Index of u, the value in [-1, 1].
    coefficients, parity, objective, largest_constant
        As for :func:`choose_series`.

    Returns
    -------
    int
        Index of the result.

    Raises
    ------
    ArgumentError
        If a coefficient of the other parity is not zero.
    """
    choice = choose_series(coefficients, parity, objective, largest_constant)
    if choice.adapted is None:
        return append_chebyshev(builder, value, coefficients, parity)
    if parity == "even":
        value = double_angle(builder, value)
    return append_adapted(builder, value, choice.adapted)


def append_times(
    builder: PlanBuilder,
    value: int,
    factor: int,
    coefficients: Sequence[mpmath.mpf],
    largest_constant: float = LARGEST_CONSTANT,
) -> int:
    """Append the operations that compute z · sum c_k T_k(u), an odd series, at no further level.

    Where the values of a chain are odd, all of them are multiples of u: they become multiples of
    z·u, if z is known a level before u. Otherwise the product with z comes last.

    Parameters
    ----------
    builder : PlanBuilder
    value, factor : int
        Indices of u and z.
    coefficients : sequence of mpmath.mpf
        Chebyshev coefficients, low to high, exact; those of even index are zero.
    largest_constant : float
        As for :func:`choose_series`.

    Returns
    -------
    int
        Index of the result.
    """
    series = list(coefficients)
    while len(series) > 1 and not series[-1]:
        series.pop()
    if times_cost(max(1, len(series) - 1))[1] <= chebyshev_cost(len(series) - 1, "odd")[1]:
        found = adapt(tuple(series), "times", "levels", largest_constant)
        if isinstance(found, Adapted):
            return append_adapted(builder, value, found, factor)
    rest = append_series(builder, value, series, "odd", "levels", largest_constant)
    return builder.multiply(factor, rest)
