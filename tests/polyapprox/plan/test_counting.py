"""Which constants are free: small integers, whatever the size of the interval."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.noise.propagation import propagate
from polyapprox.plan.builder import PlanBuilder
from polyapprox.plan.count import count, is_free
from polyapprox.plan.schedule import schedule

HUGE = 2.0**70


@pytest.mark.parametrize("constant", [0, 1, -1, 25, 2**15, -(2**15), 3.0, mpmath.mpf(500)])
def test_small_integers_are_free(constant: float) -> None:
    assert is_free(constant)


@pytest.mark.parametrize(
    "constant",
    [0.5, 2**15 + 1, -(2**15) - 1, 1e20, 2.0**52, mpmath.ldexp(1, 1 << 30), -mpmath.ldexp(1, 9999),
     mpmath.mpf(2) ** 15 + mpmath.ldexp(1, -30)],
)  # fmt: skip
def test_other_numbers_are_not(constant: float) -> None:
    assert not is_free(constant)


@pytest.mark.parametrize(
    "make",
    [
        lambda b: pa.relu(precision=2**-5, interval=(-0.6 * b, b), structure="direct"),
        lambda b: pa.relu(precision=2**-7, interval=(-b, b), structure="circuit"),
        lambda b: pa.relu(degrees=[3, 5], interval=(-b, 0.3 * b)),
        lambda b: pa.abs(precision=2**-5, interval=(-b, b), structure="direct"),
        lambda b: pa.circuit("abs", multiplications=5, interval=(-b, b)),
        lambda b: pa.step(degrees=[3, 3], threshold=0.1, interval=(-b, b)),
        lambda b: pa.minimax("x*abs(x)", 7, domain=(-0.7 * b, b)),
    ],
)
def test_a_huge_interval_makes_no_constant_free(make: Callable[[float], pa.Approximation]) -> None:
    small, huge = make(0.9), make(0.9 * HUGE)
    for rule in ("published", "standalone"):
        few, many = small.counts(rule), huge.counts(rule)  # type: ignore[arg-type]
        assert (many.constant_products, many.levels) == (few.constant_products, few.levels)


@pytest.mark.parametrize(("constant", "levels"), [(2.0**15, 1), (2.0**60, 2), (0.5, 2)])
def test_all_counts_of_levels_agree(constant: float, levels: int) -> None:
    builder = PlanBuilder()
    plan = builder.finish(builder.scale(builder.multiply(0, 0), mpmath.mpf(constant)))
    assert count(plan, "standalone").levels == levels
    assert max(propagate(plan, np.linspace(-1, 1, 9)).levels) == levels
    assert schedule(plan, [2**40 + 1] * 4, 40).levels == levels
