"""v · p(x) with the product inside: the same polynomial exactly, at the level where p ends, and not many more products."""

from __future__ import annotations

from fractions import Fraction

import pytest

import polyapprox as pa
from polyapprox.numbers import exact
from polyapprox.plan.count import count, levels
from polyapprox.plan.iteration import unscaled
from polyapprox.plan.times import times_plan

MADE = {
    "closed form": lambda: pa.reciprocal(interval=(2**-6, 1), levels=5),
    "polynomial": lambda: pa.minimax("1/sqrt(x)", 30, interval=(0.15, 10), relative=True),
    "odd polynomial": lambda: pa.minimax("tanh", 13, interval=(-4, 4)),
    "circuit": lambda: pa.circuit("exp", multiplications=4, interval=(-16, 0)),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("starts", [(0, 0), (1, 0), (0, 2)])
def test_the_same_polynomial_exactly(name, starts):
    plan, _ = unscaled(MADE[name]().plan)
    both = times_plan(plan, starts, exact(-0.375))
    for x, v in ((Fraction(1, 3), Fraction(5, 7)), (Fraction(-2, 5), Fraction(11))):
        assert both.run(x, v) == Fraction(-3, 8) * v * plan.run(x)
    behind = max(levels(plan, starts=starts[:1])[plan.output], starts[1] + 1) + 1
    assert levels(both, starts=starts)[both.output] <= behind


def test_what_is_saved():
    plan, _ = unscaled(MADE["closed form"]().plan)
    both = times_plan(plan)
    assert count(both).levels == count(plan).levels == 5
    assert count(both).multiplications == count(plan).multiplications + 1
    plan, _ = unscaled(MADE["polynomial"]().plan)
    both = times_plan(plan, (1, 0))
    assert levels(both, starts=(1, 0))[both.output] == count(plan).levels + 1
    assert count(both).multiplications <= count(plan).multiplications + 8
