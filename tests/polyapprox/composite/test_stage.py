"""Stages: closed forms, independent figures, asymptotics and extreme ratios."""

import math

import mpmath
import numpy as np
import pytest
from cushion import cushioned_composite
from flint import arb
from hypothesis import given, settings, strategies as st

from polyapprox.composite.exact import polished_stage
from polyapprox.composite.maps import DEGREES, map_gap, stage_maps
from polyapprox.composite.series import evaluate, stage_series
from polyapprox.composite.stage import (
    check_degree,
    critical_points,
    error_of,
    gap_of_error,
    log_gap,
    next_gap,
)
from polyapprox.errors import ArgumentError


def odd_sign_error(degree, ratio):
    """Error of the best odd approximation of degree d to 1 on [ratio, 1]."""
    return float(error_of(next_gap(degree, np.array([log_gap(ratio)]))[0]))


@pytest.mark.parametrize("ratio", [1e-12, 1e-3, 0.1, 0.5, 0.9, 0.99])
def test_degree_three_closed_form(ratio):
    """Chen and Chow's cubic, as in Amsel et al., arXiv 2505.16932."""
    with mpmath.workdps(40):
        low = mpmath.mpf(ratio)
        alpha = mpmath.sqrt(3 / (1 + low + low * low))
        beta = 4 / (2 + low * (1 + low) * alpha**3)
        expected = 1 - beta * (1.5 * alpha * low - (alpha * low) ** 3 / 2)
    assert odd_sign_error(3, ratio) == pytest.approx(float(expected), rel=1e-13)


@pytest.mark.parametrize(
    ("degree", "ratio", "error"),
    [(15, 2.0**-6, 0.684459), (63, 2.0**-10, 0.90261), (27, 2.0**-10, 0.95674)],
)
def test_sollya_figures(degree, ratio, error):
    digits = 6 if degree == 15 else 5
    assert round(odd_sign_error(degree, ratio), digits) == error


@pytest.mark.parametrize("degree", [3, 5, 15, 31, 63])
def test_asymptotics_at_both_ends(degree):
    far = np.array([300.0, 400.0, 690.0])
    assert np.ptp(next_gap(degree, far) - far) < 1e-10
    near = np.array([-300.0, -500.0, -690.0])
    slope = np.diff(next_gap(degree, near)) / np.diff(near)
    assert slope == pytest.approx((degree + 1) / 2, rel=1e-12)


@given(
    st.integers(1, 15).map(lambda n: 2 * n + 1),
    st.floats(-30, 60),
)
@settings(max_examples=60, deadline=None)
def test_the_critical_points_equioscillate(degree, gap):
    """p' vanishes there and |1 − p| is level: checked on the Chebyshev coefficients."""
    coefficients, image = stage_series(degree, gap)
    error = float(error_of(image))
    low, width = 1 / (1 + math.exp(gap)), 1 / (1 + math.exp(-gap))
    rho = critical_points(degree, np.array([gap]))[0]
    places = np.concatenate([[low], low + width * rho, [1.0]])
    values = evaluate(coefficients, places) - 1
    signs = (-1.0) ** np.arange(1, len(places) + 1)
    np.testing.assert_allclose(values, error * signs, rtol=0, atol=1e-11)
    dense = evaluate(coefficients, np.linspace(low, 1.0, 4001)) - 1
    assert np.abs(dense).max() <= error + 1e-11


def test_exact_stage_agrees_with_mpmath_at_high_precision():
    coefficients, error = polished_stage(15, arb(2) ** -6, 300)
    with mpmath.workprec(400):
        places = [mpmath.mpf(2) ** -6 + (1 - mpmath.mpf(2) ** -6) * i / 997 for i in range(998)]
        terms = [mpmath.mpf(c.str(100, radius=False)) for c in coefficients]
        largest = max(
            abs(sum(c * mpmath.chebyt(2 * j + 1, x) for j, c in enumerate(terms)) - 1)
            for x in places
        )
        assert abs(largest - mpmath.mpf(error.str(90, radius=False))) < mpmath.mpf(10) ** -80


def test_exact_stage_next_to_one_keeps_the_relative_precision_of_the_error():
    low = 1 - arb(2) ** -40
    _, error = polished_stage(7, low, 128)
    fast = next_gap(7, np.array([math.log(2.0**-40) + 2.0**-40]))[0]
    assert float(error.log()) == pytest.approx(fast - math.log(2), abs=1e-10)


@pytest.mark.parametrize("degree", DEGREES)
def test_shipped_maps_interpolate_the_solver(degree):
    rng = np.random.default_rng(degree)
    gaps = np.concatenate([rng.uniform(-90, 95, 12), rng.uniform(-9, 9, 24)])
    np.testing.assert_allclose(map_gap(degree, gaps), next_gap(degree, gaps), rtol=0, atol=2e-11)


def test_map_of_degree_one_is_the_identity_and_others_are_refused():
    assert map_gap(1, np.array([0.25]))[0] == 0.25
    assert set(stage_maps()) == set(DEGREES)
    with pytest.raises(ArgumentError, match="degree is 65"):
        map_gap(65, np.array([0.25]))


def test_log_gap_and_error_are_inverse():
    for error in (1e-300, 1e-20, 0.3, 0.999):
        assert float(error_of(gap_of_error(error))) == pytest.approx(error, rel=1e-12)
    assert log_gap(0.5) == 0.0


@pytest.mark.parametrize("degree", [0, 2, -3, 3.0])
def test_a_degree_that_is_not_odd_is_refused(degree):
    with pytest.raises(ArgumentError, match="degree is"):
        check_degree(degree)


def test_the_polar_express_table_to_its_printed_digits():
    """Amsel et al., arXiv 2505.16932: degree 5, l = 1e-3, six printed digits."""
    printed = [
        ("8.28721", "-23.5959", "17.3004"),
        ("4.10706", "-2.94785", "0.544843"),
        ("3.94869", "-2.9089", "0.551819"),
        ("3.31842", "-2.48849", "0.510049"),
        ("2.30065", "-1.6689", "0.418807"),
        ("1.8913", "-1.268", "0.376804"),
        ("1.875", "-1.25", "0.375"),
    ]
    ours = cushioned_composite((5,) * 7, 1e-3)
    assert [tuple(f"{c:.6g}" for c in stage) for stage in ours] == printed
