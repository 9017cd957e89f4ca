"""Plans of any degree against smooth functions: compared with mpmath and with the proof by expansion."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from flint import arb

import polyapprox as pa
from polyapprox.errors import ProofError
from polyapprox.importing.certify import of_plan
from polyapprox.numbers import ball, exact
from polyapprox.plan.builder import PlanBuilder
from polyapprox.plan.degree import plan_degree
from polyapprox.plan.plan import Plan
from polyapprox.precision import working_precision
from polyapprox.proof.by_series import Model, by_series, largest_value
from polyapprox.targets import as_target


def newton_root(steps: int) -> Plan:
    """1/sqrt(x): y ← y(3 − x y²)/2 from a line; degree 3^steps and more."""
    builder = PlanBuilder()
    (x,) = builder.arguments
    y = builder.shift(builder.scale(x, exact(-0.25)), exact(1.25))
    for _ in range(steps):
        square = builder.multiply(y, y)
        inner = builder.multiply(builder.multiply(x, y), square)
        y = builder.subtract(builder.scale(y, exact(1.5)), builder.scale(inner, exact(0.5)))
    return builder.finish(y)


def truth(plan: Plan, function: str, low: float, high: float, relative: bool) -> float:
    """The largest error at many points, in 60 digits."""
    target = as_target(function)
    with mpmath.workdps(60):
        found = []
        for v in np.linspace(low, high, 3001):
            x = mpmath.mpf(float(v))
            wanted = target.mpmath(x)
            gap = abs(plan.run(x) - wanted)
            found.append(gap / abs(wanted) if relative else gap)
        return float(max(found))


@pytest.mark.parametrize("steps", [2, 6])
@pytest.mark.parametrize("relative", [False, True])
def test_an_iteration_of_any_degree(steps: int, relative: bool) -> None:
    plan = newton_root(steps)
    weight = as_target("1/sqrt(x)").reciprocal if relative else None
    domain = [(exact(0.25), exact(3.0))]
    r = of_plan(plan, "1/sqrt(x)", domain, "circuit", "made here", 0, weight)
    sampled = truth(plan, "1/sqrt(x)", 0.25, 3.0, relative)
    assert sampled <= r.error_bound <= 1.001 * sampled
    assert (plan_degree(plan) > 1024) == (steps == 6)
    assert pa.verify(r).ok


def test_it_agrees_with_the_proof_by_expansion() -> None:
    r = of_plan(newton_root(2), "1/sqrt(x)", [(exact(0.25), exact(3.0))], "circuit", "made here", 0)
    upper, _, _ = by_series(r, as_target("1/sqrt(x)"))
    assert r.error_bound == pytest.approx(float(upper), rel=1e-3)


def test_a_false_bound_of_a_long_iteration_is_found() -> None:
    from dataclasses import replace

    r = of_plan(newton_root(6), "1/sqrt(x)", [(exact(0.25), exact(3.0))], "circuit", "made here", 0)
    assert r.certificate is not None
    less = replace(r, certificate=replace(r.certificate, upper=r.certificate.upper * 0.99))
    with pytest.raises(pa.errors.FalseClaimError):
        pa.verify(less)


def test_kinks_are_cut_out() -> None:
    """|x| − x²: next to 0 there is no power series."""
    target = as_target("abs(x)*exp(x)")
    builder = PlanBuilder()
    (x,) = builder.arguments
    r = of_plan(builder.finish(builder.multiply(x, x)), "abs(x)*exp(x)", [(exact(-1.0), exact(1.0))],
                "circuit", "made here", 0)  # fmt: skip
    upper, _, _ = by_series(r, target)
    sampled = float(np.max(np.abs(np.linspace(-1, 1, 20001) ** 2 - target.numpy(np.linspace(-1, 1, 20001)))))
    assert sampled <= float(upper) <= 1.001 * sampled


def test_models_hold_the_function() -> None:
    with working_precision(128, 12):
        low, high = arb(0.5), arb(0.75)
        exp = as_target("exp")
        model = Model.of(exp.series, low, high)
        x = Model.of(lambda u: u, low, high)
        both = (model * x + ball(exact(1.0))) * model - x
        for k in range(21):
            s = arb(-1) + arb(k) / 10
            point = arb(0.625) + s / 8
            wanted = (point.exp() * point + 1) * point.exp() - point
            assert abs(both.poly(s) - wanted) <= both.rest + arb(1e-30)
        assert both.rest < 1e-11


def test_what_varies_too_much_is_refused() -> None:
    with pytest.raises(ProofError, match="varies too much"):
        largest_value(as_target("1/x").series, as_target("1/x").ball, [(exact(-1.0), exact(1.0))])
