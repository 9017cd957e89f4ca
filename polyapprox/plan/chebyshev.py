# SPDX-License-Identifier: Apache-2.0
"""Chebyshev series by baby steps and giant steps: fewest levels, then fewest multiplications.

With T_{a+b} = 2 T_a T_b − T_{|a−b|}, a series of degree n is split as p = T_g q + r at a giant
step g, again and again, until only baby steps are left (Lee, Lee, No, Kim, IEEE TDSC 19 (2022),
3711, eprint 2020/834; general series: Bossuat et al., EUROCRYPT 2021, eprint 2020/1203). The
coefficients of q and r are sums and doubles of those of p, so the plan is the polynomial itself,
exactly, and stays as well conditioned as the series.

============  ==================================  ================================
kind          baby steps T_k                      giant steps T_g
============  ==================================  ================================
"odd"         k = 1, 3, 5, …, b                   g = 2, 4, 8, …, 2^(m−1)
"general"     k = 1, 2, 3, …, b                   g = b, 2b, 4b, …, 2^(m−1) b, and
                                                  the powers of two below b
============  ==================================  ================================

An even series is the general series of half the degree in T_2(u) = 2u² − 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import mpmath

from ..errors import ArgumentError
from ..numbers import ZERO, add, dyadic, negate
from ..polynomial import Parity
from .builder import PlanBuilder

Kind = Literal["odd", "general"]
_MINUS_ONE = dyadic(-1, 0)
_INFEASIBLE = 1 << 30


@dataclass(frozen=True)
class _Split:
    """How all series of one kind and degree are evaluated."""

    levels: int
    multiplications: int
    babies: int
    giants: tuple[int, ...]
    choices: dict[tuple[int, int], int]  # (degree, levels left) -> giant step, 0: baby steps only


def chebyshev_cost(degree: int, parity: Parity | None = None) -> tuple[int, int]:
    """What a series costs under the rule "published", without building its plan.

    Parameters
    ----------
    degree : int
        Degree, of the parity's kind: odd for "odd", even for "even".
    parity : {"even", "odd"}, optional

    Returns
    -------
    (int, int)
        Multiplications of ciphertexts, and levels (the products with the coefficients, which
        are not integers, included).

    Raises
    ------
    ArgumentError
        If the degree is negative or does not have the parity.

    Examples
    --------
    >>> chebyshev_cost(15, "odd"), chebyshev_cost(20, "even"), chebyshev_cost(7)
    ((8, 4), (6, 5), (5, 3))
    """
    if degree < 0:
        raise ArgumentError(f"degree={degree} is negative; give 0 or more")
    if parity is not None and degree % 2 != (parity == "odd"):
        raise ArgumentError(f"degree={degree} is not {parity}; change the degree or the parity")
    if parity == "even" and degree:
        split = _best_split("general", degree // 2)
        return split.multiplications + 1, split.levels + 1
    split = _best_split("odd" if parity == "odd" else "general", degree)
    return split.multiplications, split.levels


def append_chebyshev(
    builder: PlanBuilder,
    value: int,
    coefficients: Sequence[mpmath.mpf],
    parity: Parity | None = None,
) -> int:
    """Append the operations that compute sum c_k T_k(u).

    Parameters
    ----------
    builder : PlanBuilder
        Collects the operations.
    value : int
        Index of u, the value in [-1, 1].
    coefficients : sequence of mpmath.mpf, shape (degree + 1,)
        Chebyshev coefficients, low to high, exact.
    parity : {"even", "odd"}, optional
        If given, the coefficients of the other parity must be zero.

    Returns
    -------
    int
        Index of the result.

    Raises
    ------
    ArgumentError
        If a coefficient of the other parity is not zero.

    Notes
    -----
    Zero coefficients cost nothing, so a sparse series may cost less than
    :func:`chebyshev_cost` says for its degree, never more.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> builder = PlanBuilder()
    >>> series = [exact(c) for c in (0, 1.5, 0, 0.25)]
    >>> plan = builder.finish(append_chebyshev(builder, builder.arguments[0], series, "odd"))
    >>> plan.run(0.5)
    0.5
    """
    series = list(coefficients)
    if parity is not None and any(series[int(parity == "even") :: 2]):
        raise ArgumentError(
            f"the series is not {parity}: a coefficient of the other parity is not 0"
        )
    while len(series) > 1 and not series[-1]:
        series.pop()
    if len(series) < 2:
        return _constant(builder, value, series[0] if series else ZERO)
    if parity == "even":
        value, series = double_angle(builder, value), series[::2]
    kind: Kind = "odd" if parity == "odd" else "general"
    split = _best_split(kind, len(series) - 1)
    return _Evaluation(builder, value, kind, split).result(series)


def _level(index: int) -> int:
    """Levels that T_index uses: ceil(log2 index)."""
    return (index - 1).bit_length() if index > 0 else 0


@lru_cache(maxsize=4096)
def _best_split(kind: Kind, degree: int) -> _Split:
    levels = degree.bit_length()
    best = _Split(levels, _INFEASIBLE, 1, (), {})
    if degree == 0:
        return _Split(0, 0, 1, (), {})
    step = 2 if kind == "odd" else 1
    for babies in range(1, degree + 1, step):
        if (babies - 1) // step > best.multiplications:
            break
        for giants, made in _giants(kind, babies, degree):
            steps = (babies - 1) // step + made
            if steps >= best.multiplications:
                continue
            search = _Search(kind, babies, giants)
            total = steps + search.cost(degree, levels)
            if total < best.multiplications:
                best = _Split(levels, total, babies, giants, search.choices)
    return best


def _giants(kind: Kind, babies: int, degree: int) -> list[tuple[tuple[int, ...], int]]:
    """Lists of giant steps, each with the multiplications that make it from the baby steps."""
    first = 2 if kind == "odd" else babies
    steps = [first << k for k in range(degree.bit_length()) if first << k <= degree]
    if kind == "odd":  # T_k with 2^j < k < 2^(j+1) is made from T_{2^j}
        least = babies.bit_length() - 1
        return [(tuple(steps[:m]), m) for m in range(least, len(steps) + 1)]
    small = tuple(1 << k for k in range(babies.bit_length()) if 1 << k < babies)
    return [((*small, *steps[:m]), m - 1) for m in range(1, len(steps) + 1)]


class _Search:
    """Fewest products p = T_g q + r, over all nested choices of the giant steps g."""

    def __init__(self, kind: Kind, babies: int, giants: tuple[int, ...]) -> None:
        self.kind, self.babies, self.giants = kind, babies, giants
        self.known: dict[tuple[int, int], int] = {}
        self.choices: dict[tuple[int, int], int] = {}

    def cost(self, degree: int, levels: int) -> int:
        if degree <= self.babies and degree <= 1 << max(levels - 1, 0) and (levels or not degree):
            return 0
        if degree >= 1 << levels:
            return _INFEASIBLE
        key = degree, levels
        if key not in self.known:
            self.known[key], self.choices[key] = self._best(degree, levels)
        return self.known[key]

    def _best(self, degree: int, levels: int) -> tuple[int, int]:
        best = _INFEASIBLE, 0
        for giant in self.giants:
            if giant > degree or _level(giant) >= levels or degree > 3 * giant - 1:
                continue
            cost = self.cost(giant - 1, levels)
            if degree > giant:
                cost += 1 + self.cost(degree - giant, levels - 1)
            best = min(best, (cost, giant))
        return best


class _Evaluation:
    """Appends the operations of one series; T_k are made when they are first needed."""

    def __init__(self, builder: PlanBuilder, value: int, kind: Kind, split: _Split) -> None:
        self.builder, self.kind, self.split = builder, kind, split
        self.chebyshev = {1: value}

    def result(self, series: Sequence[mpmath.mpf]) -> int:
        part, constant = self._series(list(series), self.split.levels)
        if part is None:
            return _constant(self.builder, self.chebyshev[1], constant)
        return self.builder.shift(part, constant)

    def _series(self, series: list[mpmath.mpf], levels: int) -> tuple[int | None, mpmath.mpf]:
        """Index of the sum without its constant (None if it is zero), and the constant."""
        giant = self.split.choices.get((len(series) - 1, levels), 0)
        if not giant:
            return self._combination(series), series[0]
        quotient, remainder = divide(series, giant)
        low, constant = self._series(remainder, levels)
        high, lead = self._series(quotient, levels - 1)
        if high is None:
            if not lead:
                return low, constant
            product = self.builder.scale(self._polynomial(giant), lead)
        else:
            product = self.builder.multiply(self._polynomial(giant), self.builder.shift(high, lead))
        return (product if low is None else self.builder.add(product, low)), constant

    def _combination(self, series: list[mpmath.mpf]) -> int | None:
        total: int | None = None
        for index, coefficient in enumerate(series):
            if index and coefficient:
                term = self.builder.scale(self._polynomial(index), coefficient)
                total = term if total is None else self.builder.add(total, term)
        return total

    def _polynomial(self, index: int) -> int:
        """Index of T_index(u)."""
        if index not in self.chebyshev:
            self.chebyshev[index] = self._make(index)
        return self.chebyshev[index]

    def _make(self, index: int) -> int:
        if index % 2 == 0:
            return double_angle(self.builder, self._polynomial(index // 2))
        if self.kind == "odd":
            left = 1 << (index.bit_length() - 1)
            right = index - left
        else:
            left, right = (index + 1) // 2, index // 2
        product = self.builder.multiply(self._polynomial(left), self._polynomial(right))
        return self.builder.subtract(
            self.builder.double(product), self._polynomial(abs(left - right))
        )


def _constant(builder: PlanBuilder, value: int, constant: mpmath.mpf) -> int:
    """A constant, as a ciphertext: value − value + constant."""
    return builder.shift(builder.subtract(value, value), constant)


def double_angle(builder: PlanBuilder, value: int) -> int:
    """Append T_2 of a value: 2v² − 1."""
    return builder.shift(builder.double(builder.multiply(value, value)), _MINUS_ONE)


def divide(series: Sequence[mpmath.mpf], giant: int) -> tuple[list[mpmath.mpf], list[mpmath.mpf]]:
    """Write a Chebyshev series of degree below 3·giant as T_giant · quotient + remainder.

    Parameters
    ----------
    series : sequence of mpmath.mpf
        Chebyshev coefficients, low to high.
    giant : int
        Index of the divisor, at most the degree of the series.

    Returns
    -------
    (list of mpmath.mpf, list of mpmath.mpf)
        Exact quotient, and exact remainder of length `giant`.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> quotient, remainder = divide([exact(c) for c in (0, 0, 0, 1)], 2)
    >>> [int(c) for c in quotient], [int(c) for c in remainder]
    ([0, 2], [0, -1])
    """
    quotient = [series[giant], *(add(c, c) for c in series[giant + 1 :])]
    remainder = list(series[:giant])
    for index, coefficient in enumerate(series[giant + 1 :], 1):
        place = abs(giant - index)
        remainder[place] = add(remainder[place], negate(coefficient))
    return quotient, remainder
