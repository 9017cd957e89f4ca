"""The recipes: bounds hold against the function, counts and degrees are what is claimed."""

import math

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.errors import ArgumentError, DomainError, ExpressionError


def dense(low: float, high: float) -> np.ndarray:
    near_zero = np.concatenate([[0.0], np.geomspace(1e-9, 1, 4000)])
    points = np.concatenate([np.linspace(low, high, 20001), near_zero * high, -near_zero * -low])
    return points[(points >= low) & (points <= high)]


@pytest.mark.parametrize("k", range(4, 15))
def test_relu_meets_its_precision_everywhere(k: int) -> None:
    r = pa.relu(precision=2.0**-k, interval=(-1, 1))
    x = dense(-1, 1)
    assert r.error_bound <= 2.0**-k
    assert np.max(np.abs(r(x) - np.maximum(x, 0))) <= r.error_bound


def test_relu_scales_with_the_interval() -> None:
    r = pa.relu(precision=2**-9, interval=(-50, 50))
    x = dense(-50, 50)
    assert r.error_bound <= 50 * 2**-9
    assert np.max(np.abs(r(x) - np.maximum(x, 0))) <= r.error_bound
    assert (r.multiplications, r.depth) == (13, 7)


def test_relu_in_high_precision_agrees() -> None:
    r = pa.relu(precision=2**-7, interval=(-1, 1))
    with mpmath.workdps(60):
        value = r(mpmath.mpf("0.3"))
        assert abs(value - mpmath.mpf("0.3")) <= r.error_bound
        assert abs(value - r(0.3)) < 1e-13


@pytest.mark.parametrize(
    ("function", "degree", "domain", "expected"),
    [
        ("exp", 5, (-1, 1), 4.520551e-5),
        ("abs", 30, (-1, 1), 9.332486889547e-3),
        ("sqrt", 30, (0, 1), 4.668677979544e-3),
        ("tanh", 31, (-8, 8), 1.447674639590e-3),
        ("1/x", 60, (0.001, 1), 11.2189996160),
        ("sigmoid", 31, (-8, 8), 1.909175901426e-6),
        ("gelu", 30, (-4, 4), 6.101674876599e-11),
        ("exp", 20, (-1, 1), 1.888923060e-26),
    ],
)
def test_minimax_is_proven_tight(
    function: str, degree: int, domain: tuple[float, float], expected: float
) -> None:
    p = pa.minimax(function, degree, domain=domain)
    lower = p.error_lower_bound
    assert lower is not None and lower > 0
    assert p.error_bound / lower <= 1.001
    assert math.isclose(lower, expected, rel_tol=1e-6)


def test_black_box_has_an_estimate_and_no_bound() -> None:
    p = pa.minimax(lambda x: np.exp(np.asarray(x)), 6)
    assert p.error_estimate > 0
    with pytest.raises(AttributeError, match="no bound is proven"):
        _ = p.error_bound


@pytest.mark.parametrize(
    "arguments",
    [
        {"precision": 0.0},
        {"precision": 1.0},
        {"precision": float("nan")},
        {"precision": "small"},
        {},
        {"precision": 0.1, "tolerance": 0.1},
        {"precision": 0.1, "interval": (1, -1)},
        {"precision": 0.1, "interval": (0, float("inf"))},
        {"precision": 0.1, "interval": 3},
    ],
)
def test_bad_arguments_of_relu(arguments: dict) -> None:
    with pytest.raises(ArgumentError):
        pa.relu(**arguments)


def test_bad_arguments_of_minimax() -> None:
    with pytest.raises(ArgumentError, match="degree"):
        pa.minimax("exp", -1)
    with pytest.raises(DomainError):
        pa.minimax("1/x", 5, domain=(-1, 1))
    with pytest.raises(ExpressionError):
        pa.minimax("__import__('os').system('true')", 5)


def test_levels_are_another_word_for_depth() -> None:
    by_depth = pa.sign(precision=2**-5, objective="depth")
    assert pa.sign(precision=2**-5, objective="levels").plan == by_depth.plan
    assert pa.relu(precision=2**-9, objective="levels").depth <= 7
