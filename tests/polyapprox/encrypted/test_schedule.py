"""Schedules, on ciphertexts simulated in numpy: a value times its scale, a level, a degree."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import polyapprox as pa
from polyapprox.errors import ArgumentError
from polyapprox.noise.schemes import primes_below
from polyapprox.numbers import exact
from polyapprox.plan import PlanBuilder, count
from polyapprox.plan.chebyshev import append_chebyshev
from polyapprox.plan.schedule import schedule

BITS = 40
UNIT = 2.0**BITS
PRIMES = primes_below(BITS, 1 << 12, 80)


class Simulator:
    """Takes the steps of a schedule as a framework would, and refuses what one would refuse."""

    def __init__(self, made, arguments):
        self.slots = {}
        for name, slot, *rest in made.steps:
            if name == "load":
                value = made.factors[rest[0]] * arguments[rest[0]] * UNIT
                self.slots[slot] = (value, 0, 1)
            elif name == "free":
                del self.slots[slot]
            else:
                self.slots[slot] = getattr(self, name)(slot, *rest)
        (value, level, degree) = self.slots.pop(made.output)
        assert degree == 1 and not self.slots, "something was not freed"
        self.level, self.values = level, value / made.scale

    def reduce(self, _, source, levels):
        value, level, degree = self.slots[source]
        assert levels > 0
        return value, level + levels, degree

    def scale(self, _, source, levels, constant):
        value, level, degree = self.slots[source]
        assert degree == 1 and levels >= 0
        return value * np.round(constant * UNIT), level + levels, 2

    def accumulate(self, slot, source, levels, constant):
        return self._sum(self.slots[slot], self.scale(slot, source, levels, constant), 1)

    def _sum(self, first, second, sign):
        assert first[1:] == second[1:], "levels or degrees differ"
        return first[0] + sign * second[0], *first[1:]

    def copy(self, _, source):
        return self.slots[source]

    def plus(self, slot, source):
        return self._sum(self.slots[slot], self.slots[source], 1)

    def minus(self, slot, source):
        return self._sum(self.slots[slot], self.slots[source], -1)

    def double(self, slot):
        return self._sum(self.slots[slot], self.slots[slot], 1)

    def negate(self, slot):
        value, level, degree = self.slots[slot]
        return -value, level, degree

    def shift(self, slot, constant):
        value, level, degree = self.slots[slot]
        return value + constant * UNIT**degree, level, degree

    def multiply(self, _, left, right):
        (first, level, degree), second = self.slots[left], self.slots[right]
        assert (level, degree) == second[1:] and degree == 1
        return first * second[0], level, 2

    def square(self, slot, source):
        return self.multiply(slot, source, source)

    def rescale(self, _, source):
        value, level, degree = self.slots[source]
        assert degree == 2
        return value / PRIMES[level], level + 1, 1


def check(plan, *x, fold_input=True):
    made = schedule(plan, PRIMES, BITS, fold_input=fold_input)
    done = Simulator(made, x)
    expected = plan.run(*x)
    assert np.max(np.abs(done.values - expected)) < 1e-8 * max(1.0, np.max(np.abs(expected)))
    assert done.level == made.levels == count(plan, made.rule).levels
    assert made.number("multiply", "square") == count(plan).multiplications
    return made


def chebyshev(coefficients, parity=None):
    builder = PlanBuilder()
    series = [exact(c) for c in coefficients]
    return builder.finish(append_chebyshev(builder, builder.arguments[0], series, parity))


@pytest.mark.parametrize("m", range(1, 16))
def test_circuits_use_the_levels_counted(m):
    check(pa.circuit("relu", multiplications=m).plan, np.linspace(-1, 1, 999))


@pytest.mark.parametrize("degree", [*range(41), 63, 64, 100])
def test_chebyshev_series_use_the_levels_counted(degree):
    coefficients = np.random.default_rng(degree).uniform(0.1, 1, degree + 1)
    check(chebyshev(coefficients), np.linspace(-1, 1, 99))


@pytest.mark.parametrize("degree", range(1, 64, 2))
def test_odd_series_use_the_levels_counted(degree):
    coefficients = np.random.default_rng(degree).uniform(0.1, 1, degree + 1)
    coefficients[::2] = 0
    check(chebyshev(coefficients, "odd"), np.linspace(-1, 1, 99))


def test_two_arguments():
    plan = pa.circuit("maximum", multiplications=5, interval=(-4, 4)).plan
    x = np.linspace(-4, 4, 99)
    assert check(plan, x, x[::-1] * 0.5).rule == "standalone"


def test_the_scaling_of_the_input_can_be_folded_or_not():
    plan = pa.circuit("relu", multiplications=4, interval=(-50, 50)).plan
    x = np.linspace(-50, 50, 99)
    folded, alone = check(plan, x), check(plan, x, fold_input=False)
    assert (folded.rule, folded.levels) == ("published", 4)
    assert (alone.rule, alone.levels) == ("standalone", 5)
    assert 0 < folded.factors[0] < 1 == alone.factors[0]


def test_a_sum_of_products_with_constants_is_rescaled_once():
    plan = pa.circuit("relu", multiplications=9).plan
    made = check(plan, np.linspace(-1, 1, 99))
    constants = made.number("scale", "accumulate")
    assert constants >= 40
    assert made.number("rescale") <= 3 * 9  # each node, and both of its factors


def test_squares_are_recognised():
    builder = PlanBuilder()
    (x,) = builder.arguments
    square = builder.multiply(x, x)
    made = check(builder.finish(builder.multiply(square, square)), np.linspace(-1, 1, 9))
    assert made.number("square") == 2 and made.number("multiply") == 0


def test_too_few_levels_are_refused():
    plan = pa.circuit("relu", multiplications=5).plan
    with pytest.raises(ArgumentError, match="more levels than the 4 that"):
        schedule(plan, PRIMES[:4], BITS)


@pytest.mark.parametrize("parts", [4, 6, 8])
def test_deep_plans_keep_their_scales(parts):
    """From 21 levels on roundings of scales, which double at each, were taken for other scales; and all
    primes lie below 2^40, so that forward from the input a scale leaves all range."""
    odd = [exact(0.02 * (k % 2) / k**2) if k != 1 else exact(0.6) for k in range(1, 30)]
    builder = PlanBuilder()
    (value,) = builder.arguments
    for _ in range(parts):
        value = append_chebyshev(builder, value, [exact(0.0), *odd], "odd")
    made = check(builder.finish(value), np.linspace(-1, 1, 99))
    assert made.levels == 5 * parts
    assert abs(made.scale / UNIT - 1) < 1e-5 and abs(made.factors[0] - 1) < 1e-6


def test_levels_that_are_not_used_change_nothing():
    """Scales of 80 levels overflow, counted from the input on; only those of the plan are needed."""
    plan = pa.circuit("relu", multiplications=5).plan
    assert schedule(plan, PRIMES, BITS) == schedule(plan, PRIMES[:5], BITS)
    assert schedule(plan, PRIMES, BITS, fold_input=False).scale < 1.01 * UNIT


@st.composite
def plans(draw):
    """Small plans of every operation."""
    builder = PlanBuilder(draw(st.integers(1, 2)))
    values = list(builder.arguments)
    constants = st.sampled_from([-3.0, -1.0, -0.625, 0.3, 0.5, 1.75, 3.0])
    for _ in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(["multiply", "add", "subtract", "scale", "shift", "double"]))
        left = draw(st.sampled_from(values))
        if kind in ("scale", "shift"):
            made = getattr(builder, kind)(left, exact(draw(constants)))
        elif kind == "double":
            made = builder.double(left)
        else:
            made = getattr(builder, kind)(left, draw(st.sampled_from(values)))
        values.append(made)
    return builder.finish(values[-1])


@settings(max_examples=300)
@given(plans())
def test_any_plan_gives_its_values_in_at_most_its_levels(plan):
    if count(plan, "standalone").levels > 12 or _vanishes(plan):
        return
    x = [np.linspace(-0.9, 0.8, 33), np.linspace(0.7, -0.6, 33)][: plan.inputs]
    try:
        made = schedule(plan, PRIMES, BITS)
    except ArgumentError as refused:
        assert "cannot be made equal" in str(refused)  # said, never a wrong result
        return
    done = Simulator(made, x)
    expected = plan.run(*x)
    assert np.max(np.abs(done.values - expected)) < 1e-7 * max(1.0, np.max(np.abs(expected)))
    assert done.level <= count(plan, made.rule).levels


def _vanishes(plan):
    """A product of which a factor is identically 0 or constant: no framework has such a thing."""
    x = [np.linspace(-0.9, 0.8, 33), np.linspace(0.7, -0.6, 33)][: plan.inputs]
    values = []
    for kind, left, right, constant in plan.operations:
        first = x[left] if kind == "input" else values[left]
        second = values[right] if right >= 0 else None
        number = 0.0 if constant is None else float(constant)
        if kind == "multiply" and (np.ptp(first) < 1e-12 or np.ptp(second) < 1e-12):
            return True
        values.append(
            {
                "input": lambda a=first: a,
                "multiply": lambda a=first, b=second: a * b,
                "add": lambda a=first, b=second: a + b,
                "subtract": lambda a=first, b=second: a - b,
                "double": lambda a=first: 2 * a,
                "scale": lambda a=first, c=number: c * a,
                "shift": lambda a=first, c=number: c + a,
            }[kind]()
        )
    return False


def test_constants_that_meet_take_one_level_where_there_is_no_more() -> None:
    """A line on another interval: its two products with constants are counted as two levels, and are one."""
    r = pa.minimax("exp", 1, interval=(0, 3))
    made = schedule(r.plan, [(1 << 40) + 1], 40, fold_input=False)
    assert (r.counts("standalone").levels, made.levels) == (2, 1)
    with pytest.raises(ArgumentError, match="more levels than the 0 that"):
        schedule(r.plan, [], 40, fold_input=False)
