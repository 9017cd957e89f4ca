"""Shipped circuits on intervals that nobody shipped, and circuits under relative errors."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from independent import run_plan_mpmath, true_value

import polyapprox as pa
from polyapprox.circuits.problem import problem_for
from polyapprox.errors import ArgumentError
from polyapprox.numbers import exact


def _largest(r, low, high, relative):
    worst = mpmath.mpf(0)
    with mpmath.workprec(200):
        for angle in np.linspace(0, np.pi / 2, 501):
            x = float(low + (high - low) * np.sin(angle) ** 2)
            true = true_value(r.function, exact(x))
            error = abs(run_plan_mpmath(r.plan, x) - true)
            worst = max(worst, error / abs(true) if relative else error)
    return worst


@pytest.mark.parametrize(
    ("function", "m", "interval", "bound"),
    [
        ("gelu", 7, (-19, 19), 1.6e-6), ("gelu", 7, (-3, 18), 1.6e-6), ("silu", 7, (-12, 10), 1.3e-6),
        ("exp", 5, (-50, 0), 1.9e-6), ("sigmoid", 6, (-5, 5), 2.1e-6), ("tanh", 6, (-6, 7), 1.3e-3),
    ],
)  # fmt: skip
def test_a_shorter_interval_is_served_from_a_longer_one(function, m, interval, bound):
    r = pa.circuit(function, multiplications=m, interval=interval)
    assert r.multiplications <= m and r.error_bound <= bound
    assert _largest(r, *interval, relative=False) <= r.error_bound
    assert tuple(map(float, r.interval)) == tuple(map(float, interval))
    assert pa.verify(r).ok


@pytest.mark.parametrize(
    ("m", "interval", "bound"),
    [(6, (0.15, 10), 5.2e-6), (8, (0.2, 150), 6.3e-5), (6, (3e-7, 1e-5), 5.2e-6)],
)
def test_inverse_roots_are_scaled_and_their_relative_error_proven(m, interval, bound):
    r = pa.circuit("1/sqrt(x)", multiplications=m, interval=interval, relative=True)
    assert (r.multiplications, r.levels) == (m, m)
    largest = _largest(r, *interval, relative=True)
    assert 0.9 * r.error_bound < largest <= r.error_bound <= bound
    assert pa.verify(r).ok


def test_no_circuit_reaches_so_far():
    with pytest.raises(ArgumentError, match="shipped"):
        pa.circuit("gelu", multiplications=7, interval=(-100, 100))
    with pytest.raises(ArgumentError, match="shipped"):
        pa.circuit("1/sqrt(x)", multiplications=6, interval=(1e-9, 1), relative=True)


def test_a_search_under_a_weight_levels_the_weighted_error():
    plain = pa.circuit("exp", multiplications=2, interval=(-4, 1), search=True, starts=4)
    r = pa.circuit("exp", multiplications=2, interval=(-4, 1), search=True, starts=4, relative=True)
    assert r.weight == "1/abs(exp)" and r.multiplications == 2
    largest = _largest(r, -4, 1, relative=True)
    assert 0.98 * r.error_bound < largest <= r.error_bound
    assert largest < 0.3 * _largest(plain, -4, 1, relative=True)
    assert pa.verify(r).ok


def test_weights_are_part_of_the_problem():
    found = problem_for("tanh", (-2.0, 2.0), "1/abs(tanh)")
    assert found.family == "odd" and "weight" in found.name
    grid = found.points(64)
    assert np.all(np.isfinite(grid.target)) and np.allclose(np.abs(grid.target), 1)
    assert problem_for("exp", (-1.0, 1.0), "exp(x)").family == "general"


@pytest.mark.parametrize("given", [{"relative": True}, {"weight": "exp"}])
def test_the_absolute_value_has_no_weight(given):
    with pytest.raises(ArgumentError, match="absolute error"):
        pa.circuit("relu", multiplications=5, **given)


def test_a_relative_error_across_a_zero_is_refused():
    with pytest.raises(ArgumentError, match="minimax"):
        pa.circuit("gelu", multiplications=4, interval=(-3, 3), relative=True)
