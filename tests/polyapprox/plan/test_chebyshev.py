"""Plans of Chebyshev series: the same polynomial exactly, at the published cost or less."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from polyapprox.errors import ArgumentError
from polyapprox.numbers import exact, fraction
from polyapprox.plan import Plan, PlanBuilder, count
from polyapprox.plan.chebyshev import _best_split, append_chebyshev, chebyshev_cost, divide

# Lee, Lee, No, Kim, eprint 2020/834, tables of func.cpp: odd degrees 1, 3, 5, …, 63
ODD_MULTIPLICATIONS = (
    *(0, 2, 3, 5, 5, 6, 7, 8, 8, 8, 9, 9, 10, 10, 11, 12),
    *(11, 11, 11, 11, 12, 12, 13, 13, 14, 14, 14, 14, 15, 15, 16, 17),
)  # fmt: skip
# even degree: (multiplications, depth) of the direct ReLU
EVEN_COSTS = {
    2: (1, 2), 6: (3, 3), 10: (4, 4), 20: (6, 5), 38: (9, 6), 72: (13, 7), 144: (18, 8),
    288: (26, 9), 574: (36, 10),
}  # fmt: skip
PARITIES = ("odd", "even", None)


def plan_of(series: list, parity: str | None) -> Plan:
    builder = PlanBuilder()
    coefficients = [exact(c) for c in series]
    return builder.finish(append_chebyshev(builder, builder.arguments[0], coefficients, parity))


def random_series(degree: int, parity: str | None, seed: int = 0) -> np.ndarray:
    series = np.random.default_rng(seed).uniform(-1, 1, degree + 1)
    if parity is not None:
        series[int(parity == "even") :: 2] = 0
    return series


def fits(degree: int, parity: str | None) -> bool:
    return parity is None or degree % 2 == (parity == "odd")


def clenshaw(series: list[Fraction], x: Fraction) -> Fraction:
    first = second = Fraction(0)
    for coefficient in reversed(series[1:]):
        first, second = 2 * x * first - second + coefficient, first
    return x * first - second + series[0]


@dataclass
class Tally:
    """A ring element that only knows its level; the products are counted in a shared list."""

    level: int
    products: list[int]

    def __mul__(self, other: Tally | float) -> Tally:
        if isinstance(other, Tally):
            self.products.append(1)
            return Tally(max(self.level, other.level) + 1, self.products)
        return Tally(self.level + (not float(other).is_integer()), self.products)

    def __add__(self, other: Tally | float) -> Tally:
        level = max(self.level, other.level) if isinstance(other, Tally) else self.level
        return Tally(level, self.products)

    __sub__ = __add__


def test_odd_degrees_cost_what_is_published() -> None:
    for index, multiplications in enumerate(ODD_MULTIPLICATIONS):
        degree = 2 * index + 1
        cost, depth = chebyshev_cost(degree, "odd")
        assert depth == math.ceil(math.log2(degree + 1))
        assert cost <= multiplications


@pytest.mark.parametrize(("degree", "cost"), EVEN_COSTS.items())
def test_even_degrees_meet_the_known_costs(degree: int, cost: tuple[int, int]) -> None:
    multiplications, depth = chebyshev_cost(degree, "even")
    assert depth <= cost[1] and multiplications <= cost[0]


@pytest.mark.parametrize("parity", PARITIES)
def test_depth_is_least_and_cost_grows_with_the_degree(parity: str | None) -> None:
    degrees = [n for n in range(1, 601) if fits(n, parity)]
    costs = [chebyshev_cost(n, parity) for n in degrees]
    assert [depth for _, depth in costs] == [n.bit_length() for n in degrees]
    for (fewer, depth), (more, next_depth) in pairwise(costs):
        assert next_depth > depth or more >= fewer


@pytest.mark.parametrize("parity", PARITIES)
def test_the_plan_costs_what_is_announced(parity: str | None) -> None:
    for degree in [*range(2, 66), 127, 128, 255, 256, 301, 574, 600]:
        if not fits(degree, parity):
            continue
        plan = plan_of(list(random_series(degree, parity)), parity)
        counts = count(plan)
        assert (counts.multiplications, counts.levels) == chebyshev_cost(degree, parity)
        products: list[int] = []
        result = plan.run(Tally(0, products), lift=float)
        assert (len(products), result.level) == chebyshev_cost(degree, parity)


@pytest.mark.parametrize("parity", PARITIES)
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 7, 8, 21, 40, 63, 64, 127])
def test_the_plan_is_the_polynomial_exactly(degree: int, parity: str | None) -> None:
    degree += not fits(degree, parity)
    series = random_series(degree, parity, seed=degree)
    plan = plan_of(list(series), parity)
    for x in (Fraction(1, 3), Fraction(-7, 8), Fraction(2)):
        assert plan.run(x) == clenshaw([Fraction(float(c)) for c in series], x)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, -0.5, 0.3, 1e-30, 4.0]), max_size=40),
    st.sampled_from(PARITIES),
)
def test_zeros_and_integers_never_cost_more(series: list[float], parity: str | None) -> None:
    if parity is not None:
        series = [c if k % 2 == (parity == "odd") else 0.0 for k, c in enumerate(series)]
    plan = plan_of(series, parity)
    x = Fraction(3, 7)
    assert plan.run(x) == clenshaw([Fraction(c) for c in series] or [Fraction(0)], x)
    degree = max((k for k, c in enumerate(series) if c), default=0)
    if degree:
        counts = count(plan)
        multiplications, depth = chebyshev_cost(degree, parity)
        assert counts.multiplications <= multiplications and counts.levels <= depth


@pytest.mark.parametrize("parity", PARITIES)
def test_high_degrees_are_stable_and_fast(parity: str | None) -> None:
    degree = 599 if parity == "odd" else 600
    series = random_series(degree, parity)
    _best_split.cache_clear()
    start = time.process_time()
    plan = plan_of(list(series), parity)
    assert time.process_time() - start < 0.5
    x = np.linspace(-1, 1, 2001)
    expected = np.polynomial.chebyshev.chebval(x, series)
    assert np.abs(plan.run(x) - expected).max() < 1e-10


def test_degree_one_uses_a_level_for_its_coefficient() -> None:
    counts = count(plan_of([0.0, 0.3], "odd"), "standalone")
    assert (counts.multiplications, counts.levels) == chebyshev_cost(1, "odd") == (0, 1)


def test_division_is_exact() -> None:
    series = [exact(float(c)) for c in random_series(20, None)]
    quotient, remainder = divide(series, 8)
    assert len(quotient) == 13 and len(remainder) == 8
    x = Fraction(5, 9)
    giant = clenshaw([Fraction(0)] * 8 + [Fraction(1)], x)
    parts = [[Fraction(float(c)) for c in part] for part in (series, quotient)]
    rest = [fraction(c) for c in remainder]
    assert clenshaw(parts[0], x) == giant * clenshaw(parts[1], x) + clenshaw(rest, x)


@pytest.mark.parametrize(("degree", "parity"), [(-1, None), (4, "odd"), (5, "even")])
def test_impossible_degrees_are_refused(degree: int, parity: str | None) -> None:
    with pytest.raises(ArgumentError, match=f"degree={degree}"):
        chebyshev_cost(degree, parity)


def test_a_series_of_the_wrong_parity_is_refused() -> None:
    with pytest.raises(ArgumentError, match="not odd"):
        plan_of([0.5, 1.0], "odd")
