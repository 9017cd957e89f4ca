"""Simplified plans: the same polynomial exactly, never more operations."""

from __future__ import annotations

from fractions import Fraction

import independent
from hypothesis import given, settings, strategies as st

from polyapprox.numbers import exact
from polyapprox.plan import Operation, Plan, PlanBuilder, count
from polyapprox.plan.simplify import simplify

CONSTANTS = st.sampled_from([0.0, 1.0, -1.0, 2.0, 3.0, 0.5, -0.75, 0.3, 1e-3])
POINTS = (Fraction(0), Fraction(2, 3), Fraction(-5, 4))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    inputs = draw(st.integers(1, 2))
    operations = [Operation("input", k) for k in range(inputs)]
    for _ in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(["multiply", "scale", "scale", "add", "subtract", "shift", "double"]))
        operand = st.integers(0, len(operations) - 1)
        if kind in ("scale", "shift"):
            operations.append(Operation(kind, draw(operand), -1, exact(draw(CONSTANTS))))
        elif kind == "double":
            operations.append(Operation(kind, draw(operand)))
        elif kind == "multiply" and sum(o.kind == "multiply" for o in operations) >= 5:
            continue
        else:
            operations.append(Operation(kind, draw(operand), draw(operand)))
    return Plan(tuple(operations), len(operations) - 1, inputs)


@settings(max_examples=400, deadline=None)
@given(plans())
def test_the_polynomial_stays_the_same_and_nothing_costs_more(plan: Plan) -> None:
    simpler = simplify(plan)
    for x in POINTS:
        arguments = [x, x * x - 1][: plan.inputs]
        assert simpler.run(*arguments) == plan.run(*arguments)
    for rule in ("published", "standalone"):
        before, after = count(plan, rule), count(simpler, rule)
        assert after.multiplications <= before.multiplications
        assert after.constant_products <= before.constant_products
        assert after.levels <= before.levels
    assert independent.counts(simpler)[0] <= independent.counts(plan)[0]


@settings(max_examples=100, deadline=None)
@given(plans())
def test_a_simplified_plan_is_simplified_no_further_in_levels(plan: Plan) -> None:
    once = simplify(plan)
    assert count(simplify(once)).levels <= count(once).levels


def test_a_factor_goes_into_the_constants_of_a_sum() -> None:
    builder = PlanBuilder()
    (x,) = builder.arguments
    square = builder.multiply(x, x)
    left = builder.scale(square, exact(0.3))
    right = builder.multiply(builder.scale(square, exact(0.7)), x)
    plan = builder.finish(builder.scale(builder.subtract(left, right), exact(0.25)))
    simpler = simplify(plan)
    assert (count(plan).constant_products, count(plan).levels) == (3, 4)
    assert (count(simpler).constant_products, count(simpler).levels) == (2, 3)
    assert simpler.run(Fraction(1, 3)) == plan.run(Fraction(1, 3))


def test_what_is_not_needed_goes_and_equal_operations_are_one() -> None:
    scaled = exact(-1.0)
    operations = (
        Operation("input", 0),
        Operation("multiply", 0, 0),
        Operation("multiply", 0, 0),
        Operation("multiply", 1, 2),
        Operation("scale", 1, -1, scaled),
        Operation("add", 2, 4),
        Operation("add", 5, 0),
    )
    simpler = simplify(Plan(operations, 6))
    assert count(simpler).multiplications == 1
    assert [o.kind for o in simpler.operations] == ["input", "multiply", "subtract", "add"]


def test_the_scaling_of_the_input_stays_on_its_own() -> None:
    builder = PlanBuilder()
    u = builder.scale(builder.arguments[0], exact(0.125))
    plan = builder.finish(builder.add(builder.multiply(u, u), builder.scale(u, exact(0.3))))
    simpler = simplify(plan)
    assert count(simpler, "published").levels == 1
    assert count(simpler, "standalone").levels == 2
