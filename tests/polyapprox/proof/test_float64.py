"""The proven bound of evaluating in float64, against the same plans at 3000 bits; the warning."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb

import polyapprox
from polyapprox import Approximation
from polyapprox.errors import PrecisionWarning
from polyapprox.numbers import dyadic, fraction
from polyapprox.plan import PlanBuilder
from polyapprox.plan.count import input_scaling
from polyapprox.plan.cuts import with_own_scalings
from polyapprox.plan.two_arguments import parts
from polyapprox.precision import working_precision
from polyapprox.proof.float64 import evaluation
from polyapprox.proof.float64_warning import warning_of

KINDS: dict[str, tuple[Callable[[], Approximation], float]] = {
    "parabola": (lambda: polyapprox.relu(precision=2**-4), 100),
    "direct": (lambda: polyapprox.relu(precision=2**-7, structure="direct", interval=(-50, 50)), 100),
    "circuit 128": (lambda: polyapprox.circuit("relu", multiplications=7, interval=(-3, 5)), 100),
    "circuit 4096": (lambda: polyapprox.circuit("relu", multiplications=12), 100),
    "circuit 16384": (lambda: polyapprox.circuit("abs", multiplications=14), 100),
    "circuit gelu": (lambda: polyapprox.circuit("gelu", multiplications=5, interval=(-8, 8)), 100),
    "composite 3, 7, 7": (
        lambda: polyapprox.relu(precision=2**-9, structure="composite", interval=(-50, 50)), 100,
    ),
    "composite 15, 15, 27": (lambda: polyapprox.relu(degrees=[15, 15, 27], interval=(-1, 1)), 100),
    "composite by stages": (lambda: polyapprox.relu(precision=2**-22), 1000),
    "abs by stages": (lambda: polyapprox.abs(precision=2**-20, structure="composite"), 10_000),
    "sign by stages": (lambda: polyapprox.sign(degrees=[15, 15, 27, 27], threshold=0.0005), 100),
    "step": (lambda: polyapprox.step(degrees=[7, 7, 9], threshold=0.05), 100),
    "maximum": (lambda: polyapprox.maximum(precision=2**-6, interval=(-3, 5)), 100),
    "minimum of a circuit": (
        lambda: polyapprox.minimum(precision=2**-9, structure="circuit", interval=(-3, 5)), 100,
    ),
    "maximum of a composite": (
        lambda: polyapprox.maximum(precision=2**-8, structure="composite", interval=(-3, 5)), 100,
    ),
    "maximum by stages": (
        lambda: polyapprox.maximum(precision=2**-18, structure="composite"), 10_000,
    ),
    "exp": (lambda: polyapprox.minimax("exp", 12, domain=(-3, 8)), 100),
    "sigmoid": (lambda: polyapprox.minimax("sigmoid", 30, domain=(-8, 8)), 100),
    "1/x, relative": (
        lambda: polyapprox.minimax("1/x", 20, domain=(0.01, 1), relative=True), 100,
    ),
}  # fmt: skip


def arguments_of(r: Approximation) -> list[np.ndarray]:
    chance = np.random.default_rng(5)
    columns = []
    for low, high in ((float(a), float(b)) for a, b in r.covered):
        near = np.geomspace(1e-9, 1, 60)
        columns += [
            [low, high], chance.uniform(low, high, 300), high - (high - low) * near, high * near,
            low * near,
        ]  # fmt: skip
    x = np.concatenate(columns)
    inside = np.zeros(x.shape, dtype=bool)
    for a, b in r.covered:
        inside |= (x >= float(a)) & (x <= float(b))
    x = x[inside]
    return [x] if r.plan.inputs == 1 else [x, chance.permutation(x)]


def largest_error(r: Approximation) -> float:
    """|computed in float64 − computed with 3000 bits|, the largest sampled."""
    arguments = arguments_of(r)
    with np.errstate(all="ignore"):
        computed = r.plan.run(*arguments)
    largest = 0.0
    with working_precision(3000):
        for *point, value in zip(*arguments, computed, strict=True):
            exact = r.plan.run(*(arb(float(x)) for x in point))
            largest = max(largest, float(abs(exact - arb(float(value))).upper()))
    return largest


@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_holds_and_is_tight(kind: str) -> None:
    make, factor = KINDS[kind]
    r = make()
    sampled = largest_error(r)
    assert 0 < sampled <= r.float64_error_bound <= factor * sampled


def test_overflowing_and_unstable_plans_are_said_to_be() -> None:
    steep = polyapprox.relu(precision=2**-36)
    tall = PlanBuilder()
    (x,) = tall.arguments
    for _ in range(12):
        x = tall.multiply(x, x)
    assert math.isinf(evaluation(tall.finish(x), -2.0, 2.0).error)
    assert steep.float64_error_bound > steep.error_bound


def test_constants_beyond_the_range_of_floats() -> None:
    builder = PlanBuilder()
    (x,) = builder.arguments
    plan = builder.finish(builder.scale(x, dyadic(1, 2000)))
    assert math.isinf(evaluation(plan, 0.0, 1.0).error)


def test_rounded_constants_count() -> None:
    builder = PlanBuilder()
    (x,) = builder.arguments
    odd = dyadic(2**60 // 3 - 2, -60)
    plan = builder.finish(builder.scale(x, odd))
    gap = float(abs(Fraction(float(odd)) - fraction(odd)))
    expected = gap + 2**-53 * float(odd)
    assert gap > 0
    assert expected <= evaluation(plan, 0.0, 1.0).error * (1 + 1e-9) <= 1.03 * expected
    exact = PlanBuilder()
    (x,) = exact.arguments
    assert evaluation(exact.finish(exact.scale(x, mpmath.mpf(0.25))), 0.0, 1.0).error < 1e-300


def test_too_coarse_floats_warn_once_and_name_the_function() -> None:
    r = polyapprox.relu(precision=2**-36)
    with pytest.warns(PrecisionWarning, match=r"relu on \[-1.*mpmath"):
        r(1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r(np.linspace(-1, 1, 5))
        r(mpmath.mpf(1))


@pytest.mark.parametrize("argument", [0.5, 1, [0.25, 0.5], np.float32(0.25), np.array([0.125])])
def test_every_kind_of_float_warns(argument: object) -> None:
    with pytest.warns(PrecisionWarning, match="exp on"):
        polyapprox.minimax("exp", 25)(argument)


def test_exact_numbers_do_not_warn() -> None:
    r = polyapprox.minimax("exp", 25)
    with warnings.catch_warnings(), working_precision(200):
        warnings.simplefilter("error")
        assert abs(r(arb(1)) - arb(1).exp()) < 1e-20
        assert abs(r(mpmath.mpf(0)) - 1) < 1e-15


@pytest.mark.parametrize("k", [4, 9, 20, 30, 36, 50])
def test_relu_is_within_its_bound_or_warns(k: int) -> None:
    r = polyapprox.relu(precision=2.0**-k)
    warned = warning_of(r) is not None
    x = np.array([1.0, -1.0, 1.0 - 2.0**-21, -1.0 + 2.0**-21, 0.0, 2.0**-k])
    with np.errstate(all="ignore"):
        errors = np.abs(r.plan.run(x) - np.maximum(x, 0))
    assert warned or np.all(errors <= r.error_bound + r.float64_error_bound)
    assert warned or r.float64_error_bound <= r.error_bound
    assert not warned or k > 24


def test_relative_errors_are_weighted() -> None:
    assert warning_of(polyapprox.minimax("exp", 12, domain=(-3, 3), relative=True)) is None
    steep = polyapprox.minimax("exp", 60, domain=(-20, 20), relative=True)
    assert steep.error_bound < 1e-4
    assert warning_of(steep) is not None  # e^20 · 2^-53 is much beside e^-20


def test_black_boxes_are_judged_by_their_estimate() -> None:
    def smooth(x: float) -> float:
        return math.exp(float(x))

    assert warning_of(polyapprox.minimax(smooth, 4)) is None


def test_parts_of_two_arguments() -> None:
    for structure in ("direct", "composite", "circuit"):
        plan = polyapprox.maximum(precision=2**-6, structure=structure, interval=(-3, 5)).plan
        found = parts(plan)
        assert found is not None
        whole = found.back.run(found.inner.run(found.front.run(2.5, -1.25)), 2.5, -1.25)
        assert whole == plan.run(2.5, -1.25)
    builder = PlanBuilder(2)
    a, b = builder.arguments
    assert parts(builder.finish(builder.multiply(a, b))) is None
    assert parts(builder.finish(builder.multiply(builder.subtract(a, b), a))) is None


def test_scalings_of_their_own() -> None:
    plan = polyapprox.relu(precision=2**-9, structure="composite", interval=(-50, 50)).plan
    assert input_scaling(plan) is not None
    again = with_own_scalings(plan)
    x = np.linspace(-50, 50, 101)
    assert np.array_equal(plan.run(x), again.run(x))
    assert len(again.operations) > len(plan.operations)
