"""ReLU at 2^-4 … 2^-30 against the function itself, in arithmetic that shares no code with ours."""

import independent
import mpmath
import numpy as np
import pytest

import polyapprox as pa


@pytest.mark.parametrize("k", range(4, 31))
def test_relu_keeps_its_bound(k: int) -> None:
    r = pa.relu(precision=2.0**-k, interval=(-1, 1))
    assert r.error_bound <= 2.0**-k
    threshold = float(r.threshold or 0.5)
    x = independent.points(-1, 1, 3000, around=(0, threshold, -threshold), seed=k)
    error = np.abs(independent.run_plan(r.plan, x) - independent.TRUE_FIXED["relu"](x))
    bound = independent.to_fixed(r.error_bound)
    assert error.max() <= bound
    assert error.max() * 1.01 >= bound  # and the bound is tight


@pytest.mark.parametrize("k", [5, 9, 13, 20])
def test_components_plan_and_mpmath_agree(k: int) -> None:
    """What the components say, with mpmath at 100 digits, is what the plan computes."""
    structure = "direct" if k == 5 else "composite"
    r = pa.relu(precision=2.0**-k, interval=(-50, 50), structure=structure)
    for x in (mpmath.mpf("-37.25"), mpmath.mpf("0.0625"), mpmath.mpf("49.5")):
        value = independent.run_plan_mpmath(r.plan, x)
        inner = x
        for component in r.components:
            inner = independent.clenshaw_mpmath(
                component.coefficients, component.domain, inner
            )
        with mpmath.workdps(100):
            said = inner if r.structure == "direct" else x * (1 + inner) / 2 + r.offset
            assert abs(value - said) < mpmath.mpf(10) ** -80


@pytest.mark.parametrize("interval", [(-50, 50), (-10, 50), (-50, 3), (-0.001, 0.5)])
@pytest.mark.parametrize("name", ["relu", "abs"])
def test_other_intervals(name: str, interval: tuple[float, float]) -> None:
    r = getattr(pa, name)(precision=2.0**-9, interval=interval)
    assert r.error_bound <= max(-interval[0], interval[1]) * 2.0**-9
    x = independent.points(*interval, 3000, seed=1)
    error = np.abs(independent.run_plan(r.plan, x) - independent.TRUE_FIXED[name](x))
    assert error.max() <= independent.to_fixed(r.error_bound)


@pytest.mark.parametrize("name", ["sign", "step"])
@pytest.mark.parametrize("k", [4, 9, 30, 64, 128])
def test_sign_and_step(name: str, k: int) -> None:
    r = getattr(pa, name)(precision=2.0**-k, interval=(-3, 5))
    assert r.error_bound <= 2.0**-k
    for low, high in r.domain:
        x = independent.points(low, high, 600, seed=k)
        error = np.abs(independent.run_plan(r.plan, x) - independent.TRUE_FIXED[name](x))
        assert error.max() <= independent.to_fixed(r.error_bound) + 2
        assert error.max() * 1.01 >= independent.to_fixed(r.error_bound)


@pytest.mark.parametrize("name", ["sign", "step", "relu", "abs"])
def test_high_precision_without_a_guard(name: str) -> None:
    """Stages keep no more room than their rounding takes, and thirty follow each other."""
    r = getattr(pa, name)(precision=2.0**-128, interval=(-3, 5), guard=0)
    assert r.error_bound <= 2.0**-128 * (1 if name in ("sign", "step") else 5)
    assert r.covered == r.domain


@pytest.mark.parametrize("name", ["maximum", "minimum"])
@pytest.mark.parametrize("k", [5, 9, 12, 22])
def test_maximum_and_minimum(name: str, k: int) -> None:
    r = getattr(pa, name)(precision=2.0**-k, interval=(-3, 5))
    assert r.error_bound <= 5 * 2.0**-k
    chance = np.random.default_rng(k)
    first, second = chance.uniform(-3, 5, (2, 20_000))
    near = first + chance.normal(0, 1e-3, first.shape)
    for a, b in ((first, second), (first, np.clip(near, -3, 5))):
        wanted = np.maximum(a, b) if name == "maximum" else np.minimum(a, b)
        assert np.abs(r(a, b) - wanted).max() <= r.error_bound + 1e-12


@pytest.mark.parametrize("k", [40, 64, 128])
def test_relu_at_high_precision(k: int) -> None:
    r = pa.relu(precision=2.0**-k)
    assert r.error_bound <= 2.0**-k
    x = independent.points(-1, 1, 400, around=(0, float(r.threshold)), seed=k)
    error = np.abs(independent.run_plan(r.plan, x) - independent.TRUE_FIXED["relu"](x))
    assert error.max() <= independent.to_fixed(r.error_bound)


@pytest.mark.parametrize("k", [7, 9, 13])
def test_values_stay_moderate_within_the_safe_radius(k: int) -> None:
    r = pa.relu(precision=2.0**-k, interval=(-2, 2))
    inside = np.abs(r(np.linspace(-2, 2, 4001))).max()
    radius = r.safe_radius(2.0)
    assert radius > 1
    outside = np.abs(r(np.linspace(2, 2 * radius, 4001))).max()
    assert outside <= 2 * (2 + r.error_bound)
    assert inside <= 2 + r.error_bound
    beyond = mpmath.mpf(2 * (1 + 4 * (radius - 1)))
    assert abs(r(beyond)) > 2 * 2
